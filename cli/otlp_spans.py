"""Makes a session's spans of what the views tell of it: its runs, calls and requests, with their own times and ids.

Ids are hashes, so a session that is exported again meets itself wherever it is looked at; one that came as a trace
keeps the ids it came with. Names of attributes: OpenTelemetry's conventions for generative AI.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from orchestrion.domain.errors import NotFound, Refused

if TYPE_CHECKING:
    from orchestrion.projections import Store

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUS = "orchestrion.status"
"""How a run or call ended, in our words; the reader of spans goes by it."""
FINE = frozenset({"ok", "completed", "unknown", "unresolved", "running", "waiting"})
BORROWED = "orchestrion.time_of"
"""Set where the log knows no time of something, and the span has that of its session."""

_TRACE = re.compile(r"[0-9a-f]{32}")
_SPAN = re.compile(r".*[/:]([0-9a-f]{16})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Happening:
    """A moment within a span: a message, an incident. `at` is nanoseconds since 1970."""

    at: int
    name: str
    attributes: dict[str, Any]


@dataclass(slots=True)
class SpanOut:
    """One span to be sent; ids are hexadecimal, times nanoseconds since 1970."""

    trace: str
    id: str
    parent: str | None
    name: str
    start: int
    end: int
    attributes: dict[str, Any]
    error: str | None = None
    events: list[Happening] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ending:
    """When something began and ended, as far as that is known, and how."""

    started_at: datetime | None
    ended_at: datetime | None
    status: str
    reason: str | None = None


def spans_of(store: "Store", session: str) -> list[SpanOut]:
    """The spans of `session`, its own first. Raises NotFound, and Refused where no time is known at all."""
    return _Session(store, session).spans()


class _Session:
    """One session on its way to being a trace."""

    def __init__(self, store: "Store", session: str) -> None:
        self._store, self._session = store, session
        self._trace = session if _TRACE.fullmatch(session) else sha256(f"session {session}".encode()).hexdigest()[:32]
        self._spans: dict[str, SpanOut] = {}
        """By what they are spans of: `run <run>`, `call <call>`, `session`."""
        self._runs: dict[str, dict[str, Any]] = {}
        self._calls: dict[str, dict[str, Any]] = {}

    def spans(self) -> list[SpanOut]:
        self._root()
        self._runs = {row["run"]: row for row in self._rows("agent_runs", "started_at, run")}
        self._calls = {row["call"]: row for row in self._rows("tool_calls", "position")}
        for row in self._runs.values():
            self._run(row)
        for row in self._calls.values():
            self._call(row)
        for row in self._rows("usage", "happened_at, request_id"):
            self._request(row)
        for row in self._rows("messages", "position"):
            self._happened(row, "message", ("type", "sender", "recipient", "priority", "payload"))
        for row in self._rows("incidents", "position"):
            self._happened(row, "incident", ("type",))
        return list(self._spans.values())

    def _rows(self, view: str, order: str) -> list[dict[str, Any]]:
        sql = f"SELECT * FROM {view} WHERE session = ? ORDER BY {order}"  # noqa: S608 - names of ours
        return self._store.query(sql, (self._session,)).dicts()

    def _root(self) -> None:
        found = self._rows("sessions", "session")
        if not found:
            raise NotFound(f"there is no session {self._session}; `orchestrion sessions` lists them")
        row = found[0]
        times = self._store.query(
            "SELECT min(happened_at), max(happened_at) FROM events WHERE session = ?", (self._session,)
        ).rows[0]
        start, end = row["started_at"] or times[0], row["ended_at"] or times[1]
        if start is None:
            raise Refused(f"session {self._session} has no times at all, and spans need them; export it as JSON Lines")
        attributes = {
            "gen_ai.operation.name": "invoke_workflow",
            "orchestrion.source": row["source"],
            "orchestrion.project": row["project"],
            "orchestrion.request": row["request"],
        }
        self._add("session", None, f"session of {row['source']}", Ending(start, end, row["status"]), attributes)

    def _run(self, row: dict[str, Any]) -> None:
        """A run's span, below the call or the run that started it."""
        run, name = row["run"], row["agent"] or row["run"]
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.agent.name": name,
            "gen_ai.agent.id": run,
            "gen_ai.request.model": row["model"],
            "gen_ai.input.messages": _message("user", row["task"]),
            "gen_ai.output.messages": _message("assistant", row["summary"]),
        }
        above = None if self._in_a_circle(row) else self._above(row["parent_run"], row["parent_call"])
        ending = Ending(row["started_at"], row["ended_at"], row["status"], row["reason"])
        self._add(f"run {run}", above or self._id("session"), f"invoke_agent {name}", ending, attributes)

    def _in_a_circle(self, row: dict[str, Any]) -> bool:
        """Whether a run is among those above it."""
        seen, above = set[str](), row["parent_run"]
        while above in self._runs and above not in seen:
            if above == row["run"]:
                return True
            seen.add(above)
            above = self._runs[above]["parent_run"]
        return False

    def _call(self, row: dict[str, Any]) -> None:
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": row["tool"],
            "gen_ai.tool.call.id": row["call"],
            "gen_ai.tool.call.arguments": row["params"],
            "gen_ai.tool.call.result": row["result"],
        }
        ending = Ending(row["started_at"], row["ended_at"], row["status"], row["error"])
        self._add(f"call {row['call']}", self._above(row["run"]), f"execute_tool {row['tool']}", ending, attributes)

    def _request(self, row: dict[str, Any]) -> None:
        read, written = row["cache_read_tokens"], row["cache_write_tokens"]
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": row["model"],
            "gen_ai.response.id": row["request_id"],
            "gen_ai.usage.input_tokens": row["input_tokens"] + read + written,
            "gen_ai.usage.output_tokens": row["output_tokens"],
            "gen_ai.usage.cache_read.input_tokens": read,
            "gen_ai.usage.cache_creation.input_tokens": written,
        }
        ending, name = Ending(row["happened_at"], row["happened_at"], "ok"), f"chat {row['model'] or ''}".strip()
        self._add(f"usage {row['request_id']}", self._above(row["run"]), name, ending, attributes)

    def _happened(self, row: dict[str, Any], name: str, fields: tuple[str, ...]) -> None:
        span = self._spans.get(f"run {row['run']}") or self._spans["session"]
        at = _nanoseconds(row["happened_at"]) or span.start
        told = {f"orchestrion.{name}.{each}": row[each] for each in fields if row[each] is not None}
        span.events.append(Happening(at, name, told))

    def _above(self, run: str | None, call: str | None = None) -> str:
        """The id of the span of `call`, else of `run`; the session's, if neither is of it."""
        if call in self._calls:
            return self._id(f"call {call}")
        return self._id(f"run {run}") if run in self._runs else self._id("session")

    def _id(self, key: str) -> str:
        """The id of a span; 16 hexadecimal digits, those that it came with if it came as a span."""
        kind, _, name = key.partition(" ")
        came = _SPAN.fullmatch(name) if kind in ("run", "call") and self._trace == self._session else None
        return came[1] if came else sha256(f"{self._session} {key}".encode()).hexdigest()[:16]

    def _add(self, key: str, above: str | None, name: str, ending: "Ending", attributes: dict[str, Any]) -> None:
        said = {name: value for name, value in attributes.items() if value is not None}
        said |= {STATUS: ending.status, "gen_ai.conversation.id": self._session}
        start, end = _nanoseconds(ending.started_at), _nanoseconds(ending.ended_at)
        if (begin := end if start is None else start) is None:
            begin = self._spans["session"].start
            said[BORROWED] = "session"
        error = None if ending.status in FINE else ending.reason or ending.status
        span = SpanOut(self._trace, self._id(key), above, name, begin, max(begin, end or begin), said, error)
        self._spans[key] = span


def _message(role: str, text: str | None) -> str | None:
    """One message as the conventions write it."""
    if not text:
        return None
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)


def _nanoseconds(at: datetime | None) -> int | None:
    """A time of the views, which are in UTC, as nanoseconds since 1970."""
    if at is None:
        return None
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - EPOCH
    return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000


def batches(spans: list[SpanOut], most: int) -> Iterator[list[SpanOut]]:
    """`spans` in lists of at most `most`."""
    for begin in range(0, len(spans), most):
        yield spans[begin : begin + most]
