"""Who can be spoken to in a session, and what each has not got yet: the log's word, followed as it grows."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

import orjson

from orchestrion.domain import events as e
from orchestrion.domain.codec import decode
from orchestrion.domain.errors import NotFound, RuleBroken, UnreadableEvent
from orchestrion.domain.ports import Log

TOPIC = "topic:"
"""Before the name of a topic in an address."""
ALL = "all"
CONDUCTOR = "conductor"
HUMAN = "human"
EXTERNAL = "external"
"""The runner of agents that no conductor runs, as the roster has it."""
PAGE_ROWS = 5000
ASKS = frozenset({"assistance_request", "validation_request", "task"})
"""Messages that make their recipient busy until it has answered."""

Fate = Literal["delivered", "acknowledged", "expired"]
_FAMILIES = ("message.", "topic.", "agent.", "session.", "plan.", "handoff.offered")


@dataclass(frozen=True, slots=True)
class Talk:
    """What agents may say to each other, as configured; the conductor's own coordination goes on in any case.

    `seconds` is how long a message is worth delivering if its sender does not say; None: as long as it takes.
    """

    enabled: bool = True
    broadcasts: bool = True
    seconds: float | None = None

    @property
    def tells_all(self) -> bool:
        """Whether something may be said to everybody."""
        return self.enabled and self.broadcasts

    def require(self, recipient: str) -> None:
        """Raises RuleBroken if an agent may not write to `recipient`."""
        if not self.enabled and recipient not in {CONDUCTOR, HUMAN}:
            raise RuleBroken(
                "agents may not write to each other in this session (orchestration.enable_communication is false)"
            )
        if recipient == ALL and not self.broadcasts:
            raise RuleBroken("messages to all are off in this session (communication.broadcast_enabled is false)")

    def as_json(self) -> dict[str, Any]:
        """By name, as a session's first fact keeps it."""
        return asdict(self)

    @classmethod
    def of(cls, options: Any) -> "Talk":
        """As the session began with `options`; names of other versions are passed over."""
        kept = options.get("talk") if isinstance(options, Mapping) else None
        known = {field.name for field in fields(cls)}
        return (
            cls(**{name: value for name, value in kept.items() if name in known}) if isinstance(kept, dict) else cls()
        )


@dataclass
class Instance:
    """A run that can be spoken to."""

    run: str
    agent: str
    task: str | None = None
    external: bool = False
    """Whether it came in by itself: no conductor runs it."""
    asks: set[str] = field(default_factory=set)
    """Requests to it that it has not answered."""

    @property
    def idle(self) -> bool:
        """Whether it has nothing to do: no task of its own and no request to answer."""
        return not self.task and not self.asks


class Exchange:
    """A fold over one session's facts. Raises NotFound for a session that the log does not hold."""

    def __init__(self, log: Log, session: str) -> None:
        self._log, self.session = log, session
        started = log.read_stream(f"session-{session}")
        if not started:
            raise NotFound(f"there is no session {session} in this log; `orchestrion sessions` lists them")
        self.position = min(record.position for record in started) - 1
        self.ended = False
        self.talk = Talk()
        self.live: dict[str, Instance] = {}
        self.planned: dict[str, Instance] = {}
        """Runs that a conductor will begin; what is said to them waits."""
        self.gone: dict[str, str] = {}
        """Ended runs and how they ended."""
        self.capabilities: dict[str, tuple[str, ...]] = {}
        self.messages: dict[str, e.MessageSent] = {}
        self.pending: dict[str, dict[str, e.MessageSent]] = defaultdict(dict)
        self.fates: dict[tuple[str, str], Fate] = {}
        """(message, run) to what became of it there; one that is not here is queued."""
        self._external: set[str] = set()
        self._known: set[tuple[str, int]] = set()
        self.offers: dict[str, list[e.HandoffOffered]] = defaultdict(list)
        """By the taker's run, what was ever offered to it."""
        self.topics: dict[str, set[str]] = defaultdict(set)
        self.answered: dict[tuple[str, str], int] = defaultdict(int)
        """(agent, capability) to how often it answered a request for it."""

    def catch_up(self) -> int:
        """Take in what the log has now; the position reached. What cannot be read is passed over."""
        while rows := self._log.rows(after=self.position, limit=PAGE_ROWS):
            for position, stream, version, kind, _, state in rows:
                self.position = position
                if (stream, version) in self._known:
                    self._known.discard((stream, version))
                elif kind.startswith(_FAMILIES):
                    self._take(kind, state)
            if len(rows) < PAGE_ROWS:
                break
        return self.position

    def delivered(self, message: e.MessageSent, run: str, place: tuple[str, int], position: int | None) -> None:
        """Take in a delivery that was just written at `place` (stream, version): it need not be read back."""
        self._settle(message.message, run, "delivered")
        if position == self.position + 1:
            self.position += 1
        else:
            self._known.add(place)

    def box(self, name: str) -> str:
        """The address of one who has no run: the conductor or the person."""
        return f"{self.session}/{name}"

    def resolve(self, address: str, *, but: str | None = None) -> Instance:
        """The live instance that `address` (a run or a name) means. Raises NotFound, saying who there is."""
        if address in (HUMAN, CONDUCTOR, self.box(HUMAN), self.box(CONDUCTOR)):
            name = address.rpartition("/")[2]
            return Instance(self.box(name), name)
        if (instance := self.live.get(address)) and address != but:
            return instance
        for here in (self.live, self.planned):
            named = [each for each in here.values() if address in (each.agent, each.run) and each.run != but]
            if named:
                return named[-1]
        if address in self.gone:
            raise NotFound(f"the run {address} has ended ({self.gone[address]}); nobody is there to get a message")
        others = ", ".join(agents_of(self.others(but))) or "nobody"
        raise NotFound(
            f"nobody called {address!r} is there to be spoken to in session {self.session}; there is: {others}"
        )

    def others(self, but: str | None) -> list[Instance]:
        """Everybody but one, in the order they came, and who will come."""
        return [each for each in (*self.live.values(), *self.planned.values()) if each.run != but]

    def subscribers(self, topic: str, *, but: str | None) -> list[Instance]:
        """Who of the living listens to `topic`."""
        return [each for each in self.others(but) if each.run in self.topics[topic]]

    def able(self, capability: str, *, but: str | None) -> list[Instance]:
        """Live instances with `capability`, the most able first; never the asker, nor another instance of it.

        More able is who answered more requests for it, then who names it earlier among its capabilities.
        """
        asker = self.live.get(but or "")
        found = [
            each
            for each in self.others(but)
            if capability in self.capabilities.get(each.agent, ()) and (asker is None or each.agent != asker.agent)
        ]
        return sorted(found, key=lambda each: self._ability(each, capability))

    def overdue(self, now: datetime) -> list[tuple[e.MessageSent, str, str]]:
        """(message, run, reason) of what will not be delivered any more: too late, or nobody there."""
        found = []
        for run, waiting in self.pending.items():
            for message in waiting.values():
                if message.expires_at is not None and message.expires_at <= now:
                    found.append((message, run, "its time ran out"))
                elif run in self.gone:
                    found.append((message, run, f"its recipient has ended ({self.gone[run]})"))
                elif self.ended:
                    found.append((message, run, "the session has ended"))
        return found

    def _ability(self, each: Instance, capability: str) -> tuple[int, int, str]:
        mine = self.capabilities[each.agent]
        return -self.answered[each.agent, capability], mine.index(capability), each.run

    def _take(self, kind: str, state: bytes) -> None:
        try:
            fields = orjson.loads(state)
            if isinstance(fields, dict) and fields.get("session") == self.session:
                self._evolve(decode(kind, fields))
        except (UnreadableEvent, orjson.JSONDecodeError):
            return  # `orchestrion status` counts it as a dead letter

    def _evolve(self, event: e.Event) -> None:
        match event:
            case e.MessageSent():
                self._sent(event)
            case e.MessageDelivered(run=str(run)):
                self._settle(event.message, run, "delivered")
            case e.MessageAcknowledged(run=str(run)):
                self._settle(event.message, run, "acknowledged")
            case e.MessageExpired(run=str(run)):
                self._settle(event.message, run, "expired")
            case e.HandoffOffered(taker_run=str(run)):
                self.offers[run].append(event)
            case e.TopicSubscribed(run=str(run)):
                self.topics[event.topic].add(run)
            case e.TopicLeft(run=str(run)):
                self.topics[event.topic].discard(run)
            case _:
                self._come_or_go(event)

    def _come_or_go(self, event: e.Event) -> None:
        match event:
            case e.SessionStarted():
                self.talk = Talk.of(event.options)
            case e.AgentRegistered(agent=str(agent)):
                self.capabilities[agent] = event.capabilities
                if event.runner == EXTERNAL:
                    self._external.add(agent)
            case e.PlanMade():
                first = {f"{self.session}/{task.agent}-1": task for task in event.tasks}
                self.planned = {run: Instance(run, task.agent, task.task) for run, task in first.items()}
            case e.AgentStarted(run=str(run), agent=str(agent)):
                self.planned.pop(run, None)
                self.live.setdefault(run, Instance(run, agent, event.task, agent in self._external))
            case e.AgentCompleted(run=str(run)) | e.AgentFailed(run=str(run)):
                self.live.pop(run, None)
                self.gone[run] = event.status
            case e.SessionEnded():
                self.gone |= dict.fromkeys((*self.live, *self.planned), "its session is over")
                self.live.clear()
                self.planned.clear()
                self.ended = True
            case _:
                pass

    def _sent(self, message: e.MessageSent) -> None:
        if message.message in self.messages:
            return  # told by a second witness
        self.messages[message.message] = message
        for run in message.recipient_runs:
            if (message.message, run) not in self.fates:
                self.pending[run][message.message] = message
            if message.type in ASKS and run in self.live:
                self.live[run].asks.add(message.message)
        self._answers(message)

    def _answers(self, message: e.MessageSent) -> None:
        asked = self.messages.get(message.in_reply_to or "")
        answering = self.live.get(message.run or "")
        if asked is None or answering is None or asked.message not in answering.asks:
            return
        answering.asks.discard(asked.message)
        if asked.type == "assistance_request" and isinstance(asked.payload, dict):
            self.answered[answering.agent, str(asked.payload.get("capability"))] += 1

    def _settle(self, message: str, run: str, fate: Fate) -> None:
        self.pending[run].pop(message, None)
        if fate != "expired" or (message, run) not in self.fates:
            self.fates[message, run] = fate
        if fate == "expired" and run in self.live:
            self.live[run].asks.discard(message)


def agents_of(instances: Iterable[Instance]) -> list[str]:
    """Names of `instances`, each once, sorted."""
    return sorted({each.agent for each in instances})
