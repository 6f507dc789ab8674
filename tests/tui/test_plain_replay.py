"""`replay`: with --plain the commentary with its own timing, as a dumb terminal gets it; and without side effects."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.hook import keep
from orchestrion.cli.replaying import replay
from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from tests.tui.conftest import PATIENCE_SECONDS


def test_each_line_waits_as_long_as_it_did_divided_by_the_speed(story: Any, feed: Any, capsys: Any) -> None:
    story.tell(e.SessionStarted, product="orchestrion", request="quick")
    story.tell(e.AgentStarted, seconds=4, run="r", agent="a")
    story.tell(e.AgentCompleted, seconds=6, run="r", agent="a", duration_ms=6000)
    feed.views.catch_up()
    slept: list[float] = []
    replay(feed.views, "ses_1", speed=2, sleep=slept.append)
    assert slept == [2.0, 3.0]
    out = capsys.readouterr().out
    assert out.index("SESSION ses_1") < out.index("AGENT START: a") < out.index("AGENT COMPLETED: a")


def test_speed_zero_does_not_wait_at_all(story: Any, feed: Any, capsys: Any) -> None:
    story.team()
    feed.views.catch_up()
    replay(feed.views, "ses_1", speed=0, sleep=lambda _: pytest.fail("it waited"))
    assert "AGENT START: security-auditor" in capsys.readouterr().out


def test_it_tells_only_what_was_known_at_a_position(story: Any, feed: Any, capsys: Any) -> None:
    story.team()
    feed.views.catch_up()
    replay(feed.views, "ses_1", speed=0, at=3)
    out = capsys.readouterr().out
    assert "AGENT START: security-auditor" in out
    assert "backend-api-developer after" not in out


def orchestrion(home: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "orchestrion.cli.main", *arguments, "--home", str(home)]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **environ},
        check=False,
    )


@pytest.fixture
def home(story: Any, tmp_path: Path) -> Path:
    """A home whose log holds a whole small session."""
    story.log.close()
    story.log = open_log(tmp_path)
    story.team()
    story.log.close()
    return tmp_path


@pytest.fixture
def forsaken(home: Path) -> Path:
    """The same with a session whose conductor is gone, and a hook's payload in the spool: both are news to the log."""
    about = {"source": "conductor", "session": "ses_2", "happened_at": datetime.now(UTC) - timedelta(minutes=5)}
    with open_log(home) as log:
        started = e.SessionStarted(**about, product="orchestrion", request="left behind")
        lease = e.LeaseTaken(**about, holder="hld_1", pid=1, born="long ago", host="another", lease_seconds=6)
        log.observe([witnessed(started), Fact("lease-ses_2", 1, lease)])
    (home / "workspaces" / "ses_2").mkdir(parents=True)
    keep(str(home / "spool"), b'{"hook_event_name": "SessionStart", "session_id": "hooked", "source": "startup"}')
    return home


def holds(home: Path) -> tuple[list[tuple[Any, ...]], list[str]]:
    """What stands in the log of `home`, and what waits in its spool."""
    with open_log(home) as log:
        return list(log.rows(after=0, limit=1000)), sorted(path.name for path in (home / "spool").iterdir())


def test_a_replay_appends_nothing(forsaken: Path) -> None:
    before = holds(forsaken)
    played = orchestrion(forsaken, "replay", "ses_1", "--plain", "--speed", "0")
    assert played.returncode == 0, played.stderr
    assert "SESSION COMPLETED" in played.stdout
    assert "The spool holds 1 of hooks' files" in played.stderr
    assert holds(forsaken) == before
    assert orchestrion(forsaken, "status").returncode == 0
    assert holds(forsaken) != before, "another command notes what happened"


def test_nor_does_one_in_the_terminal_even_where_it_comes_back_to_the_living_log(forsaken: Path) -> None:
    before = holds(forsaken)
    with terminal("replay", "ses_1", "--home", str(forsaken)) as screen:
        screen.awaits("as of 1")
        screen.presses(".")
        screen.awaits("as of 2")
        screen.presses("l")
        screen.awaits("live")
        screen.presses("q")
        assert screen.ended() == 0
    assert holds(forsaken) == before


class Screen:
    """What a process draws on the other side of `master`."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master, self._process = master, process
        self._drawn = ""

    def awaits(self, text: str) -> None:
        """Wait until `text` is drawn. Fails if it is not for long."""
        while text not in self._drawn:
            assert self._reads(), (text, self._drawn[-2000:])
        self._drawn = self._drawn.partition(text)[2]

    def presses(self, key: str) -> None:
        os.write(self._master, key.encode())

    def ended(self) -> int:
        """Its exit code, once it is over; who does not read holds it up."""
        while self._reads():
            pass
        return self._process.wait(PATIENCE_SECONDS)

    def _reads(self) -> bool:
        """Whether something more was drawn."""
        if not select.select([self._master], [], [], PATIENCE_SECONDS)[0]:
            return False
        try:
            drawn = os.read(self._master, 65536)
        except OSError:  # Linux' word for the end
            return False
        self._drawn += drawn.decode(errors="replace")
        return bool(drawn)


@contextmanager
def terminal(*arguments: str) -> Iterator[Screen]:
    """A command in a terminal of its own."""
    pty = pytest.importorskip("pty")
    master, its = pty.openpty()
    command = [sys.executable, "-P", "-m", "orchestrion.cli.main", *arguments]
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "120", "LINES": "40"}
    process = subprocess.Popen(command, stdin=its, stdout=its, stderr=its, env=environ, start_new_session=True)
    os.close(its)
    try:
        yield Screen(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def test_without_a_fit_terminal_the_commentary_is_told_instead(home: Path) -> None:
    for command in (("watch",), ("replay", "last", "--speed", "0")):
        done = orchestrion(home, *command, TERM="dumb")
        assert done.returncode == 0, done.stderr
        assert "cannot show the dashboard" in done.stderr
        assert "SESSION COMPLETED" in done.stdout


def test_a_session_that_is_not_there_is_one_sentence(home: Path) -> None:
    done = orchestrion(home, "replay", "nowhere", "--plain")
    assert done.returncode == 3
    assert "no session begins with 'nowhere'" in done.stderr
    assert "Traceback" not in done.stderr
