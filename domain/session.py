"""The rules of a session: started once, planned once, ended once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.elapsed import elapsed_ms
from orchestrion.domain.errors import RuleBroken


@dataclass(frozen=True, slots=True)
class Session:
    """What a session's past means for what may come."""

    started_at: datetime | None = None
    planned: bool = False
    status: e.RunStatus | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Begin a session for a request."""

    session: str
    request: str
    project: str | None
    workspace: str | None
    client: str
    at: datetime
    options: Any = None


@dataclass(frozen=True, slots=True)
class MakePlan:
    """Settle who does what."""

    session: str
    request: str
    planner: str
    tasks: tuple[e.PlannedTask, ...]
    phases: tuple[tuple[str, ...], ...]
    at: datetime
    rationale: str | None = None


@dataclass(frozen=True, slots=True)
class End:
    """End a session, with its typed reason."""

    session: str
    status: e.RunStatus
    reason: str | None
    at: datetime


Command = Start | MakePlan | End


def evolve(session: Session, event: e.Event) -> Session:
    """The session after `event`; kinds that do not matter to it change nothing."""
    match event:
        case e.SessionStarted(happened_at=at):
            return replace(session, started_at=at)
        case e.PlanMade():
            return replace(session, planned=True)
        case e.SessionEnded(status=status):
            return replace(session, status=status)
        case _:
            return session


def decide(session: Session, command: Command) -> Iterator[e.Event]:
    """What follows from `command`. Raises RuleBroken."""
    if session.status is not None:
        raise RuleBroken(f"session {command.session} has ended ({session.status}); start a new one")
    match command:
        case Start():
            if session.started_at is not None:
                raise RuleBroken(f"session {command.session} has started already")
            yield e.SessionStarted(
                source="conductor",
                happened_at=command.at,
                session=command.session,
                product="orchestrion",
                request=command.request,
                project=command.project,
                workspace=command.workspace,
                client=command.client,
                options=command.options,
            )
        case MakePlan():
            if session.started_at is None or session.planned:
                raise RuleBroken(f"session {command.session} is {'planned' if session.planned else 'not started'}")
            yield e.PlanMade(
                source="conductor",
                happened_at=command.at,
                session=command.session,
                request=command.request,
                planner=command.planner,
                tasks=command.tasks,
                phases=command.phases,
                rationale=command.rationale,
            )
        case End(at=at):
            if session.started_at is None:
                raise RuleBroken(f"session {command.session} has not started")
            yield e.SessionEnded(
                source="conductor",
                happened_at=at,
                session=command.session,
                status=command.status,
                reason=command.reason,
                duration_ms=elapsed_ms(session.started_at, at),
            )
