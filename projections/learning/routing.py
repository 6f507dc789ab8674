"""Chooses among able agents by what their past runs tell, and now and then at random, so that nobody is forgotten."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrion.domain.errors import NotFound
from orchestrion.domain.ports import Choice
from orchestrion.projections.learning.executions import MAX_EXECUTIONS, alike, executions, weights
from orchestrion.projections.learning.posterior import PRIOR
from orchestrion.projections.learning.similarity import Task
from orchestrion.projections.store import Store

FLOOR = 0.1
"""The share of choices that are made at random, all able agents alike: none is ever given up for good."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much went well and badly with one agent."""

    agent: str
    good: float
    bad: float

    @property
    def posterior(self) -> str:
        """As a rationale names it."""
        return f"Beta({self.good + PRIOR:g}, {self.bad + PRIOR:g})"


def draw(able: Sequence[Counts], seed: int, *, floor: float = FLOOR) -> tuple[str, str]:
    """One of `able`, and why. The same seed and counts give the same choice; pure.

    Thompson sampling (1933): of each agent's posterior one value is drawn, the highest is chosen. With probability
    `floor` all are alike instead, so each of k agents is chosen with probability of at least `floor` / k.
    """
    dice = random.Random(seed)  # noqa: S311  a draw that must come again, no secret
    if dice.random() < floor:
        chosen = able[dice.randrange(len(able))].agent
        return chosen, f"{chosen} by exploration (one choice in {1 / floor:g}) of {_names(able)}; seed {seed}"
    drawn = [(dice.betavariate(each.good + PRIOR, each.bad + PRIOR), each) for each in able]
    best = max(drawn, key=lambda row: (row[0], row[1].agent))[1].agent
    told = ", ".join(f"{each.agent} {value:.3f} of {each.posterior}" for value, each in drawn)
    return best, f"{best} by the highest draw: {told}; seed {seed}"


class LogRouter:
    """`domain.ports.Router` over the views: what the log knew when it was asked, as of position `at`."""

    def __init__(self, store: Store, *, limit: int = MAX_EXECUTIONS, at: int | None = None) -> None:
        self._store, self._limit, self._at = store, limit, at

    def choose(self, able: Sequence[str], *, task: str, seed: int) -> Choice:
        """One of the agents `able` to do `task`, with the draw as its rationale."""
        agent, rationale = draw([self._counts(name, task) for name in able], seed)
        return Choice(agent, rationale)

    def _counts(self, agent: str, task: str) -> Counts:
        try:
            runs = executions(self._store, agent, limit=self._limit, at=self._at)
        except NotFound:  # nobody has seen it at work: anything is possible
            return Counts(agent, 0, 0)
        similar = alike(runs, Task(text=task))
        good, bad = weights(similar or runs)
        return Counts(agent, good, bad)


def _names(able: Sequence[Counts]) -> str:
    return ", ".join(each.agent for each in able)
