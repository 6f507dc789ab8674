"""What past runs teach reaches the plan and the runs, and is in the log before them."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestrion.agents import Conductor, load_roster, make_plan
from orchestrion.domain import events as e
from orchestrion.domain.ports import Choice
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog


class Last:
    """A router that takes the last of the able, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[tuple[str, ...], int]] = []

    def choose(self, able: Sequence[str], *, task: str, seed: int) -> Choice:
        self.asked.append((tuple(able), seed))
        return Choice(able[-1], f"{able[-1]} is last; seed {seed}")


class Known:
    """Expects 40 ms of every run, and has one thing to tell."""

    def __init__(self, told: dict[str, Any] | None = None) -> None:
        self.told = told or {}

    def estimate(
        self, *, subject: str, session: str, agent: str, task: str | None, at: datetime
    ) -> e.EstimateMade | None:
        return e.EstimateMade(
            source="conductor",
            happened_at=at,
            session=session,
            run=subject,
            agent=agent,
            subject=subject,
            duration_ms=40,
        )

    def advice(self, *, agent: str, task: str | None) -> dict[str, Any]:
        return self.told


def test_of_agents_called_for_alike_one_is_chosen_and_the_plan_says_why(agent, workspace) -> None:
    for name in ("one", "two"):
        team = agent(name, keywords=["polish"], capabilities=["polishing"])
    roster = load_roster(workspace, team=team)
    assert {task.agent for task in make_plan("polish it", roster).tasks} == {"one", "two"}
    router = Last()
    task = make_plan("polish it", roster, router, seed=7).tasks[0]
    assert (task.agent, task.able, task.rationale) == ("two", ("one", "two"), "two is last; seed 7")
    assert router.asked == [(("one", "two"), 7)]


def test_whoever_is_named_or_called_for_by_other_words_stays(agent, workspace) -> None:
    agent("one", keywords=["polish"], capabilities=["polishing"])
    agent("two", keywords=["polish", "wax"], capabilities=["polishing"])
    roster = load_roster(workspace, team=agent("other", keywords=["polish"], capabilities=["sanding"]))
    router = Last()
    assert {t.agent for t in make_plan("wax and polish it", roster, router).tasks} == {"one", "two", "other"}
    assert {t.agent for t in make_plan("polish it, one", roster, router).tasks} == {"one", "two", "other"}
    assert router.asked == []


def conducted(log: MemoryLog, home: Path, workspace: Path, team: Path, known: Known) -> list[e.Event]:
    conductor = Conductor(log, home=home, learnt=known)
    asyncio.run(conductor.execute("alpha", workspace, load_roster(workspace, team=team)))
    return [record.event for record in log.read() if isinstance(record, Record)]


def test_the_estimate_stands_in_the_log_before_the_run(log, home, workspace, agent: Callable[..., Path]) -> None:
    facts = conducted(log, home, workspace, agent("alpha"), Known())
    kinds = [fact.kind for fact in facts if fact.kind in ("estimate.made", "agent.started")]
    assert kinds == ["estimate.made", "agent.started"]
    made = next(fact for fact in facts if isinstance(fact, e.EstimateMade))
    assert made.subject.endswith("/alpha-1")
    assert made.cause is not None


def test_what_was_learnt_is_told_to_the_agent_as_data_and_recorded(log, home, workspace, agent) -> None:
    script = "import sys; print('told:', 'tests are flaky' in sys.stdin.read())"
    team = agent("alpha", command=[sys.executable, "-c", script], prompt="stdin")
    facts = conducted(log, home, workspace, team, Known({"patterns": [{"name": "tests are flaky", "evidence": [3]}]}))
    shared = [fact for fact in facts if isinstance(fact, e.MessageSent) and fact.type == "context_share"]
    assert [(m.sender, m.payload["context"]["patterns"][0]["evidence"]) for m in shared] == [("conductor", [3])]
    assert any("told: True" in str(fact.result) for fact in facts if isinstance(fact, e.ToolReturned))


def test_without_anything_learnt_nothing_is_expected_or_told(log, home, workspace, agent) -> None:
    conductor = Conductor(log, home=home)
    asyncio.run(conductor.execute("alpha", workspace, load_roster(workspace, team=agent("alpha"))))
    kinds = {record.event.kind for record in log.read() if isinstance(record, Record)}
    assert "estimate.made" not in kinds
