"""Messages reach instances, every delivery is a fact; each known weakness of the original system has its test."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.exchange import ALL
from orchestrion.agents.journal import Journal
from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog

FINDING = {"severity": "high", "issue": "no check of the organisation", "file": "auth.py", "line": 42}
TEAM = [f"agent-{n:02}" for n in range(12)]


@pytest.fixture
def bus(log: MemoryLog) -> Bus:
    bus = Bus(Journal(log, lambda: datetime(2026, 1, 1, tzinfo=UTC)), "ses_1")
    for name in TEAM:
        bus.join(f"ses_1/{name}-1", name)
    return bus


def facts(log: MemoryLog, kind: type[e.Event]) -> list[e.Event]:
    return [r.event for r in log.read() if isinstance(r, Record) and isinstance(r.event, kind)]


def test_a_message_needs_neither_id_nor_time_from_its_sender(bus: Bus) -> None:
    sent = bus.send("ses_1/agent-00-1", "agent-01", Draft("finding_report", FINDING))
    assert sent.message == "ses_1/agent-00-1/message-1"
    assert sent.happened_at is not None


def test_a_broadcast_to_all_reaches_all(bus: Bus, log: MemoryLog) -> None:
    (sent,) = bus.broadcast("ses_1/agent-00-1", [Draft("finding_report", FINDING)])
    assert sent.recipient == ALL
    for name in TEAM[1:]:
        assert [m.message for m in bus.take(f"ses_1/{name}-1")] == [sent.message]


def test_a_broadcast_to_eleven_is_one_message_with_eleven_deliveries(bus: Bus, log: MemoryLog) -> None:
    bus.broadcast("ses_1/agent-00-1", [Draft("finding_report", FINDING)])
    for name in TEAM:
        bus.take(f"ses_1/{name}-1")
    delivered = facts(log, e.MessageDelivered)
    assert len(facts(log, e.MessageSent)) == 1
    assert len(delivered) == 11
    assert {f.run for f in delivered} == {f"ses_1/{name}-1" for name in TEAM[1:]}


def test_nobody_gets_their_own_broadcast(bus: Bus) -> None:
    bus.broadcast("ses_1/agent-00-1", [Draft("finding_report", FINDING)])
    assert bus.take("ses_1/agent-00-1") == []


def test_two_messages_have_two_ids(bus: Bus) -> None:
    sent = bus.broadcast("ses_1/agent-00-1", [Draft("finding_report", FINDING)] * 2)
    assert len({message.message for message in sent}) == 2


def test_a_message_is_in_the_log_as_soon_as_it_is_sent_and_delivered_only_when_taken(bus: Bus, log: MemoryLog) -> None:
    bus.send("ses_1/agent-00-1", "agent-01", Draft("finding_report", FINDING))
    assert len(facts(log, e.MessageSent)) == 1
    assert facts(log, e.MessageDelivered) == []
    bus.take("ses_1/agent-01-1")
    (delivered,) = facts(log, e.MessageDelivered)
    assert (delivered.run, delivered.agent) == ("ses_1/agent-01-1", "agent-01")


def test_a_message_is_delivered_once(bus: Bus, log: MemoryLog) -> None:
    bus.send("ses_1/agent-00-1", "agent-01", Draft("finding_report", FINDING))
    assert len(bus.take("ses_1/agent-01-1")) == 1
    assert bus.take("ses_1/agent-01-1") == []
    assert len(facts(log, e.MessageDelivered)) == 1


def test_a_name_stands_for_its_live_instance(bus: Bus) -> None:
    bus.leave("ses_1/agent-01-1", "its run has ended")
    bus.join("ses_1/agent-01-2", "agent-01")
    sent = bus.send("ses_1/agent-00-1", "agent-01", Draft("finding_report", FINDING))
    assert sent.recipient_runs == ("ses_1/agent-01-2",)


def test_a_sender_is_told_that_there_is_nobody(bus: Bus, log: MemoryLog) -> None:
    with pytest.raises(NotFound, match="'nobody'"):
        bus.send("ses_1/agent-00-1", "nobody", Draft("finding_report", FINDING))
    assert log.head() == 0


def test_nobody_is_sent_to_who_only_is_oneself(bus: Bus) -> None:
    with pytest.raises(NotFound):
        bus.send("ses_1/agent-00-1", "agent-00", Draft("finding_report", FINDING))


def test_what_was_not_taken_expires_with_a_reason(bus: Bus, log: MemoryLog) -> None:
    bus.send("ses_1/agent-00-1", "agent-01", Draft("finding_report", FINDING))
    bus.leave("ses_1/agent-01-1", "its run has ended")
    (expired,) = facts(log, e.MessageExpired)
    assert (expired.recipient, expired.reason) == ("agent-01", "its run has ended")


def test_a_reply_goes_to_the_instance_that_asked_in_the_same_thread(bus: Bus) -> None:
    asked = bus.send("ses_1/agent-00-1", "agent-01", Draft("validation_request", {"changes": ["x"]}))
    answer = bus.reply("ses_1/agent-01-1", asked, Draft("validation_result", {"approved": True}))
    assert answer.recipient_runs == ("ses_1/agent-00-1",)
    assert (answer.in_reply_to, answer.thread) == (asked.message, asked.message)


def test_order_is_kept_between_a_sender_and_a_recipient(bus: Bus) -> None:
    drafts = [Draft("warning", {"warning": str(n)}) for n in range(50)]
    bus.broadcast("ses_1/agent-00-1", drafts)
    assert [m.payload["warning"] for m in bus.take("ses_1/agent-05-1")] == [str(n) for n in range(50)]


@pytest.mark.parametrize(
    ("draft", "priority"),
    [
        (Draft("finding_report", FINDING), "high"),
        (Draft("finding_report", {**FINDING, "severity": "critical"}, "low"), "critical"),
        (Draft("validation_request", {"changes": []}), "high"),
        (Draft("progress_update", {"progress": "half"}), "low"),
        (Draft("context_share", {"context": 1}), "normal"),
    ],
)
def test_a_payload_can_raise_the_priority(draft: Draft, priority: str, bus: Bus) -> None:
    assert bus.send("ses_1/agent-00-1", "agent-01", draft).priority == priority


def test_a_payload_that_lacks_what_its_type_needs_is_refused_and_not_logged(bus: Bus, log: MemoryLog) -> None:
    with pytest.raises(Refused, match="severity"):
        bus.send("ses_1/agent-00-1", "agent-01", Draft("finding_report", {"issue": "x"}))
    assert log.head() == 0


SARIF = (
    "import json; print(json.dumps({'runs': [{'results': [{'ruleId': 'R1', 'level': 'error', 'message':"
    " {'text': 'bad'},"
    "'locations': [{'physicalLocation': {'artifactLocation': {'uri': 'app.py'}, 'region': {'startLine': 1}}}]}]}]}))"
)


def test_findings_of_a_step_reach_the_log_and_the_agents_that_come_later(
    agent: Callable[..., Path], play: Callable[..., object]
) -> None:
    agent("alpha", SARIF, step={"reads": "sarif"})
    agent("beta", after=["alpha-work"])
    agent("gamma", command=[sys.executable, "-c", "pass"], after=["alpha-work"])
    played = play("alpha beta gamma")
    (sent,) = played.of(e.MessageSent, type="finding_report")
    assert (sent.sender, sent.recipient, sent.priority) == ("alpha", "all", "high")
    assert sent.payload == {"severity": "high", "issue": "bad", "file": "app.py", "line": 1, "rule": "R1"}
    delivered = played.of(e.MessageDelivered, message=sent.message)
    assert sorted(f.agent for f in delivered) == ["beta", "gamma"]
    started = {f.agent: f.happened_at for f in played.of(e.AgentStarted)}
    assert all(f.happened_at >= started[f.agent] for f in delivered)
    assert played.result.messages[0]["type"] == "finding_report"


def test_every_message_of_a_session_is_delivered_or_expired_at_each_recipient(
    agent: Callable[..., Path], play: Callable[..., object]
) -> None:
    agent("alpha", SARIF, step={"reads": "sarif"})
    agent("beta", "import sys; sys.exit(1)")
    agent("gamma", after=["alpha-work", "beta-work"])
    played = play("alpha beta gamma")
    fates = [f for f in played.facts if isinstance(f, e.MessageDelivered | e.MessageExpired)]
    wanted = {(m.message, run) for m in played.of(e.MessageSent) for run in m.recipient_runs}
    assert wanted == {(f.message, f.run) for f in fates}
    assert len(fates) == len(wanted)
