"""Gives the conductor and the planner what past runs taught, where learning is on."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from orchestrion.cli.settings import Settings
from orchestrion.cli.wiring import Home, opened, stored
from orchestrion.domain.ports import Choice

if TYPE_CHECKING:
    from orchestrion.domain.ports import Learnt, Log, Router

ENABLED = "orchestration.enable_learning"


@dataclass(frozen=True, slots=True)
class Lessons:
    """How past runs are learnt from, as it is set: so many runs of an agent, patterns so sure, fading so quickly."""

    limit: int
    threshold: int
    half_life_days: float

    @classmethod
    def of(cls, settings: Settings) -> "Lessons":
        """As `settings` have it."""
        return cls(
            settings["learning.max_executions_per_agent"],
            settings["learning.pattern_confidence_threshold"],
            settings["learning.half_life_days"],
        )


@contextmanager
def learnt(log: "Log", home: Home, settings: Settings) -> "Iterator[Learnt | None]":
    """What `log` teaches, for one session; None where `enableLearning` is off."""
    if not settings[ENABLED]:
        yield None
        return
    from orchestrion.projections.learning import LogLearnt

    with stored(log, home) as store:
        yield LogLearnt(store, **asdict(Lessons.of(settings)))


def router(home: Home, settings: Settings, at: int | None = None) -> "Router | None":
    """Who chooses among able agents, by the log up to position `at`; None where `enableLearning` is off: all work."""
    return _Router(home, Lessons.of(settings).limit, at) if settings[ENABLED] else None


def seed_of(request: str) -> int:
    """The seed of the choices in the plan of `request`: the same words, asked of the same log, choose the same."""
    return zlib.crc32(request.encode("utf-8", "surrogatepass"))


class _Router:
    """Opens the log when there is a choice to be made, which is seldom."""

    def __init__(self, home: Home, limit: int, at: int | None) -> None:
        self._home, self._limit, self._at = home, limit, at

    def choose(self, able: Sequence[str], *, task: str, seed: int) -> Choice:
        from orchestrion.projections.learning.routing import Counts, LogRouter, draw

        if not self._home.exists():
            return Choice(*draw([Counts(agent, 0, 0) for agent in able], seed))
        with opened(self._home) as (log, store):
            position = store.position if self._at is None else min(self._at, store.position)
            mixed = zlib.crc32(f"{log.identity}@{position}".encode(), seed)
            return LogRouter(store, limit=self._limit, at=self._at).choose(able, task=task, seed=mixed)
