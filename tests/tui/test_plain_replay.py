"""`replay --plain`: the commentary with the session's own timing; and what a terminal that cannot draw gets."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.replaying import replay
from orchestrion.domain import events as e
from orchestrion.eventstore import open_log


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


def test_a_replay_appends_nothing(home: Path) -> None:
    before = orchestrion(home, "status", "--format", "json").stdout
    played = orchestrion(home, "replay", "ses_1", "--plain", "--speed", "0")
    assert played.returncode == 0, played.stderr
    assert "SESSION COMPLETED" in played.stdout
    assert orchestrion(home, "status", "--format", "json").stdout == before


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
