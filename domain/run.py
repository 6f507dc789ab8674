"""The rules of an agent's run: started once, ended once, by a result or by a typed failure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.elapsed import elapsed_ms
from orchestrion.domain.errors import RuleBroken


@dataclass(frozen=True, slots=True)
class Run:
    """What a run's past means for what may come."""

    session: str | None = None
    agent: str | None = None
    started_at: datetime | None = None
    status: e.RunStatus | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a run of an agent on a task."""

    run: str
    session: str
    agent: str
    task: str
    at: datetime
    task_id: str | None = None
    phase: int | None = None
    attempt: int = 1
    parent_run: str | None = None
    model: str | None = None
    mcp_servers: tuple[str, ...] = ()
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """End a run with its result."""

    run: str
    at: datetime
    summary: str | None = None
    outputs: Any = None
    files_modified: tuple[str, ...] = ()
    files_read: tuple[str, ...] = ()
    next_agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fail:
    """End a run without its result."""

    run: str
    at: datetime
    status: e.RunStatus
    reason: str
    remedy: str | None = None
    outputs: Any = None


Command = Start | Complete | Fail


def evolve(run: Run, event: e.Event) -> Run:
    """The run after `event`."""
    match event:
        case e.AgentStarted(session=session, agent=agent, happened_at=at):
            return replace(run, session=session, agent=agent, started_at=at)
        case e.AgentCompleted(status=status) | e.AgentFailed(status=status):
            return replace(run, status=status)
        case _:
            return run


def decide(run: Run, command: Command) -> Iterator[e.Event]:
    """What follows from `command`. Raises RuleBroken."""
    if run.status is not None:
        raise RuleBroken(f"run {command.run} has ended ({run.status})")
    match command:
        case Start():
            if run.started_at is not None:
                raise RuleBroken(f"run {command.run} has started already")
            yield e.AgentStarted(
                source="conductor",
                happened_at=command.at,
                session=command.session,
                run=command.run,
                agent=command.agent,
                cause=command.cause,
                task=command.task,
                task_id=command.task_id,
                phase=command.phase,
                attempt=command.attempt,
                parent_run=command.parent_run,
                model=command.model,
                mcp_servers=command.mcp_servers,
            )
        case Complete():
            yield e.AgentCompleted(
                source="conductor",
                happened_at=command.at,
                session=run.session,
                run=command.run,
                agent=run.agent,
                summary=command.summary,
                outputs=command.outputs,
                files_modified=command.files_modified,
                files_read=command.files_read,
                next_agents=command.next_agents,
                duration_ms=_since(run, command),
            )
        case Fail():
            yield e.AgentFailed(
                source="conductor",
                happened_at=command.at,
                session=run.session,
                run=command.run,
                agent=run.agent,
                status=command.status,
                reason=command.reason,
                remedy=command.remedy,
                outputs=command.outputs,
                duration_ms=_since(run, command),
            )


def _since(run: Run, command: Complete | Fail) -> int | None:
    """Milliseconds from the run's start, None if that lies ahead. Raises RuleBroken if it has none."""
    if run.started_at is None:
        raise RuleBroken(f"run {command.run} has not started")
    return elapsed_ms(run.started_at, command.at)
