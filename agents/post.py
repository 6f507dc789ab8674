"""Messages between processes: any of them sends and takes through the log, and each delivery is a fact claimed once.

A message is one fact; what becomes of it at each recipient has a place of its own in the message's stream, which
delivery and expiry share: so it is delivered once, by whichever process was first, or it expires, never both.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Protocol

from orchestrion.agents.exchange import ALL, CONDUCTOR, HUMAN, Exchange, Instance
from orchestrion.domain import events as e
from orchestrion.domain.bodies import whole
from orchestrion.domain.errors import NotFound, Refused, RuleBroken
from orchestrion.domain.payloads import PAYLOADS, RANKS, checked, priority_of
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import new_id, stream_of

FIRST_PLACE = 100_000
"""Deliveries that processes claim for themselves stand beyond those that a conductor writes for its own runs."""
PLACES = 2
"""A recipient's places in a message's stream: what became of it, and its acknowledgement."""
WAIT_SECONDS = 5.0
"""A wait for the log is at most so long before the clock is asked again."""


class Clock(Protocol):
    """Tells the time."""

    def __call__(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class Letter:
    """A message before it has a sender, an id and a time. `seconds` is how long it is worth delivering."""

    type: str
    payload: Any
    priority: str | None = None
    in_reply_to: str | None = None
    topic: str | None = None
    seconds: float | None = None


def _now() -> datetime:
    return datetime.now(UTC)


class Post:
    """One process's counter at the bus of a session: for all the runs that it speaks for. Not for several threads.

    A sender is a run, or `human`. Every method may raise LogUnavailable.
    """

    def __init__(self, log: Log, session: str, *, now: Clock = _now) -> None:
        self.log, self.session, self.now = log, session, now
        self.exchange = Exchange(log, session)
        self._claim = new_id("clm")
        self.exchange.catch_up()

    # Saying something

    def send(self, sender: str, recipient: str, letter: Letter) -> e.MessageSent:
        """Say something to an agent, a run, `human`, `conductor`, or `all` but oneself.

        Raises Refused (type, payload), NotFound (nobody is there: the message is kept as expired), RuleBroken (a
        sender that has ended).
        """
        self.exchange.catch_up()
        if recipient == ALL and letter.type == "progress_update":
            recipient = CONDUCTOR  # how far one is concerns nobody else
        self._may_write(sender, recipient)
        targets: Sequence[Instance]
        try:
            if recipient == ALL:
                targets, name = self.exchange.others(sender), ALL
                if not targets:
                    raise NotFound(f"nobody but the sender is there to be spoken to in session {self.session}")
            else:
                targets = [self.exchange.resolve(recipient, but=sender)]
                name = targets[0].agent
        except NotFound as nobody:
            self.dead_letter(sender, recipient, letter, nobody)
        return self._write(self._message(sender, name, [each.run for each in targets], letter))

    def publish(self, sender: str, topic: str, letter: Letter) -> e.MessageSent:
        """Say something to those who subscribed to `topic`; with nobody listening it is kept, delivered to none."""
        self.exchange.catch_up()
        self._may_write(sender, topic)
        listening = [each.run for each in self.exchange.subscribers(topic, but=sender)]
        letter = Letter(letter.type, letter.payload, letter.priority, letter.in_reply_to, topic, letter.seconds)
        return self._write(self._message(sender, ALL, listening, letter))

    def reply(self, sender: str, to: str, letter: Letter) -> e.MessageSent:
        """Answer the message `to`, to the very run that said it. Raises as `send` does; NotFound if unknown."""
        self.exchange.catch_up()
        asked = self.exchange.messages.get(to)
        if asked is None:
            raise NotFound(f"there is no message {to} in session {self.session} to reply to")
        answer = Letter(letter.type, letter.payload, letter.priority, to, letter.topic or asked.topic, letter.seconds)
        return self.send(sender, asked.run or asked.sender, answer)

    def dead_letter(self, sender: str, recipient: str, letter: Letter, nobody: NotFound) -> NoReturn:
        """Keep a message that reaches nobody, with the reason, and tell the sender: raises `nobody`."""
        self._write(self._message(sender, recipient, (), letter), dead=str(nobody))
        raise nobody

    def subscribe(self, run: str, topic: str) -> None:
        """From now on `run` gets what is published under `topic`. Raises RuleBroken for a run that is not there."""
        self._topic(run, e.TopicSubscribed, topic)

    def unsubscribe(self, run: str, topic: str) -> None:
        """`run` gets no more of `topic`."""
        self._topic(run, e.TopicLeft, topic)

    # Getting it

    def take(self, run: str, *, limit: int | None = None, but: Collection[str] = ()) -> list[e.MessageSent]:
        """What was said to `run` and nobody took yet, oldest first; with this it is delivered, or found expired."""
        self.exchange.catch_up()
        waiting = [m for m in self.exchange.pending[run].values() if m.message not in but][:limit]
        now = self.now()
        late = {m.message for m in waiting if m.expires_at is not None and m.expires_at <= now}
        facts = [
            self._expired(m, run, "its time ran out") if m.message in late else self._delivered(m, run, now)
            for m in waiting
        ]
        appended = self.log.observe(facts)
        taken_by_others = {fact.stream for fact in appended.conflicts}
        mine = [m for m in waiting if m.message not in late and stream_of(m) not in taken_by_others]
        for message in waiting:
            self.exchange.pending[run].pop(message.message, None)
        # Where each stands is known if all of them were written, and nothing else.
        places = appended.positions if len(appended.positions) == len(mine) == len(facts) else [None] * len(mine)
        for message, position in zip(mine, places, strict=True):
            self.exchange.delivered(message, run, (stream_of(message), self._place(message, run)), position)
        return [self._whole(message) for message in mine]

    def receive(self, run: str, seconds: float, *, limit: int | None = None) -> list[e.MessageSent]:
        """As `take`, but wait up to `seconds` for something to come."""
        deadline = time.monotonic() + seconds
        while not (taken := self.take(run, limit=limit)) and (left := deadline - time.monotonic()) > 0:
            self.log.wait(self.exchange.position, min(left, WAIT_SECONDS))
        return taken

    def acknowledge(self, run: str, message: str) -> None:
        """`run` took note of a message that it has got. Raises RuleBroken if it has not."""
        self.exchange.catch_up()
        fate = self.exchange.fates.get((message, run))
        if fate == "acknowledged":
            return
        if fate != "delivered":
            raise RuleBroken(f"message {message} was not delivered to {run}, so it cannot be acknowledged by it")
        sent = self.exchange.messages[message]
        event = e.MessageAcknowledged(**self._about(sent, run), message=message, recipient=self._name(run))
        self.log.observe([Fact(stream_of(sent), self._place(sent, run) + 1, event)])

    def expire(self, run: str, reason: str, *, but: Collection[str] = ()) -> None:
        """What `run` did not take will not be delivered to it any more."""
        self.exchange.catch_up()
        waiting = [m for m in self.exchange.pending[run].values() if m.message not in but]
        self.log.observe([self._expired(message, run, reason) for message in waiting])

    def sweep(self) -> int:
        """Let expire what cannot be delivered any more, at whomever; how many."""
        self.exchange.catch_up()
        facts = [self._expired(*each) for each in self.exchange.overdue(self.now())]
        return len(self.log.observe(facts).positions)

    def answer_to(self, message: str, seconds: float) -> e.MessageSent | None:
        """The first reply to `message` that is there within `seconds`, else None."""
        deadline = time.monotonic() + seconds
        while True:
            self.exchange.catch_up()
            for each in self.exchange.messages.values():
                if each.in_reply_to == message:
                    return self._whole(each)
            if (left := deadline - time.monotonic()) <= 0:
                return None
            self.log.wait(self.exchange.position, min(left, WAIT_SECONDS))

    # How it is written

    def _message(self, sender: str, recipient: str, runs: Sequence[str], letter: Letter) -> e.MessageSent:
        kind, payload = _read(letter)
        speaker = self._speaker(sender)
        asked = self.exchange.messages.get(letter.in_reply_to or "")
        if letter.in_reply_to and asked is None:
            raise NotFound(f"there is no message {letter.in_reply_to} in session {self.session} to reply to")
        identity, now = new_id("msg"), self.now()
        seconds = self.exchange.talk.seconds if letter.seconds is None else letter.seconds
        return e.MessageSent(
            source="conductor" if speaker else "user",
            happened_at=now,
            session=self.session,
            run=speaker.run if speaker else None,
            agent=speaker.agent if speaker else None,
            cause=f"{stream_of(asked)}@1" if asked else None,
            message=identity,
            sender=speaker.agent if speaker else HUMAN,
            recipient=recipient,
            recipient_runs=tuple(runs),
            type=kind,
            priority=priority_of(payload, _priority(letter.priority)),
            payload=payload.model_dump(mode="json", exclude_none=True),
            in_reply_to=letter.in_reply_to,
            thread=(asked.thread or asked.message) if asked else identity,
            topic=letter.topic,
            expires_at=now + timedelta(seconds=seconds) if seconds is not None else None,
        )

    def _write(self, message: e.MessageSent, *, dead: str | None = None) -> e.MessageSent:
        facts = [Fact(stream_of(message), 1, message)]
        if dead is not None:
            facts.append(self._expired(message, None, dead))
        self.log.observe(facts)
        return message

    def _speaker(self, sender: str) -> Instance | None:
        """The run that speaks; None for the person. Raises RuleBroken for one that is not alive."""
        if sender == HUMAN:
            return None
        if sender == self.exchange.box(CONDUCTOR):
            return Instance(sender, CONDUCTOR)
        if sender not in self.exchange.live:
            state = f"has ended ({self.exchange.gone[sender]})" if sender in self.exchange.gone else "has not started"
            raise RuleBroken(f"the run {sender} {state} in session {self.session}, so it cannot speak")
        return self.exchange.live[sender]

    def _may_write(self, sender: str, recipient: str) -> None:
        """Raises RuleBroken for a run that may not write to `recipient` by the session's configuration."""
        if sender in self.exchange.live:
            self.exchange.talk.require(recipient)

    def _topic(self, run: str, kind: type[e.TopicSubscribed] | type[e.TopicLeft], topic: str) -> None:
        self.exchange.catch_up()
        speaker = self._speaker(run)
        event = kind(
            source="conductor", happened_at=self.now(), session=self.session, run=run, topic=topic,
            agent=speaker.agent if speaker else HUMAN,
        )  # fmt: skip
        stream = stream_of(event)
        self.log.append(stream, [event], expect=len(self.log.read_stream(stream)))

    def _delivered(self, message: e.MessageSent, run: str, now: datetime) -> Fact:
        event = e.MessageDelivered(**self._about(message, run, now), message=message.message, recipient=self._name(run))
        return Fact(stream_of(message), self._place(message, run), event)

    def _expired(self, message: e.MessageSent, run: str | None, reason: str) -> Fact:
        recipient = message.recipient if run is None else self._name(run)
        event = e.MessageExpired(
            **self._about(message, run), message=message.message, recipient=recipient, reason=reason
        )
        return Fact(stream_of(message), FIRST_PLACE if run is None else self._place(message, run), event)

    def _about(self, message: e.MessageSent, run: str | None, now: datetime | None = None) -> dict[str, Any]:
        return {
            "source": "conductor",
            "happened_at": now or self.now(),
            "session": self.session,
            "run": run,
            "agent": self._name(run) if run else None,
            "cause": f"{stream_of(message)}@1",
            "correlation": self._claim,  # two processes that take at once must not be taken for one
        }

    def _place(self, message: e.MessageSent, run: str) -> int:
        return FIRST_PLACE + PLACES * message.recipient_runs.index(run)

    def _name(self, run: str) -> str:
        live = self.exchange.live.get(run)
        return live.agent if live else run.removeprefix(f"{self.session}/").rpartition("-")[0] or run.rpartition("/")[2]

    def _whole(self, message: e.MessageSent) -> e.MessageSent:
        """The message with its payload in full, however large."""
        found = whole(message, self.log.blob)
        return found if isinstance(found, e.MessageSent) else message


def _read(letter: Letter) -> tuple[e.MessageType, Any]:
    """The letter's type and its payload as that type's model. Raises Refused."""
    kind = next((name for name in PAYLOADS if name == letter.type), None)
    if kind is None:
        raise Refused(f"there is no message type {letter.type!r}; there are: {', '.join(PAYLOADS)}")
    return kind, checked(kind, letter.payload)


def _priority(asked: str | None) -> e.Priority | None:
    if asked is None:
        return None
    for name in RANKS:
        if name == asked:
            return name
    raise Refused(f"there is no priority {asked!r}; there are: {', '.join(RANKS)}")
