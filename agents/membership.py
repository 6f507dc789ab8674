"""How agents that no conductor runs come into a session and leave it: each is a run of its own."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from orchestrion.agents.exchange import EXTERNAL
from orchestrion.domain import run as runs
from orchestrion.domain import session as sessions
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import Conflict
from orchestrion.domain.events import AgentRegistered, Event, RunStatus
from orchestrion.domain.ports import Log
from orchestrion.domain.streams import new_id, stream_of

TRIES = 50
"""How often a place in a stream that others write too is tried for."""


def begin_session(log: Log, request: str, *, project: str | None = None, client: str = "api") -> str:
    """Start a session that no conductor leads; its id."""
    session = new_id("ses")
    start = sessions.Start(session, request, project, None, client, datetime.now(UTC))
    log.append(f"session-{session}", list(sessions.decide(sessions.Session(), start)), expect=0)
    return session


def end_session(log: Log, session: str, status: RunStatus = "completed", reason: str | None = None) -> None:
    """End it. Raises RuleBroken if it has ended."""
    stream = f"session-{session}"

    def ending(past: list[Event]) -> list[Event]:
        state = replay(sessions.evolve, sessions.Session(), past)
        return list(sessions.decide(state, sessions.End(session, status, reason, datetime.now(UTC))))

    decided(log, stream, ending)


def register(log: Log, session: str, agent: str, capabilities: Sequence[str]) -> str:
    """Put an agent on the session's roster and start a run of it that has nothing to do yet; the run."""
    enlist(log, session, agent, capabilities)
    return start_run(log, session, agent, None)


def enlist(log: Log, session: str, agent: str, capabilities: Sequence[str]) -> None:
    """Put an agent on the session's roster."""
    event = AgentRegistered(
        source="conductor", happened_at=datetime.now(UTC), session=session, agent=agent,
        capabilities=tuple(capabilities), runner=EXTERNAL,
    )  # fmt: skip
    decided(log, stream_of(event), lambda _: [event])


def start_run(log: Log, session: str, agent: str, task: str | None) -> str:
    """Start the next run of `agent`: `<session>/<agent>-<attempt>`."""
    attempt = 1 + len(log.streams(f"run-{session}/{agent}-"))
    for tried in range(attempt, attempt + TRIES):
        run = f"{session}/{agent}-{tried}"
        command = runs.Start(run, session, agent, task or "", datetime.now(UTC), attempt=tried)
        try:
            log.append(f"run-{run}", list(runs.decide(runs.Run(), command)), expect=0)
        except Conflict:
            continue  # another process started this one
        return run
    raise Conflict(f"{TRIES} runs of {agent} were started by others meanwhile; try again")


def end_run(log: Log, run: str, *, reason: str | None = None, status: RunStatus = "failed", **result: Any) -> None:
    """End a run: with its `result` (fields of `domain.run.Complete`), or for a `reason`. Raises RuleBroken."""

    def ending(past: list[Event]) -> list[Event]:
        state, now = replay(runs.evolve, runs.Run(), past), datetime.now(UTC)
        command = runs.Complete(run, now, **result) if reason is None else runs.Fail(run, now, status, reason)
        return list(runs.decide(state, command))

    decided(log, f"run-{run}", ending)


def decided(log: Log, stream: str, decide: Callable[[list[Event]], list[Event]]) -> list[Event]:
    """Append what follows from the stream's past, deciding anew whenever another process was faster."""
    for _ in range(TRIES):
        records = log.read_stream(stream)
        events = decide([record.event for record in records])
        try:
            log.append(stream, events, expect=records[-1].version if records else 0)
        except Conflict:
            continue
        return events
    raise Conflict(f"{stream}: {TRIES} times others wrote first; try again")
