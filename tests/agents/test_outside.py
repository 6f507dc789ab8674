"""A conductor's runs and agents of other processes speak on one bus, and what becomes of it is said once."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from orchestrion.agents import membership
from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.journal import Journal
from orchestrion.agents.post import Letter, Post
from orchestrion.agents.tokens import token_of
from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog

TIP = Draft("optimization_tip", {"tip": "cache it"})
LETTER = Letter("optimization_tip", {"tip": "cache it"})


@pytest.fixture
def session(log: MemoryLog) -> str:
    return membership.begin_session(log, "talk")


@pytest.fixture
def hosted(log: MemoryLog, session: str) -> str:
    return membership.start_run(log, session, "hosted", "a task of its own")


@pytest.fixture
def bus(log: MemoryLog, session: str, hosted: str) -> Bus:
    bus = Bus(Journal(log, lambda: datetime.now(UTC)), session)
    bus.join(hosted, "hosted")
    bus.join(f"{session}/other-1", "other")
    return bus


@pytest.fixture
def guest(log: MemoryLog, session: str) -> str:
    return membership.register(log, session, "guest", [])


def fates(log: MemoryLog) -> list[tuple[str, str | None]]:
    events = [record.event for record in log.read() if isinstance(record, Record)]
    return [(f.kind, f.run) for f in events if isinstance(f, e.MessageDelivered | e.MessageExpired)]


def test_a_run_gets_what_another_process_says_to_it(
    bus: Bus, log: MemoryLog, session: str, hosted: str, guest: str
) -> None:
    sent = Post(log, session).send(guest, "hosted", LETTER)
    assert [m.message for m in bus.take(hosted)] == [sent.message]
    assert bus.take(hosted) == []
    bus.leave(hosted, "its run has ended")
    assert fates(log) == [("message.delivered", hosted)]


def test_what_a_run_did_not_take_from_outside_expires(
    bus: Bus, log: MemoryLog, session: str, hosted: str, guest: str
) -> None:
    Post(log, session).send(guest, "hosted", LETTER)
    bus.leave(hosted, "its run has ended")
    assert fates(log) == [("message.expired", hosted)]


def test_a_guest_is_spoken_to_by_name_and_by_a_broadcast(
    bus: Bus, log: MemoryLog, session: str, hosted: str, guest: str
) -> None:
    named = bus.send(hosted, "guest", TIP)
    (told,) = bus.broadcast(hosted, [TIP])
    assert set(told.recipient_runs) == {f"{session}/other-1", guest}
    assert [m.message for m in Post(log, session).take(guest)] == [named.message, told.message]


def test_what_a_runs_own_process_took_is_not_delivered_or_expired_again(
    bus: Bus, log: MemoryLog, session: str, hosted: str
) -> None:
    sent = bus.send(f"{session}/other-1", "hosted", TIP)
    assert [m.message for m in Post(log, session).take(hosted)] == [sent.message]
    assert bus.take(hosted) == []
    bus.leave(hosted, "its run has ended")
    assert fates(log) == [("message.delivered", hosted)]


def test_an_agents_own_process_speaks_on_the_bus_as_its_run(
    agent: Callable[..., Path], play: Callable[..., object], home: Path
) -> None:
    script = (
        "import hashlib, json, os; e = os.environ; t = e.get('ORCHESTRION_TOKEN', '').encode();"
        "print(json.dumps([e['ORCHESTRION_RUN'], e.get('ORCHESTRION_HOME'), hashlib.sha256(t).hexdigest()]))"
    )
    agent("alpha", command=[sys.executable, "-c", script])
    agent("beta", script)
    played = play("alpha beta")
    given = {f.agent: f for f in played.of(e.AgentCompleted)}
    run, where, proof = json.loads(given["alpha"].outputs["text"])
    assert (run, where) == (given["alpha"].run, str(home))
    assert proof == sha256(token_of(home, run).encode()).hexdigest()
    (returned,) = [f for f in played.of(e.ToolReturned) if f.agent == "beta"]
    assert sha256(b"").hexdigest() in json.dumps(returned.result), "a step's tools have no need to speak"
