"""The shape of every decider: fold what happened into a state, then say what follows from a command."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from orchestrion.domain.events import Event

State = TypeVar("State")


def replay(evolve: Callable[[State, Event], State], start: State, events: Iterable[Event]) -> State:
    """The state that `events` lead to."""
    for event in events:
        start = evolve(start, event)
    return start
