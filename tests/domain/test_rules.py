"""Given events, when a command, then events, or a refusal that says why."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrion.domain import events as e
from orchestrion.domain import handoff, run, session
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import RuleBroken

AT = datetime(2026, 1, 30, 10, 23, 45, tzinfo=UTC)
LATER = AT + timedelta(seconds=7)
EARLIER = AT - timedelta(seconds=7)

START = session.Start("s", "Fix it", "shop", "/srv/shop", "0.1.0", AT)
PLAN = session.MakePlan("s", "Fix it", "capabilities", (e.PlannedTask(id="a", agent="x", task="t"),), (("x",),), AT)
END = session.End("s", "completed", None, LATER)


def after_session(*commands: session.Command) -> session.Session:
    state = session.Session()
    for command in commands:
        state = replay(session.evolve, state, session.decide(state, command))
    return state


def test_a_session_starts_is_planned_and_ends_with_its_measured_duration() -> None:
    [ended] = session.decide(after_session(START, PLAN), END)
    assert isinstance(ended, e.SessionEnded)
    assert (ended.status, ended.duration_ms) == ("completed", 7000)


@pytest.mark.parametrize(
    ("past", "command", "why"),
    [
        ((), PLAN, "not started"),
        ((), END, "not started"),
        ((START,), START, "already"),
        ((START, PLAN), PLAN, "planned"),
        ((START, END), END, "ended"),
        ((START, END), PLAN, "ended"),
    ],
)
def test_a_session_refuses_what_its_past_forbids(
    past: tuple[session.Command, ...], command: session.Command, why: str
) -> None:
    with pytest.raises(RuleBroken, match=why):
        list(session.decide(after_session(*past), command))


BEGIN = run.Start("s/x-1", "s", "x", "t", AT)
DONE = run.Complete("s/x-1", LATER, outputs={"n": 1})
BROKEN = run.Fail("s/x-1", LATER, "timed_out", "no answer within 7 s", "raise the timeout")


def after_run(*commands: run.Command) -> run.Run:
    state = run.Run()
    for command in commands:
        state = replay(run.evolve, state, run.decide(state, command))
    return state


def test_a_run_that_completes_keeps_session_agent_and_duration() -> None:
    [done] = run.decide(after_run(BEGIN), DONE)
    assert isinstance(done, e.AgentCompleted)
    assert (done.session, done.agent, done.duration_ms, done.outputs) == ("s", "x", 7000, {"n": 1})


def test_a_run_that_fails_says_why_and_what_to_do() -> None:
    [failed] = run.decide(after_run(BEGIN), BROKEN)
    assert isinstance(failed, e.AgentFailed)
    assert (failed.status, failed.reason, failed.remedy) == ("timed_out", "no answer within 7 s", "raise the timeout")


def test_a_clock_that_jumped_back_leaves_no_duration() -> None:
    [done] = run.decide(after_run(BEGIN), run.Complete("s/x-1", EARLIER))
    assert isinstance(done, e.AgentCompleted)
    assert done.duration_ms is None
    [ended] = session.decide(after_session(START, PLAN), session.End("s", "completed", None, EARLIER))
    assert isinstance(ended, e.SessionEnded)
    assert ended.duration_ms is None


@pytest.mark.parametrize(
    ("past", "command", "why"),
    [
        ((), DONE, "not started"),
        ((BEGIN,), BEGIN, "already"),
        ((BEGIN, DONE), BROKEN, "ended"),
        ((BEGIN, BROKEN), DONE, "ended"),
    ],
)
def test_a_run_refuses_what_its_past_forbids(past: tuple[run.Command, ...], command: run.Command, why: str) -> None:
    with pytest.raises(RuleBroken, match=why):
        list(run.decide(after_run(*past), command))


OFFER = handoff.Offer("h", "s", "s/x-1", "x", "y", "fix it", "high", {"n": 1}, AT)
ACCEPT = handoff.Accept("h", "y", "s/y-1", LATER)
REJECT = handoff.Reject("h", "y", "s/y-1", ("auth.py is not there",), LATER)
FINISH = handoff.Complete("h", "y", "s/y-1", "completed", ("task",), LATER)


def after_handoff(*commands: handoff.Command) -> handoff.Handoff:
    state = handoff.Handoff()
    for command in commands:
        state = replay(handoff.evolve, state, handoff.decide(state, command))
    return state


def test_a_handoff_is_offered_accepted_and_completed() -> None:
    assert after_handoff(OFFER, ACCEPT, FINISH).state == "completed"


def test_a_rejected_handoff_keeps_its_reasons() -> None:
    [rejected] = handoff.decide(after_handoff(OFFER), REJECT)
    assert isinstance(rejected, e.HandoffRejected)
    assert rejected.problems == ("auth.py is not there",)


@pytest.mark.parametrize(
    ("past", "command", "why"),
    [
        ((), ACCEPT, "unknown, not offered"),
        ((OFFER,), OFFER, "offered, not unknown"),
        ((OFFER,), handoff.Accept("h", "z", None, AT), "offered to y, not to z"),
        ((OFFER,), handoff.Reject("h", "y", None, (), AT), "without a reason"),
        ((OFFER, ACCEPT), REJECT, "accepted, not offered"),
        ((OFFER, REJECT), ACCEPT, "rejected, not offered"),
        ((OFFER,), FINISH, "offered, not accepted"),
    ],
)
def test_a_handoff_refuses_what_its_past_forbids(
    past: tuple[handoff.Command, ...], command: handoff.Command, why: str
) -> None:
    with pytest.raises(RuleBroken, match=why):
        list(handoff.decide(after_handoff(*past), command))
