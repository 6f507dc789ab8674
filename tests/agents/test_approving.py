"""A call waits for a person's word: asked for, answered from outside, expired, found again after a restart."""

import asyncio
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrion.agents.approving import Person, give, requested, word_on
from orchestrion.agents.holding import Holding
from orchestrion.agents.identity import born, parent_of
from orchestrion.agents.journal import Journal, SteadyClock
from orchestrion.agents.past import recall
from orchestrion.agents.standstill import Standstill
from orchestrion.domain import events as e
from orchestrion.domain import run as runs
from orchestrion.domain import session as sessions
from orchestrion.domain.errors import NotFound, Refused, RuleBroken
from orchestrion.eventstore import MemoryLog

RUN = "ses_1/fixer-1"
ADA = Person("ada", {})


@pytest.fixture
def log() -> Iterator[MemoryLog]:
    log = MemoryLog()
    now = datetime.now(UTC)
    start = sessions.Start("ses_1", "Fix it", "p", "/p", "0", now)
    log.append("session-ses_1", list(sessions.decide(sessions.Session(), start)), expect=0)
    begun = runs.Start(RUN, "ses_1", "fixer", "Fix it", now)
    log.append(f"run-{RUN}", list(runs.decide(runs.Run(), begun)), expect=0)
    yield log
    log.close()


def request(call: str = f"{RUN}/1") -> e.ApprovalRequested:
    return e.ApprovalRequested(
        source="conductor", session="ses_1", run=RUN, agent="fixer", approval=call, call=call, tool="run_command"
    )


def ask(log: MemoryLog, seconds: float = 30.0, journal: Journal | None = None) -> "asyncio.Task[e.ApprovalGiven]":
    return asyncio.ensure_future(word_on(journal or Journal(log, SteadyClock()), request(), seconds))


async def asked(log: MemoryLog) -> None:
    while not log.streams("approval-"):
        await asyncio.sleep(0.005)


@pytest.mark.parametrize("verdict", ["approved", "denied"])
def test_whoever_waits_hears_the_answer(log: MemoryLog, verdict: str) -> None:
    async def play() -> e.ApprovalGiven:
        waiting = ask(log)
        await asked(log)
        give(log, ADA, "fixer-1/1", verdict, "because")
        return await waiting

    given = asyncio.run(play())
    assert (given.verdict, given.by, given.reason, given.source) == (verdict, "ada", "because", "user")
    assert [record.version for record in log.read_stream(f"approval-{RUN}/1")] == [1, 2]


def test_nobody_answering_in_time_is_a_fact_and_no_approval(log: MemoryLog) -> None:
    async def play() -> e.ApprovalGiven:
        return await ask(log, 0.05)

    given = asyncio.run(play())
    assert (given.verdict, given.source) == ("expired", "conductor")
    assert given.reason == "nobody approved or denied it within 0.05 s"
    with pytest.raises(RuleBroken, match="was expired already, by orchestrion"):
        give(log, ADA, "fixer-1/1", "approved")


@pytest.mark.parametrize("answered", ["while nobody conducted", "after the resume"])
def test_a_wait_survives_its_conductor(log: MemoryLog, answered: str) -> None:
    async def dies() -> None:
        waiting = ask(log)
        await asked(log)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    async def resumed() -> e.ApprovalGiven:
        waiting = ask(log, journal=Journal(log, SteadyClock(), past=recall(log, "ses_1")))
        await asyncio.sleep(0.05)
        if answered == "after the resume":
            give(log, ADA, "last", "approved")
        return await waiting

    asyncio.run(dies())
    if answered == "while nobody conducted":
        give(log, ADA, "last", "approved")
    assert asyncio.run(resumed()).verdict == "approved"
    kinds = [record.event.kind for record in log.read_stream(f"approval-{RUN}/1")]
    assert kinds == ["approval.requested", "approval.given"]


def test_it_is_answered_once(log: MemoryLog) -> None:
    Journal(log, SteadyClock()).write([request()])
    give(log, ADA, f"{RUN}/1", "denied")
    with pytest.raises(RuleBroken, match="was denied already, by ada"):
        give(log, ADA, f"{RUN}/1", "approved")
    with pytest.raises(NotFound, match="'last' waits"):
        give(log, ADA, "last", "approved")


def test_an_ambiguous_name_is_refused_and_an_unknown_one_not_found(log: MemoryLog) -> None:
    journal = Journal(log, SteadyClock())
    journal.write([request()])
    journal.write([request("ses_1/other-1/1")])
    with pytest.raises(Refused, match="names 2 that wait"):
        requested(log, "1")
    with pytest.raises(NotFound):
        requested(log, "er-1/1")
    assert requested(log, "fixer-1/1").approval == f"{RUN}/1"


def test_what_an_ended_run_or_session_waited_for_is_void(log: MemoryLog) -> None:
    Journal(log, SteadyClock()).write([request()])
    failed = e.AgentFailed(source="conductor", session="ses_1", run=RUN, status="cancelled", reason="stopped")
    log.append(f"run-{RUN}", [failed], expect=1)
    with pytest.raises(RuleBroken, match=r"has ended \(cancelled\).*void"):
        give(log, ADA, "last", "approved")


def test_a_process_of_a_run_cannot_answer() -> None:
    with pytest.raises(RuleBroken, match="belongs to the run"):
        Person("ada", {"ORCHESTRION_RUN": RUN})


def test_a_process_that_the_conductor_started_cannot_answer(log: MemoryLog) -> None:
    journal = Journal(log, SteadyClock())
    journal.write([request()])
    holding = Holding(log, "ses_1", SteadyClock())
    lease = holding.first()[0].model_copy(update={"pid": parent_of(os.getpid())})
    lease = lease.model_copy(update={"born": born(lease.pid)})
    log.append("lease-ses_1", [lease], expect=0)
    holding.forget()
    with pytest.raises(RuleBroken, match="started by the session"):
        give(log, ADA, "last", "approved")


def test_the_time_of_a_run_stands_still_while_it_waits() -> None:
    async def play() -> bool:
        clock = Standstill()
        async with asyncio.timeout(0.2) as timeout:
            clock.bind(timeout)
            with clock.stopped():
                await asyncio.sleep(0.4)
            return clock.is_over

    assert asyncio.run(play()) is False


def test_after_the_wait_the_rest_of_the_time_is_left_and_no_more() -> None:
    async def play() -> None:
        clock = Standstill()
        async with asyncio.timeout(0.1) as timeout:
            clock.bind(timeout)
            with clock.stopped():
                await asyncio.sleep(0.2)
            await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        asyncio.run(play())


def test_parents_are_known(tmp_path: Path) -> None:
    assert parent_of(os.getpid()) == os.getppid()
    assert parent_of(2**22 + 1) is None
