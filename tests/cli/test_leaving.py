"""Who leaves the dashboard leaves no process behind, and waits for none."""

import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import threading
from contextlib import closing
from fcntl import ioctl
from pathlib import Path
from time import monotonic
from typing import Any, Self

import pytest

from orchestrion.cli.dashboard import Children, feed_of
from orchestrion.cli.wiring import home_of, opened
from orchestrion.domain import events as e
from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections.asking import ANSWER_SECONDS

ENDLESS = "SELECT count(*) FROM range(1000000000000) AS r(i) WHERE i % 7 = 3"


PATIENCE_SECONDS = 60.0
LEAVE, RUN, ALL = "\x11", "\x12", "\x1b[18~"
"""Ctrl+Q, Ctrl+R, and F7, which selects all of a text."""


class Terminal:
    """A person before `orchestrion`, on a pseudo-terminal."""

    def __init__(self, *words: str) -> None:
        self._own, its = pty.openpty()
        ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        command = [sys.executable, "-P", "-m", "orchestrion.cli.main", *words]
        environ = {**os.environ, "TERM": "xterm-256color"}
        self.process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environ, start_new_session=True)
        os.close(its)
        self.read = ""

    def types(self, keys: str) -> None:
        os.write(self._own, keys.encode())

    def reads(self, wanted: str) -> None:
        """Until `wanted` was drawn since the last time."""
        seen, until = "", monotonic() + PATIENCE_SECONDS
        while wanted not in seen:
            assert monotonic() < until, f"{wanted!r} was not drawn: {seen[-2000:]!r}"
            more = self._more(0.1)
            assert more is not None, f"it has ended: {seen[-2000:]!r}"
            seen += more

    def left(self, seconds: float) -> int:
        """The exit code, once it has ended, which it must within `seconds`."""
        until = monotonic() + seconds
        while self._more(0.1) is not None:
            assert monotonic() < until, f"it still runs: {self.read[-2000:]!r}"
        return self.process.wait(1)

    def _more(self, seconds: float) -> str | None:
        """What was written within `seconds`; None when it has ended."""
        if not select.select([self._own], [], [], seconds)[0]:
            return ""
        try:
            more = os.read(self._own, 65536).decode(errors="replace")
        except OSError:  # Linux says so when the other end is closed
            return None
        self.read += more
        return more or None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._own)


class Noted(Children):
    """Says which child there is."""

    def __init__(self) -> None:
        super().__init__()
        self.there, self.child = threading.Event(), None

    def begun(self, child: Any) -> None:
        super().begun(child)
        self.child = child
        self.there.set()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with one session."""
    with closing(open_log(tmp_path / "home")) as log:
        log.observe([witnessed(e.SessionStarted(source="hook", session="s", product="p", request="Fix it"))])
    return tmp_path / "home"


def test_the_process_that_answers_a_question_is_killed_and_whoever_asked_is_told(home: Path) -> None:
    children, told = Noted(), list[str]()
    with opened(home_of(home)) as (log, store):
        feed = feed_of(log, store, home_of(home), children)

        def asks() -> None:
            try:
                feed.ask(ENDLESS, None)
            except OrchestrionError as error:
                told.append(str(error))

        asking = threading.Thread(target=asks)
        asking.start()
        assert children.there.wait(60)
        children.close()
        asking.join(60)
    assert children.child.poll() is not None
    assert len(told) == 1


def test_a_process_that_begins_while_the_dashboard_is_left_is_killed_too() -> None:
    children = Children()
    children.close()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as late:
        children.begun(late)
        assert late.wait(60) < 0


@pytest.mark.timeout(240)
def test_a_person_leaves_at_once_while_a_long_question_is_asked(home: Path) -> None:
    with Terminal("watch", "--home", str(home)) as terminal:
        terminal.reads("Fix")
        terminal.types("7")
        terminal.reads("SELECT")
        terminal.types(f"{ALL}{ENDLESS}{RUN}")
        terminal.reads("asking")
        terminal.types(LEAVE)
        assert terminal.left(ANSWER_SECONDS) == 0
        assert "Traceback" not in terminal.read


@pytest.mark.timeout(240)
def test_a_log_that_was_replaced_while_it_is_watched_is_opened_anew(home: Path, tmp_path: Path) -> None:
    with closing(open_log(tmp_path / "other")) as other:
        other.observe([witnessed(e.SessionStarted(source="hook", session="o", product="p", request="Paint it"))])
    with Terminal("watch", "--home", str(home)) as terminal:
        terminal.reads("Fix")
        shutil.rmtree(home)
        terminal.reads("opened anew as soon as")
        shutil.copytree(tmp_path / "other", home)
        terminal.reads("Paint")
        terminal.types(LEAVE)
        assert terminal.left(PATIENCE_SECONDS) == 0
        assert "Traceback" not in terminal.read
