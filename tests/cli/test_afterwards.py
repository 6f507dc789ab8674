"""What is said of a session when its work is over is not its work: how long it took, and its end, stay as they were."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import membership
from orchestrion.cli.plain import lasting
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log

SESSION = "ses_gone"
BEGAN = datetime(2025, 11, 3, 9, 0, tzinfo=UTC)
WORKED = timedelta(hours=2, minutes=40)
TIP = ("--type", "optimization_tip", "--payload", '{"tip": "cache it"}')


def worked(source: str, *, dated: bool = True, ends: bool = False) -> list[e.Event]:
    """A session that `source` witnessed, whose only run was at work for as long as it was."""

    def at(since: timedelta) -> dict[str, Any]:
        return {"source": source, "session": SESSION, "happened_at": BEGAN + since if dated else None}

    whose, run = "orchestrion" if source == "conductor" else "claude-code", f"{SESSION}/main"
    last: list[e.Event] = [
        e.AgentCompleted(**at(WORKED), run=run, agent="main"),
        e.SessionEnded(**at(WORKED), status="completed"),
    ]
    return [
        e.SessionStarted(**at(timedelta()), product=whose, request="Fix it"),
        e.AgentStarted(**at(timedelta()), run=run, agent="main"),
        e.MessageSent(**at(WORKED), run=run, message="m", sender="main", recipient="human", type="response"),
        *(last if ends else ()),
    ]


def left() -> list[e.Event]:
    """A session of ours whose conductor died at work."""
    about: dict[str, Any] = {"source": "conductor", "session": SESSION}
    lease = e.LeaseTaken(
        **about, happened_at=BEGAN, holder="hld_1", pid=1, born="long ago", host="a-machine", lease_seconds=6
    )
    return [*worked("conductor"), lease]


def judge(speak: Any, home: Path) -> None:
    assert speak("judge", f"{SESSION}/main", "--verdict", "good", "--home", home).code == 0


def write(speak: Any, home: Path) -> None:
    assert speak("send", "human", *TIP, "--session", SESSION, "--home", home).code == 0
    assert speak("inbox", "--ack", "--session", SESSION, "--home", home).code == 0


def join(_: Any, home: Path) -> None:
    with open_log(home) as log:
        membership.register(log, SESSION, "guest", [])


def leave(_: Any, home: Path) -> None:
    with open_log(home) as log:
        membership.end_run(log, f"{SESSION}/guest-1", summary="seen")


def lapse(_: Any, home: Path) -> None:
    with open_log(home) as log:
        lapsed = e.LeaseLapsed(source="conductor", happened_at=datetime.now(UTC), session=SESSION, holder="hld_1")
        log.observe([witnessed(lapsed)])


def said(speak: Any, home: Path) -> dict[str, Any]:
    """When it began and ended, its status and how long it took, as each command says."""
    row = speak("sessions", "--home", home, "--format", "json").json[0]
    asked = "SELECT started_at, ended_at, date_diff('millisecond', started_at, ended_at) AS took FROM sessions"
    report = speak("report", SESSION, "--home", home, "--format", "json").json
    total = re.search(r"∑ .* in (.+)", speak("log", SESSION, "--home", home).out)
    assert total is not None
    return {
        "sessions": {name: row[name] for name in ("started_at", "ended_at", "status")},
        "sql": speak("sql", asked, "--home", home, "--format", "json").json[0],
        "report": (report["header"]["ended_at"]["value"], report["summary"]["duration_ms"]["value"]),
        "log": total[1],
        "profile": speak("profile", SESSION, "--home", home, "--format", "json").json["wall_ms"],
    }


@pytest.mark.parametrize(
    ("facts", "afterwards"),
    [
        (worked("transcript"), (judge, write, join, leave)),
        (worked("transcript", dated=False), (judge, write, join, leave)),
        (worked("conductor", ends=True), (judge, write)),
        (left(), (lapse, judge, write)),
    ],
    ids=["imported", "imported without times", "ended", "lost"],
)
def test_what_is_said_of_a_session_afterwards_changes_neither_its_end_nor_its_duration(
    facts: list[e.Event], afterwards: tuple[Callable[[Any, Path], None], ...], speak: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    with open_log(home) as log:
        log.observe([witnessed(fact) for fact in facts])
    before = said(speak, home)
    took = WORKED.total_seconds() * 1000 if facts[0].happened_at else None
    assert before["report"][1] == before["sql"]["took"] == took
    assert before["log"] == lasting(took)
    for act in afterwards:
        act(speak, home)
        assert said(speak, home) == before, act.__name__
