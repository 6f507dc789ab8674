"""Finds sessions that replay another one's lines, and says which of the two is the elder."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zlib import crc32

import orjson

from orchestrion.domain.events import MessageSent, SessionForked
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import slot_of, stream_of

SAMPLED_MESSAGES = 8
"""A replay begins with the elder's first lines: so many messages of each session are looked up."""

SCANNED_ROWS = 10_000
PARENT_SLOTS = 1_000_000
"""Each parent of a session has a place of its own: a fork of a fork replays both."""

_MESSAGE = "message-"
_LATE = "~"
"""Sorts after every time: the place of what has none."""


@dataclass(slots=True)
class Samples:
    """The first message ids of each session that a file tells of."""

    of: dict[str, list[str]] = field(default_factory=dict)

    def take(self, facts: Iterable[Fact]) -> None:
        """Remember the first messages among `facts`."""
        for fact in facts:
            event = fact.event
            if isinstance(event, MessageSent) and event.session is not None:
                ids = self.of.setdefault(event.session, [])
                if len(ids) < SAMPLED_MESSAGES:
                    ids.append(event.message)


def forks(log: Log, samples: Samples, parser: int) -> list[Fact]:
    """That one session forked from another, for each pair that the samples show and the log does not know yet."""
    pairs = {pair for session, ids in samples.of.items() for pair in _sharing(log, session, ids)}
    if not pairs:
        return []
    told = _told(log, {session for pair in pairs for session in pair})
    decided = (_decide(one, other, told, parser) for one, other in sorted(pairs))
    return [fact for fact in decided if not _stands(log, fact)]


def _sharing(log: Log, session: str, ids: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of `session` with each session that holds one of its messages, in a fixed order."""
    for message in ids:
        prefix = f"{_MESSAGE}{message}/"
        for stream in log.streams(prefix):
            other = stream.removeprefix(prefix)
            if other != session:
                yield min(session, other), max(session, other)


def _told(log: Log, sessions: set[str]) -> dict[str, dict[str, str]]:
    """For each of `sessions` its message ids with their times, as the log holds them."""
    told: dict[str, dict[str, str]] = {session: {} for session in sessions}
    after = 0
    while rows := log.rows(after=after, limit=SCANNED_ROWS):
        after = rows[-1][0]
        for _, stream, _, kind, _, state in rows:
            message, _, session = stream.removeprefix(_MESSAGE).partition("/")
            if kind == MessageSent.kind and session in told:
                told[session][message] = orjson.loads(state).get("happened_at") or _LATE
    return told


def _decide(one: str, other: str, told: dict[str, dict[str, str]], parser: int) -> Fact:
    """Which of two sessions forked from which, by what they say alone.

    The elder is the one whose own part, what the other does not hold, begins earlier, or that has none; if both begin
    at the same time, the one whose id sorts first.
    """
    shared = told[one].keys() & told[other].keys()
    parent, child = sorted((one, other), key=lambda session: (_own(told[session], shared), session))
    start = _own(told[child], shared)
    event = SessionForked(
        source="transcript",
        parser=parser,
        session=child,
        parent=parent,
        shared=len(shared),
        happened_at=None if start in ("", _LATE) else datetime.fromisoformat(start),
    )
    return Fact(stream_of(event), slot_of(event) + PARENT_SLOTS * (1 + crc32(parent.encode())), event)


def _own(messages: dict[str, str], shared: Iterable[str]) -> str:
    """When a session's own part begins; before every time if it has none."""
    return min((messages[message] for message in messages.keys() - set(shared)), default="")


def _stands(log: Log, fact: Fact) -> bool:
    """Whether the log tells already that one of the two forked from the other, whichever it chose then."""
    event = fact.event
    if not isinstance(event, SessionForked):
        return False
    forward = any(_names(record.event, event.parent) for record in log.read_stream(f"session-{event.session}"))
    return forward or any(_names(record.event, event.session) for record in log.read_stream(f"session-{event.parent}"))


def _names(told: object, session: str | None) -> bool:
    """Whether a stored event says that its session forked from `session`."""
    return isinstance(told, SessionForked) and told.parent == session
