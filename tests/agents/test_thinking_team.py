"""A team of thinking agents through a whole orchestration, undisturbed and with its conductor dying at every kind."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra 'llm' is not there")

import auth_story

from orchestrion.agents import Conductor, load_roster
from orchestrion.agents.minds import Minds
from orchestrion.domain import events as e
from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.record import Appended, Fact, Record
from orchestrion.eventstore import MemoryLog

Agent = Callable[..., Path]


@pytest.fixture
def team(agent: Agent) -> Path:
    for name, keys in auth_story.TEAM.items():
        folder = agent(name, runner="llm", **keys)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return auth_story.project(tmp_path / "auth")


def test_audit_handoff_fix_rejected_fixed_approved_then_tests_and_documentation(
    team: Path, project: Path, play: Callable[..., Any]
) -> None:
    script = auth_story.script()
    played = play(auth_story.REQUEST, project, minds=Minds(script.model()))
    assert played.result.status == "completed", played.result.reason
    order = [f"{f.agent}-{f.attempt}" for f in played.of(e.AgentStarted)]
    assert order[:4] == ["auditor-1", "mender-1", "auditor-2", "auditor-3"]
    assert set(order[4:]) == {"prover-1", "scribe-1"}
    verdicts = [f.payload for f in played.of(e.MessageSent, type="validation_result")]
    assert [v["approved"] for v in verdicts] == [False, True]
    assert verdicts[0]["reasons"] == ["auth.py:6 still puts the query together from text"]
    assert verdicts[1]["evidence"]["said"] == ["auth.py:6 gives the name as a parameter"]
    (judged,) = played.of(e.OutcomeJudged)
    assert judged.rework
    offers = played.of(e.HandoffOffered, giver="auditor", taker="mender")
    assert [f.task for f in offers] == ["Close the injection in auth.py", auth_story.REQUEST]
    assert offers[0].package["recommendations"]["nextActions"] == ["auth.py:6: give the name as a parameter"]
    assert {f.handoff for f in played.of(e.HandoffAccepted)} >= {f.handoff for f in offers}
    (pattern,) = played.of(e.PatternDiscovered)
    assert (pattern.name, pattern.confidence) == ("query-from-text", 0.9)
    reports = played.of(e.MessageSent, type="finding_report")
    assert [(f.payload["rule"], f.priority) for f in reports] == [("sql-injection", "critical")]
    ended = {f.agent: f for f in played.of(e.AgentCompleted)}
    assert ended["prover"].summary == "The test holds."
    assert ended["mender"].files_modified == ("auth.py",)
    assert "name = ?" in played.result.diff
    assert "README.md" in played.result.diff


def test_an_agent_gets_what_was_handed_over_and_why_it_was_rejected_as_data(
    team: Path, project: Path, play: Callable[..., Any]
) -> None:
    script = auth_story.script()
    play(auth_story.REQUEST, project, minds=Minds(script.model()))
    first, rework = script.heard["mender"][0], script.heard["mender"][2]
    mark = first.partition("<data-")[2][:12]
    for told, said in ((first, "give the name as a parameter"), (rework, "still puts the query together")):
        before, _, _ = told.rpartition(said)
        assert before.count(f"<data-{mark} from=") > before.count(f"</data-{mark}>"), told
    assert "auditor rejected your changes" in rework


class Mortal(MemoryLog):
    """A log that takes no more once the fact of a kind was said so many times, as if its conductor had died there."""

    dies_at: tuple[str, int] = ("", 0)
    dead = False

    def append(self, stream: str, events: list[e.Event], *, expect: int) -> Appended:
        self._die_at(events)
        return super().append(stream, events, expect=expect)

    def observe(self, facts: list[Fact], **options: object) -> Appended:
        self._die_at([fact.event for fact in facts])
        return super().observe(facts, **options)

    def _die_at(self, events: list[e.Event]) -> None:
        kind, times = self.dies_at
        self.dies_at = (kind, times - sum(event.kind == kind for event in events))
        self.dead = self.dead or (bool(kind) and self.dies_at[1] < 0)
        if self.dead:
            raise LogUnavailable("dead")

    def facts(self) -> list[e.Event]:
        return [record.event for record in self.read() if isinstance(record, Record)]


def story(facts: list[e.Event]) -> Counter[tuple[str, str | None]]:
    """How often each kind of fact stands there, by agent; without what a restart adds."""
    passing = {"lease.taken", "lease.renewed", "process.started"}
    return Counter((fact.kind, fact.agent) for fact in facts if fact.kind not in passing)


@pytest.fixture(scope="module")
def undisturbed() -> list[Counter[tuple[str, str | None]]]:
    """The story of a session that nothing befell, once it was played."""
    return []


PLACES = [("model.answered", 0), ("tool.returned", 0), ("handoff.offered", 1), ("agent.completed", 1)]
MORE_PLACES = [
    ("model.requested", 0), ("model.answered", 5), ("usage.recorded", 3), ("handoff.offered", 0), ("message.sent", 2),
    ("pattern.discovered", 0), ("outcome.judged", 0), ("tool.called", 3), ("message.delivered", 1),
]  # fmt: skip


@pytest.mark.parametrize(
    "dies_at",
    [*PLACES, *(pytest.param(place, marks=pytest.mark.slow) for place in MORE_PLACES)],
    ids=lambda at: f"{at[0]}-{at[1]}",
)
def test_a_resumed_session_asks_no_answered_question_again_and_tells_the_same_story(
    dies_at: tuple[str, int], undisturbed: list[Any], team: Path, project: Path, home: Path
) -> None:
    roster, log, script = load_roster(project, team=team), Mortal(), auth_story.script()
    if not undisturbed:
        whole = Mortal()
        minds = Minds(auth_story.script().model())
        asyncio.run(Conductor(whole, home=home, minds=minds).execute(auth_story.REQUEST, project, roster, seed=1))
        undisturbed.append(story(whole.facts()))
        whole.close()

    log.dies_at = dies_at
    conductor = Conductor(log, home=home, minds=Minds(script.model()))
    with pytest.raises(LogUnavailable):
        asyncio.run(conductor.execute(auth_story.REQUEST, project, roster, seed=1))
    answered = [f for f in log.facts() if isinstance(f, e.ModelAnswered)]
    log.dead, log.dies_at = False, ("", 0)
    for name in script.lines:  # a request that was not answered is asked again: the script says that line once more
        script.asked[name] = sum(f.agent == name for f in answered)
    session = log.facts()[0].session
    result = asyncio.run(Conductor(log, home=home, minds=Minds(script.model())).resume(session))
    assert result.status == "completed", result.reason
    assert story(log.facts()) == undisturbed[0]
    requests = Counter(f.request_id for f in log.facts() if isinstance(f, e.ModelAnswered))
    assert set(requests.values()) == {1}
    log.close()
