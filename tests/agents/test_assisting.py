"""Who asks for help with urgency gets a new run of somebody able, called in by the conductor; its result is given."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import Conductor, Limits, load_roster
from orchestrion.agents.assistance import request_assistance
from orchestrion.agents.post import Post
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.agents.running import RUNNERS
from orchestrion.domain import events as e
from orchestrion.domain.record import Fact, Record
from orchestrion.eventstore import MemoryLog

Agent = Callable[..., Path]
Play = Callable[..., Any]
SECONDS = 20


class Asking:
    """A process runner that asks for help and waits for the answer, or leaves at once."""

    capability, urgency, waits = "beta-work", "high", True

    async def run(self, work: Work, desk: Desk) -> Outcome:
        request = await desk.ask(self.capability, {"query": "Complex JOIN needs optimization"}, urgency=self.urgency)
        async with asyncio.timeout(SECONDS):
            while self.waits:
                for message in desk.take():
                    if message.in_reply_to == request.message:
                        return Outcome(summary=json.dumps(message.payload))
                await asyncio.sleep(0.02)
        return Outcome(summary="left")


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    runner = Asking()
    monkeypatch.setitem(RUNNERS, "process", runner)  # type: ignore[arg-type]
    return runner


@pytest.fixture
def team(agent: Agent, asking: Asking) -> Asking:
    agent("alpha", command=["unused"])
    agent("beta", "print('add an index')")
    return asking


def test_an_urgent_request_for_help_starts_a_run_whose_result_is_the_answer(team: Asking, play: Play) -> None:
    played = play("alpha")
    assert played.result.status == "completed", played.result.reason
    helper, asker = f"{played.result.session}/beta-1", f"{played.result.session}/alpha-1"
    (started,) = played.of(e.AgentStarted, agent="beta")
    assert (started.run, started.parent_run) == (helper, asker)
    assert "Help alpha (beta-work)" in started.task
    assert "Complex JOIN" in started.task
    (request,) = played.of(e.MessageSent, type="assistance_request")
    assert (request.recipient, request.priority, started.cause) == ("conductor", "high", f"message-{request.message}@1")
    (answer,) = played.of(e.MessageSent, type="response")
    assert (answer.run, answer.recipient_runs, answer.thread) == (helper, (asker,), request.thread)
    assert answer.payload["status"] == "completed"
    delivered = {(f.message, f.run) for f in played.of(e.MessageDelivered)}
    assert {(request.message, request.recipient_runs[0]), (answer.message, asker)} <= delivered


def test_without_urgency_nobody_is_called_in(team: Asking, play: Play) -> None:
    team.urgency = "normal"
    played = play("alpha")
    assert played.result.status == "failed"
    assert "nobody with the capability 'beta-work' is at work" in played.result.reason
    assert played.of(e.AgentStarted, agent="beta") == []


def test_the_asker_is_told_when_nobody_in_the_team_can_help(team: Asking, play: Play) -> None:
    team.capability = "alpha-work"  # which the asker alone has
    played = play("alpha")
    (answer,) = played.of(e.MessageSent, type="response")
    assert (answer.sender, answer.payload["text"]) == ("conductor", "nobody in the team can help: alpha-work")
    assert len(played.of(e.AgentStarted)) == 1


def test_a_helper_that_fails_says_so_and_the_asker_goes_on(agent: Agent, asking: Asking, play: Play) -> None:
    agent("alpha", command=["unused"])
    agent("beta", "raise SystemExit('no idea')")
    played = play("alpha")
    assert played.result.status == "completed"
    (answer,) = played.of(e.MessageSent, type="response")
    assert answer.payload["text"].startswith("it could not help (failed)")
    assert "no idea" in answer.payload["text"]
    assert [f.agent for f in played.of(e.AgentFailed)] == ["beta"]


def test_a_helper_is_stopped_when_the_asker_has_ended(agent: Agent, asking: Asking, play: Play) -> None:
    agent("alpha", command=["unused"])
    agent("beta", "import time; time.sleep(60)")
    agent("gamma", "import time; time.sleep(1)")
    asking.waits = False
    played = play("alpha gamma")
    assert played.result.status == "completed", "a helper's end is not the plan's"
    ended = played.of(e.AgentFailed, agent="beta")
    assert [(f.status, f.reason) for f in ended] in (
        [],
        [("cancelled", "the run that it was to help has ended")],
    )
    assert played.result.duration_ms < 15_000


def test_a_helper_needs_no_free_place_so_nobody_waits_for_ever(team: Asking, play: Play) -> None:
    assert play("alpha", limits=Limits(max_parallel_agents=1)).result.status == "completed"


def test_what_is_said_to_the_conductor_is_delivered_to_it(agent: Agent, play: Play) -> None:
    agent("alpha", "raise SystemExit(3)")
    agent("beta", after=["alpha-work"])
    played = play("alpha beta")
    warnings = [m.message for m in played.of(e.MessageSent, recipient="conductor")]
    assert len(warnings) == 2
    assert {m.message for m in played.of(e.MessageDelivered, recipient="conductor")} == set(warnings)


@pytest.mark.usefixtures("asking")
@pytest.mark.parametrize("kind", [e.ToolCalled, e.MessageDelivered, e.AgentStarted])
def test_a_resumed_conductor_finds_what_help_was_asked_for_and_gives_it_once(
    kind: type[e.Event], agent: Agent, play: Play, log: MemoryLog, home: Path
) -> None:
    agent("alpha", command=["unused"])
    team = agent("beta", "print('add an index')", step={"idempotent": True})
    session = play("alpha").result.session
    records = [record for record in log.read() if isinstance(record, Record)]
    last = max(
        record.position for record in records if isinstance(record.event, kind) and record.event.agent != "alpha"
    )
    with MemoryLog() as cut:  # as a crash right after that fact would have left it
        cut.observe([Fact(r.stream, r.version, r.event) for r in records if r.position <= last])
        result = asyncio.run(Conductor(cut, home=home).resume(session, roster=load_roster(home, team=team)))
        facts = [record.event for record in cut.read() if isinstance(record, Record)]
    assert result.status == "completed", result.reason
    assert [fact.run for fact in facts if isinstance(fact, e.AgentStarted)] == [
        f"{session}/alpha-1",
        f"{session}/beta-1",
    ]
    assert [fact.type for fact in facts if isinstance(fact, e.MessageSent)] == ["assistance_request", "response"]


class Person:
    """A process runner during whose run a person asks for help, from another process."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def run(self, work: Work, desk: Desk) -> Outcome:
        post = Post(self._log, work.session)
        request = request_assistance(post, "human", "beta-work", "why?", "critical", seconds=5)
        async with asyncio.timeout(SECONDS):
            while not (heard := post.take(f"{work.session}/human")):
                await asyncio.sleep(0.02)
        return Outcome(summary=f"{heard[0].in_reply_to == request.message} {heard[0].sender}")


def test_a_person_is_helped_as_well(agent: Agent, play: Play, log: MemoryLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNNERS, "process", Person(log))  # type: ignore[arg-type]
    agent("alpha", command=["unused"])
    agent("beta", "print('because')")
    played = play("alpha")
    assert [report.summary for report in played.result.agents if report.agent == "alpha"] == ["True beta"]
    (helper,) = played.of(e.AgentStarted, agent="beta")
    assert helper.parent_run is None
    assert played.result.findings == []
