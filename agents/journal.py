"""The conductor's pen: every decision goes through its decider into the log, and then to whoever watches.

A session that is resumed is played again from its beginning: what the log knows already is answered from there and
not written again, so the same code that ran it finds its way to the first thing that never happened. For this every
subject has a name that is the same each time (`identity`).
"""

import json
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from orchestrion.agents.past import Past
from orchestrion.domain import handoff as handoffs
from orchestrion.domain import run as runs
from orchestrion.domain import session as sessions
from orchestrion.domain.codec import decode
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import Conflict, UnreadableEvent
from orchestrion.domain.events import (
    AgentCompleted,
    AgentFailed,
    AgentStarted,
    Event,
    HandoffOffered,
    MessageSent,
    ProcessStarted,
    RunStatus,
)
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact, Record
from orchestrion.domain.streams import stream_of

Clock = Callable[[], datetime]
Observer = Callable[[Event], None]
Key = tuple[str, str, str | None, str | None]
MESSAGE = "message"
PAGE_ROWS = 5_000


class SteadyClock:
    """UTC read once and carried on by the monotonic clock, so that differences are durations."""

    def __init__(self) -> None:
        self._anchor, self._began = datetime.now(UTC), time.monotonic()

    def __call__(self) -> datetime:
        """Now."""
        return self._anchor + timedelta(seconds=time.monotonic() - self._began)


class Journal:
    """Writes one session's facts, each at the next place of its stream. Methods may raise LogUnavailable, Conflict."""

    def __init__(self, log: Log, clock: Clock, observer: Observer | None = None, past: Past | None = None) -> None:
        self.log, self.now, self._observer = log, clock, observer
        self._versions: dict[str, int] = {}
        self._sessions: dict[str, sessions.Session] = {}
        self._runs: dict[str, runs.Run] = {}
        self._handoffs: dict[str, handoffs.Handoff] = {}
        self._tasks: dict[str, str] = {}
        self._durations: dict[str, int | None] = {}
        self._minted: dict[tuple[str, str], int] = {}
        self._past: dict[str, list[Event]] = defaultdict(list)
        self._known: dict[Key, deque[tuple[Event, str]]] = defaultdict(deque)
        self._said_until_end: dict[str, int] = {}
        self._said: dict[str, int] = defaultdict(int)
        self.fenced: str | None = None
        """Why nothing may be written any more: another conductor has the session."""
        records = past.records if past else ()
        for record in records:
            self._remember(record)
        if past:
            self._sessions[past.session] = replay(sessions.evolve, sessions.Session(), past.events)
        self.began_after = records[0].position - 1 if records else log.head()
        """The position before this session's first fact."""
        self._heard = log.head()

    def past(self, stream: str) -> list[Event]:
        """What stood in `stream` before this journal was opened; nothing for a session that was not resumed."""
        return self._past.get(stream, [])

    def all_past(self) -> list[Event]:
        """All of it, stream by stream."""
        return [event for events in self._past.values() for event in events]

    def identity(self, what: str, run: str) -> str:
        """A name for the next message, handoff … of `run`, the same one when the session is played again."""
        self._minted[what, run] = number = self._minted.get((what, run), 0) + 1
        return f"{run}/{what}-{number}"

    def upcoming(self, what: str, run: str) -> str:
        """What `identity` will say next."""
        return f"{run}/{what}-{self._minted.get((what, run), 0) + 1}"

    def begin(self, session: str, events: Sequence[Event]) -> None:
        """Append the decided `events` of a session that begins, in one transaction. Raises Conflict."""
        self.write_all(events)
        self._sessions[session] = replay(sessions.evolve, sessions.Session(), events)

    def pass_over(self, run: str) -> None:
        """The ended `run` is not played again: its next message is the one after those it said until its end."""
        self._minted[MESSAGE, run] = self._said_until_end.get(run, 0)

    def session(self, command: sessions.Command) -> str:
        """Decide on a session; the place of the fact, as `cause` names it. Raises RuleBroken."""
        state = self._sessions.get(command.session, sessions.Session())
        events, place = self._enter(list(sessions.decide(state, command)))
        self._sessions[command.session] = replay(sessions.evolve, state, events)
        return place

    def end(self, session: str, status: RunStatus, reason: str | None) -> None:
        """The session has ended. Raises RuleBroken."""
        self.session(sessions.End(session, status, reason, self.now()))

    def began(self, session: str) -> datetime:
        """When it started, by an earlier conductor perhaps."""
        return self._sessions[session].started_at or self.now()

    def has_ended(self, session: str) -> bool:
        """Whether the log says so."""
        return self._sessions.get(session, sessions.Session()).status is not None

    def run(self, command: runs.Command) -> str:
        """Decide on an agent's run, likewise. Raises RuleBroken."""
        state = self._runs.get(command.run, runs.Run())
        events, place = self._enter(list(runs.decide(state, command)))
        self._runs[command.run] = replay(runs.evolve, state, events)
        for event in events:
            if isinstance(event, AgentStarted):
                self._tasks[command.run] = event.task or ""
            elif isinstance(event, AgentCompleted | AgentFailed):
                self._durations[command.run] = event.duration_ms
        return place

    def adopt(self, start: AgentStarted) -> None:
        """Go on with a run that the log knows has started."""
        run = start.run or ""
        self._runs[run], self._tasks[run] = runs.evolve(runs.Run(), start), start.task or ""

    def task_and_duration(self, run: str) -> tuple[str, int | None]:
        """What an ended run was asked, and how many milliseconds it took, as the log has it (None: nobody knows)."""
        return self._tasks[run], self._durations[run]

    def facts(self, session: str) -> list[Event]:
        """What the log says happened in `session` so far, in order."""
        records = self.log.read(after=self.began_after)
        return [record.event for record in records if isinstance(record, Record) and record.event.session == session]

    def handoff(self, command: handoffs.Command) -> str:
        """Decide on a handoff, likewise. Raises RuleBroken."""
        state = self._handoffs.get(command.handoff, handoffs.Handoff())
        events, place = self._enter(list(handoffs.decide(state, command)))
        self._handoffs[command.handoff] = replay(handoffs.evolve, state, events)
        return place

    def adopt_offer(self, offered: HandoffOffered) -> str:
        """Go on with a handoff that another process offered; the place of the offer."""
        stream = stream_of(offered)
        self._handoffs[offered.handoff] = handoffs.evolve(handoffs.Handoff(), offered)
        self._versions[stream] = max(self._versions.get(stream, 0), 1)
        return f"{stream}@1"

    def elsewhere(self, event: Event) -> bool:
        """Whether another session of ours has told of what `event` tells: its stream is not begun here, but begun."""
        stream = stream_of(event)
        return stream not in self._versions and bool(self.log.read_stream(stream))

    def write(self, events: Sequence[Event]) -> str:
        """Append those of `events`, all of one stream, that are not there yet; the place of the last."""
        return self._enter(events)[1]

    def write_all(self, events: Sequence[Event]) -> list[Event]:
        """Append those of `events` that are not there yet in one transaction; all as they stand. Raises Conflict."""
        standing, facts, versions = [], [], dict(self._versions)
        for event in events:
            if known := self._take(event):
                standing.append(known[0])
                continue
            stream = stream_of(event)
            versions[stream] = versions.get(stream, 0) + 1
            facts.append(Fact(stream, versions[stream], event))
            standing.append(event)
        self._observe(facts)
        self._versions = versions
        self._tell(fact.event for fact in facts)
        return standing

    def hear(self, session: str) -> None:
        """Tell the observer what others wrote into `session` since the last time."""
        if self._observer is None:
            return
        while rows := self.log.rows(after=self._heard, limit=PAGE_ROWS):
            self._heard = rows[-1][0]
            for _, stream, version, kind, _, state in rows:
                if version > self._versions.get(stream, 0):
                    self._tell(event for event in _readable(kind, state) if event.session == session)

    def _enter(self, events: Sequence[Event]) -> tuple[list[Event], str]:
        """Each event as it stands in the log now, and the place of the last."""
        stream = stream_of(events[0])
        found = [self._take(event) for event in events]
        new = [event for event, known in zip(events, found, strict=True) if known is None]
        if new:
            self._not_fenced()
            before = self._versions.get(stream, 0)
            self.log.append(stream, new, expect=before)
            self._versions[stream] = before + len(new)
            self._tell(new)
        standing = [known[0] if known else event for event, known in zip(events, found, strict=True)]
        return standing, found[-1][1] if found[-1] else f"{stream}@{self._versions[stream]}"

    def _observe(self, facts: Sequence[Fact]) -> None:
        if not facts:
            return
        self._not_fenced()
        appended = self.log.observe(facts)
        if appended.conflicts:
            raise Conflict(f"{appended.conflicts[0].stream}: another writer stands at this place")

    def _not_fenced(self) -> None:
        if self.fenced is not None:
            raise Conflict(self.fenced)

    def _remember(self, record: Record) -> None:
        self._versions[record.stream] = max(record.version, self._versions.get(record.stream, 0))
        self._past[record.stream].append(record.event)
        match record.event:
            case ProcessStarted():
                return  # a call that is run again is another process
            case MessageSent(run=str(run), message=message) if message.startswith(f"{run}/{MESSAGE}-"):
                self._said[run] += 1
            case AgentCompleted(run=str(run)) | AgentFailed(run=str(run)):
                self._said_until_end[run] = self._said[run]
            case _:
                pass
        self._known[_key(record.stream, record.event)].append((record.event, record.place))

    def _take(self, event: Event) -> tuple[Event, str] | None:
        """The known fact that `event` would say again, each only once."""
        waiting = self._known.get(_key(stream_of(event), event))
        return waiting.popleft() if waiting else None

    def _tell(self, events: Iterable[Event]) -> None:
        if self._observer is not None:
            for event in events:
                self._observer(event)


def _key(stream: str, event: Event) -> Key:
    """What makes two facts the same one, told again: subject, kind, and whose."""
    return stream, event.kind, event.run, event.agent


def _readable(kind: str, state: bytes) -> list[Event]:
    """The stored fact, if this version can read it; `orchestrion status` counts the others."""
    try:
        return [decode(kind, json.loads(state))]
    except UnreadableEvent:
        return []
