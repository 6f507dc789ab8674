"""Messages through the log: delivered once at each recipient, expired or dead-lettered with a reason, from anywhere."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestrion.agents import membership
from orchestrion.agents.assistance import request_assistance
from orchestrion.agents.exchange import ALL, HUMAN
from orchestrion.agents.post import Letter, Post
from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound, Refused, RuleBroken
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog

TIP = Letter("optimization_tip", {"tip": "cache it"})
NAMES = [f"agent-{n:02}" for n in range(12)]


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def session(log: MemoryLog) -> str:
    return membership.begin_session(log, "talk")


@pytest.fixture
def runs(log: MemoryLog, session: str) -> list[str]:
    return [membership.register(log, session, name, ["work", f"only-{name}"]) for name in NAMES]


@pytest.fixture
def post(log: MemoryLog, session: str, runs: list[str]) -> Post:
    return Post(log, session)


def facts(log: MemoryLog, kind: type[e.Event]) -> list[e.Event]:
    return [r.event for r in log.read() if isinstance(r, Record) and isinstance(r.event, kind)]


def test_a_message_is_queued_until_its_recipient_takes_it(post: Post, runs: list[str], log: MemoryLog) -> None:
    sent = post.send(runs[0], "agent-01", TIP)
    assert sent.recipient_runs == (runs[1],)
    assert facts(log, e.MessageDelivered) == []
    (got,) = post.take(runs[1])
    assert (got.message, got.payload) == (sent.message, {"tip": "cache it"})
    (delivered,) = facts(log, e.MessageDelivered)
    assert (delivered.run, delivered.cause) == (runs[1], f"message-{sent.message}@1")


def test_two_processes_that_take_for_one_run_share_its_messages(log: MemoryLog, session: str, runs: list[str]) -> None:
    one, other = Post(log, session), Post(log, session)
    sent = one.send(runs[0], runs[1], TIP)
    one.exchange.catch_up(), other.exchange.catch_up()
    other.exchange.catch_up = lambda: 0  # type: ignore[method-assign]  # it has not heard of the delivery yet
    assert [m.message for m in one.take(runs[1])] == [sent.message]
    assert other.take(runs[1]) == []
    assert len(facts(log, e.MessageDelivered)) == 1


def test_a_broadcast_is_one_message_with_a_delivery_at_each_but_the_sender(
    post: Post, runs: list[str], log: MemoryLog
) -> None:
    post.send(runs[0], ALL, TIP)
    assert [len(post.take(run)) for run in runs] == [0] + [1] * 11
    assert len(facts(log, e.MessageSent)) == 1
    assert {f.run for f in facts(log, e.MessageDelivered)} == set(runs[1:])


def test_progress_goes_to_the_conductor_alone_and_is_low(post: Post, runs: list[str]) -> None:
    sent = post.send(runs[0], ALL, Letter("progress_update", {"progress": "half"}))
    assert (sent.recipient, sent.priority, sent.recipient_runs) == ("conductor", "low", (f"{post.session}/conductor",))


def test_a_message_to_nobody_is_kept_as_expired_and_the_sender_is_told(
    post: Post, runs: list[str], log: MemoryLog
) -> None:
    with pytest.raises(NotFound, match=r"nobody called 'agent-99'.*there is: agent-01"):
        post.send(runs[0], "agent-99", TIP)
    (expired,) = facts(log, e.MessageExpired)
    assert expired.recipient == "agent-99"
    assert "nobody called 'agent-99'" in expired.reason


def test_a_name_means_the_instance_that_is_alive(post: Post, runs: list[str], log: MemoryLog) -> None:
    membership.end_run(log, runs[1], summary="done")
    again = membership.register(log, post.session, "agent-01", [])
    assert again == f"{post.session}/agent-01-2"
    assert post.send(runs[0], "agent-01", TIP).recipient_runs == (again,)
    with pytest.raises(NotFound, match=r"has ended \(completed\)"):
        post.send(runs[0], runs[1], TIP)


def test_nobody_speaks_after_its_end(post: Post, runs: list[str], log: MemoryLog) -> None:
    membership.end_run(log, runs[0], summary="done")
    with pytest.raises(RuleBroken, match="has ended"):
        post.send(runs[0], runs[1], TIP)


def test_a_reply_goes_to_the_run_that_asked_in_its_thread(post: Post, runs: list[str]) -> None:
    asked = post.send(runs[0], "agent-01", Letter("validation_request", {"changes": ["x"]}))
    answer = post.reply(runs[1], asked.message, Letter("validation_result", {"approved": True}))
    assert (answer.recipient_runs, answer.in_reply_to, answer.thread) == ((runs[0],), asked.message, asked.thread)
    found = post.answer_to(asked.message, 0)
    assert found is not None
    assert found.message == answer.message


def test_a_person_is_sent_to_and_sends_without_a_run(post: Post, runs: list[str]) -> None:
    asked = post.send(runs[0], HUMAN, Letter("assistance_request", {"capability": "judgement"}))
    assert [m.message for m in post.take(f"{post.session}/human")] == [asked.message]
    answer = post.reply(HUMAN, asked.message, Letter("response", {"text": "go on"}))
    assert (answer.sender, answer.source, answer.recipient_runs) == ("human", "user", (runs[0],))


def test_a_topic_reaches_those_who_subscribed_and_still_do(post: Post, runs: list[str], log: MemoryLog) -> None:
    for run in runs[:3]:
        post.subscribe(run, "auth")
    post.unsubscribe(runs[2], "auth")
    sent = post.publish(runs[0], "auth", TIP)
    assert (sent.topic, sent.recipient_runs) == ("auth", (runs[1],))
    assert Post(log, post.session).exchange.topics["auth"] == {runs[0], runs[1]}


def test_what_is_too_late_expires_and_is_not_delivered(log: MemoryLog, session: str, runs: list[str]) -> None:
    clock = Hands()
    post = Post(log, session, now=clock)
    sent = post.send(runs[0], runs[1], Letter("warning", {"warning": "now!"}, seconds=5))
    clock.time += timedelta(seconds=5)
    assert post.take(runs[1]) == []
    (expired,) = facts(log, e.MessageExpired)
    assert (expired.message, expired.reason, expired.run) == (sent.message, "its time ran out", runs[1])


def test_what_a_dead_recipient_did_not_take_expires_once(post: Post, runs: list[str], log: MemoryLog) -> None:
    post.send(runs[0], runs[1], TIP)
    membership.end_run(log, runs[1], reason="it crashed")
    assert (post.sweep(), post.sweep()) == (1, 0)
    (expired,) = facts(log, e.MessageExpired)
    assert expired.reason == "its recipient has ended (failed)"


def test_only_what_was_delivered_can_be_acknowledged_and_once(post: Post, runs: list[str], log: MemoryLog) -> None:
    sent = post.send(runs[0], runs[1], TIP)
    with pytest.raises(RuleBroken, match="was not delivered"):
        post.acknowledge(runs[1], sent.message)
    post.take(runs[1])
    post.acknowledge(runs[1], sent.message)
    post.acknowledge(runs[1], sent.message)
    assert len(facts(log, e.MessageAcknowledged)) == 1


def test_help_comes_from_the_most_able_idle_agent_and_never_from_the_asker(post: Post, runs: list[str]) -> None:
    first = request_assistance(post, runs[0], "work", {"query": "slow"}, "immediate", seconds=0)
    assert (first.recipient_runs, first.priority) == ((runs[1],), "critical")
    second = request_assistance(post, runs[0], "work", {}, seconds=0)
    assert second.recipient_runs != (runs[1],), "the first helper has a request to answer"
    post.reply(runs[1], first.message, Letter("response", {"text": "an index"}))
    third = request_assistance(post, runs[0], "work", {}, seconds=0)
    assert third.recipient_runs == (runs[1],), "who has helped before is the most able"


def test_nobody_is_sent_their_own_request_for_help(post: Post, runs: list[str], log: MemoryLog) -> None:
    with pytest.raises(NotFound, match="nobody has the capability 'only-agent-00'"):
        request_assistance(post, runs[0], "only-agent-00", {}, seconds=0)
    (expired,) = facts(log, e.MessageExpired)
    assert expired.recipient == "only-agent-00"


def test_a_request_waits_for_an_able_agent_to_be_idle(post: Post, runs: list[str], log: MemoryLog) -> None:
    busy = request_assistance(post, runs[0], "only-agent-01", {}, seconds=0)
    with pytest.raises(NotFound, match=r"was busy, for the 0\.05 s"):
        request_assistance(post, runs[0], "only-agent-01", {}, seconds=0.05)
    post.reply(runs[1], busy.message, Letter("response", {"text": "done"}))
    assert request_assistance(post, runs[0], "only-agent-01", {}, seconds=0).recipient_runs == (runs[1],)


@pytest.mark.parametrize(("urgency", "started"), [("normal", False), ("high", True), ("immediate", True)])
def test_urgency_decides_whether_a_new_run_may_be_started(
    urgency: str, started: bool, post: Post, runs: list[str], log: MemoryLog
) -> None:
    def start(capability: str) -> str:
        return membership.register(log, post.session, "expert", [capability])

    if started:
        sent = request_assistance(post, runs[0], "rare", {}, urgency, seconds=0, start=start)
        assert sent.recipient_runs == (f"{post.session}/expert-1",)
    else:
        with pytest.raises(NotFound):
            request_assistance(post, runs[0], "rare", {}, urgency, seconds=0, start=start)


def test_a_message_of_ten_megabytes_arrives_whole(post: Post, runs: list[str]) -> None:
    text = "x" * 10_000_000
    post.send(runs[0], runs[1], Letter("context_share", {"context": text}))
    (got,) = post.take(runs[1])
    assert got.payload == {"context": text}


@pytest.mark.parametrize(
    ("letter", "said"),
    [
        (Letter("shout", {}), "no message type 'shout'"),
        (Letter("warning", {}), "warning: Field required"),
        (Letter("warning", [1]), "valid dictionary"),
        (Letter("warning", None), "valid dictionary"),
        (Letter("warning", {"warning": "x"}, "urgent"), "no priority 'urgent'"),
        (Letter("finding_report", {"severity": "awful", "issue": "x"}), "severity"),
    ],
)
def test_rubbish_is_refused_and_not_logged(
    letter: Letter, said: str, post: Post, runs: list[str], log: MemoryLog
) -> None:
    with pytest.raises(Refused, match=said):
        post.send(runs[0], runs[1], letter)
    assert facts(log, e.MessageSent) == []


def test_a_session_that_is_not_there_is_named(log: MemoryLog) -> None:
    with pytest.raises(NotFound, match="ses_0"):
        Post(log, "ses_0")
