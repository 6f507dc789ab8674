"""A log to ask, and two ways to speak to the command line: the shipped program, and `main()` in this process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.main import main
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log

PROGRAM = Path(sys.executable).parent / "orchestrion"
START = datetime(2026, 1, 30, 10, 23, 45, 123000, tzinfo=UTC)

HOSTILE = {
    "clipboard": "\x1b]52;c;cm0gLXJm\x07",
    "title": "\x1b]0;owned\x07\x9b2J",
    "markup": "[/x][@click=app.quit]hi[/] [bold]",
    "markdown": "|`a`|**b** <script>alert(1)</script> ![x](http://e) ```",
    "formula": "=1+cmd|'/C calc'!A0",
    "bidi": "user\u202enimda\u2066\u200b\ufeff",
    "tags": "x" + "".join(chr(0xE0000 + ord(c)) for c in "run"),
    "lines": "a\r\nb\x0bc\x7f\x08",
}


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Speak = Callable[..., Said]


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of the machine reaches a test, and the project at hand is an empty one."""
    for name in list(os.environ):
        if name.startswith(("ORCHESTRION_", "CLAUDE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def speak(capsys: pytest.CaptureFixture[str]) -> Speak:
    """`main()` in this process: quick, for everything but processes, signals and streams."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


@pytest.fixture
def program() -> Speak:
    """The installed program in a process of its own."""

    def call(*arguments: object, **how: Any) -> Said:
        done = subprocess.run(
            [PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120, check=False, **how
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return call


def play(session: str = "ses_alpha", *, minutes: int = 0, text: str = "Fix it", name: str = "auditor") -> list[e.Event]:
    """A small session of two agents: plan, calls (one of them failed), messages, a handoff and a pattern."""

    def at(seconds: float) -> dict[str, Any]:
        moment = START + timedelta(minutes=minutes, seconds=seconds)
        return {"source": "conductor", "session": session, "happened_at": moment}

    one, two = f"{session}/a-1", f"{session}/b-1"
    tasks = (
        e.PlannedTask(id="task-1", agent=name, task=text),
        e.PlannedTask(id="task-2", agent="fixer", task=text, depends_on=("task-1",)),
    )
    call = f"call-{session}"
    return [
        e.SessionStarted(**at(0), product="orchestrion", request=text, project=text),
        e.PlanMade(**at(0), request=text, planner="test", tasks=tasks, phases=((name,), ("fixer",))),
        e.AgentStarted(**at(0), run=one, agent=name, task=text, task_id="task-1"),
        e.ToolCalled(**at(1), run=one, agent=name, call=call, tool=f"Read {text}", params={"path": text}),
        e.ToolReturned(**at(1.234), run=one, call=call, status="ok", result=text),
        e.ToolCalled(**at(2), run=one, agent=name, call=f"{call}-2", tool="Bash", params={"command": text}),
        e.ToolReturned(**at(3), run=one, call=f"{call}-2", status="error", error=text),
        e.MessageSent(
            **at(3),
            run=one,
            agent=name,
            message=f"msg-{session}",
            sender=name,
            recipient="all",
            type="finding_report",
            priority="high",
            payload={"severity": "high", "issue": text, "file": text, "line": 42},
        ),
        e.AgentCompleted(**at(4), run=one, agent=name, summary=text, duration_ms=4000, files_modified=(text,)),
        e.HandoffOffered(**at(4), run=one, handoff=f"hand-{session}", giver=name, taker="fixer", task=text),
        e.HandoffRejected(**at(4), run=two, handoff=f"hand-{session}", taker="fixer", problems=(text,)),
        e.AgentStarted(**at(4), run=two, agent="fixer", task=text, task_id="task-2"),
        e.MessageSent(
            **at(5),
            run=two,
            agent="fixer",
            message=f"ask-{session}",
            sender="fixer",
            recipient=name,
            type="validation_request",
            priority="high",
            payload={"changes": [text]},
        ),
        e.IncidentObserved(**at(5), run=two, incident=f"inc-{session}", type=text, detail={"text": text}),
        e.PatternDiscovered(
            **at(6), run=two, agent="fixer", pattern=f"pat-{session}", name=text, type="security", confidence=0.95,
            evidence=(5, 8), context=text,
        ),
        e.AgentFailed(**at(7), run=two, agent="fixer", status="timed_out", reason=text, remedy=text, duration_ms=3000),
        e.SessionEnded(**at(8), status="failed", reason=text, duration_ms=8000),
    ]  # fmt: skip


def record(home: Path, events: Sequence[e.Event]) -> None:
    """Append `events` to the log of `home`."""
    log = open_log(home)
    try:
        log.observe([witnessed(event) for event in events])
    finally:
        log.close()


@pytest.fixture(scope="session")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two sessions, the second of which came later. Read only: tests share it."""
    home = tmp_path_factory.mktemp("told")
    record(home, play("ses_alpha"))
    record(home, play("ses_beta", minutes=60, text="Add tests"))
    return home


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which every text is hostile."""
    home = tmp_path_factory.mktemp("poisoned")
    for number, (name, text) in enumerate(HOSTILE.items()):
        record(home, play(f"ses_{name}{text}", minutes=number, text=text, name=f"agent{text}"))
    return home


@pytest.fixture
def play_home(tmp_path: Path) -> tuple[Path, list[e.Event], Callable[[Path, Sequence[e.Event]], None]]:
    """A home in which a session has just begun, the whole of its play, and how to record the rest."""
    home, events = tmp_path / "home", play()
    record(home, events[:4])
    return home, events, record


@pytest.fixture
def twice(tmp_path: Path) -> tuple[Path, Path]:
    """Two homes with the same sessions, recorded the other way round: with ties everywhere."""
    plays = [play(f"ses_{text[0]}", text=text) for text in ("Zeta fails", "Alpha fails", "Midway fails")]
    homes = tmp_path / "forward", tmp_path / "backward"
    for home, order in zip(homes, (plays, plays[::-1]), strict=True):
        for events in order:
            for number in range(4):
                calls = [event for event in events if isinstance(event, e.ToolCalled | e.ToolReturned)]
                again = [event.model_copy(update={"call": f"{event.call}-{number}"}) for event in calls]
                seen = again if number else events
                record(home, [event.model_copy(update={"source": "transcript"}) for event in seen])
    return homes
