"""The conductor's pen: every decision goes through its decider into the log, and then to whoever watches."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from orchestrion.domain import handoff as handoffs
from orchestrion.domain import run as runs
from orchestrion.domain import session as sessions
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import Conflict
from orchestrion.domain.events import AgentCompleted, AgentFailed, AgentStarted, Event
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact, Record
from orchestrion.domain.streams import stream_of

Clock = Callable[[], datetime]
Observer = Callable[[Event], None]


class SteadyClock:
    """UTC read once and carried on by the monotonic clock, so that differences are durations."""

    def __init__(self) -> None:
        self._anchor, self._began = datetime.now(UTC), time.monotonic()

    def __call__(self) -> datetime:
        """Now."""
        return self._anchor + timedelta(seconds=time.monotonic() - self._began)


class Journal:
    """Writes one session's facts, each at the next place of its stream. Methods may raise LogUnavailable, Conflict."""

    def __init__(self, log: Log, clock: Clock, observer: Observer | None = None) -> None:
        self.log, self.now, self._observer = log, clock, observer
        self._versions: dict[str, int] = {}
        self._sessions: dict[str, sessions.Session] = {}
        self._runs: dict[str, runs.Run] = {}
        self._handoffs: dict[str, handoffs.Handoff] = {}
        self._tasks: dict[str, str] = {}
        self._durations: dict[str, int] = {}
        self.began_after = log.head()
        """The position before this journal's first fact."""

    def session(self, command: sessions.Command) -> str:
        """Decide on a session; the place of the fact, as `cause` names it. Raises RuleBroken."""
        state = self._sessions.get(command.session, sessions.Session())
        events = list(sessions.decide(state, command))
        place = self.write(events)
        self._sessions[command.session] = replay(sessions.evolve, state, events)
        return place

    def run(self, command: runs.Command) -> str:
        """Decide on an agent's run, likewise. Raises RuleBroken."""
        state = self._runs.get(command.run, runs.Run())
        events = list(runs.decide(state, command))
        place = self.write(events)
        self._runs[command.run] = replay(runs.evolve, state, events)
        for event in events:
            if isinstance(event, AgentStarted):
                self._tasks[command.run] = event.task or ""
            elif isinstance(event, AgentCompleted | AgentFailed):
                self._durations[command.run] = event.duration_ms or 0
        return place

    def task_and_duration(self, run: str) -> tuple[str, int]:
        """What an ended run was asked, and how many milliseconds it took, as the log has it."""
        return self._tasks[run], self._durations[run]

    def facts(self, session: str) -> list[Event]:
        """What the log says happened in `session` so far, in order."""
        records = self.log.read(after=self.began_after)
        return [record.event for record in records if isinstance(record, Record) and record.event.session == session]

    def handoff(self, command: handoffs.Command) -> str:
        """Decide on a handoff, likewise. Raises RuleBroken."""
        state = self._handoffs.get(command.handoff, handoffs.Handoff())
        events = list(handoffs.decide(state, command))
        place = self.write(events)
        self._handoffs[command.handoff] = replay(handoffs.evolve, state, events)
        return place

    def write(self, events: Sequence[Event]) -> str:
        """Append `events` of one stream; the place of the last."""
        stream = stream_of(events[0])
        before = self._versions.get(stream, 0)
        self.log.append(stream, events, expect=before)
        self._versions[stream] = before + len(events)
        self._tell(events)
        return f"{stream}@{self._versions[stream]}"

    def write_all(self, events: Sequence[Event]) -> None:
        """Append `events` of many streams in one transaction. Raises Conflict."""
        versions = dict(self._versions)
        facts = []
        for event in events:
            stream = stream_of(event)
            versions[stream] = versions.get(stream, 0) + 1
            facts.append(Fact(stream, versions[stream], event))
        if not facts:
            return
        appended = self.log.observe(facts)
        if appended.conflicts:
            raise Conflict(f"{appended.conflicts[0].stream}: another writer stands at this place")
        self._versions = versions
        self._tell(events)

    def _tell(self, events: Iterable[Event]) -> None:
        if self._observer is not None:
            for event in events:
                self._observer(event)
