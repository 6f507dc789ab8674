"""The rules of a handoff: offered, then accepted or rejected by its taker alone, then completed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from orchestrion.domain import events as e
from orchestrion.domain.errors import RuleBroken

State = Literal["unknown", "offered", "accepted", "rejected", "completed"]


@dataclass(frozen=True, slots=True)
class Handoff:
    """What a handoff's past means for what may come."""

    state: State = "unknown"
    session: str | None = None
    taker: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Offer work with its context."""

    handoff: str
    session: str
    run: str | None
    giver: str
    taker: str
    task: str
    urgency: e.Priority
    package: Any
    at: datetime
    cause: str | None = None
    taker_run: str | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """Take it on."""

    handoff: str
    by: str
    run: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Reject:
    """Turn it down, with reasons."""

    handoff: str
    by: str
    run: str | None
    problems: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Complete:
    """The work is done; say what of the package was used."""

    handoff: str
    by: str
    run: str | None
    status: e.RunStatus
    used: tuple[str, ...]
    at: datetime


Command = Offer | Accept | Reject | Complete


def evolve(handoff: Handoff, event: e.Event) -> Handoff:
    """The handoff after `event`."""
    match event:
        case e.HandoffOffered(session=session, taker=taker):
            return replace(handoff, state="offered", session=session, taker=taker)
        case e.HandoffAccepted():
            return replace(handoff, state="accepted")
        case e.HandoffRejected():
            return replace(handoff, state="rejected")
        case e.HandoffCompleted():
            return replace(handoff, state="completed")
        case _:
            return handoff


def decide(handoff: Handoff, command: Command) -> Iterator[e.Event]:
    """What follows from `command`. Raises RuleBroken."""
    match command:
        case Offer():
            _require(handoff, command.handoff, "unknown")
            yield e.HandoffOffered(
                source="conductor",
                happened_at=command.at,
                session=command.session,
                run=command.run,
                agent=command.giver,
                cause=command.cause,
                handoff=command.handoff,
                giver=command.giver,
                taker=command.taker,
                taker_run=command.taker_run,
                task=command.task,
                urgency=command.urgency,
                package=command.package,
            )
        case Accept(by=by):
            _require(handoff, command.handoff, "offered", by)
            yield e.HandoffAccepted(**_answer(handoff, command), taker=by, taker_run=command.run)
        case Reject(by=by, problems=problems):
            _require(handoff, command.handoff, "offered", by)
            if not problems:
                raise RuleBroken(f"handoff {command.handoff} cannot be rejected without a reason")
            yield e.HandoffRejected(**_answer(handoff, command), taker=by, problems=problems)
        case Complete(by=by):
            _require(handoff, command.handoff, "accepted", by)
            yield e.HandoffCompleted(**_answer(handoff, command), taker=by, status=command.status, used=command.used)


def _require(handoff: Handoff, name: str, state: State, by: str | None = None) -> None:
    if handoff.state != state:
        raise RuleBroken(f"handoff {name} is {handoff.state}, not {state}")
    if by is not None and by != handoff.taker:
        raise RuleBroken(f"handoff {name} was offered to {handoff.taker}, not to {by}")


def _answer(handoff: Handoff, command: Accept | Reject | Complete) -> dict[str, Any]:
    return {
        "source": "conductor",
        "happened_at": command.at,
        "session": handoff.session,
        "run": command.run,
        "agent": command.by,
        "handoff": command.handoff,
    }
