"""Tool sequences that runs which went well have in common, and tools that can run side by side."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import add
from typing import Any

from orchestrion.projections.learning.executions import ENOUGH, Execution, evidence_of, weights
from orchestrion.projections.learning.posterior import confidence, mean, percent

SHORTEST, LONGEST = 2, 4
"""Steps of a sequence. It is contiguous once repeats in a row are one step."""
WORTH = 0.5
"""Below this posterior mean a sequence is a dead end and never recommended."""

_ROUNDING = 1e-9
"""More than a confidence is off by: what is as sure must not be left out for its last digits."""

Found = dict[tuple[str, ...], list[Execution]]


def mined(runs: Sequence[Execution]) -> Found:
    """Every tool sequence of `SHORTEST` to `LONGEST` steps, with the runs of known outcome that hold it."""
    found: Found = defaultdict(list)
    for run in runs:
        if run.good is not None:
            for steps in _sequences(run.tools):
                found[steps].append(run)
    return found


def _sequences(tools: tuple[str, ...]) -> set[tuple[str, ...]]:
    return {
        tools[start : start + length]
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(len(tools) - length + 1)
    }


def recommended(runs: Sequence[Execution]) -> dict[str, Any]:
    """`recommendedApproach`: the sequence whose success is surest, the servers and parallel calls of what went well.

    A sequence needs `ENOUGH` runs that went well. The surest has the highest confidence; among equals the longer one.
    `lift` is its success rate over that of all the runs.
    """
    spelt, tools = _spelt(runs)
    best = _surest(_tallied(spelt))
    approach: dict[str, Any] = {
        "toolSequence": None,
        "mcpServers": _servers(runs),
        "parallelOpportunities": opportunities(runs),
        "confidence": None,
        "lift": None,
        "support": 0,
        "contradictions": 0,
        "evidence": [],
    }
    if best is None:
        return approach | {"reason": f"no tool sequence went well in {ENOUGH} comparable runs"}
    holding = [run for run, text in spelt if best in text]
    good, bad = weights(holding)
    base_good, base_bad = weights(runs)
    base = base_good / (base_good + base_bad)
    return approach | {
        "toolSequence": [tools[ord(sign)] for sign in best],
        "confidence": percent(confidence(good, bad)),
        "lift": round(good / (good + bad) / base, 3),
        "support": _count(good),
        "contradictions": _count(bad),
        "evidence": evidence_of(holding),
    }


Spelt = list[tuple[Execution, str]]


def _spelt(runs: Sequence[Execution]) -> tuple[Spelt, list[str]]:
    """The runs of known outcome, each with its tools as a text of one sign a tool, and the tools by their signs.

    Pieces of texts are made and counted several times as quickly as those of tuples. Signs rise as names do.
    """
    tools = sorted(set().union(*[run.tools for run in runs]))
    sign = {tool: chr(number) for number, tool in enumerate(tools)}.__getitem__
    return [(run, "".join(map(sign, run.tools))) for run in runs if run.good is not None], tools


Weight = tuple[float, float]
"""How much went well and how much badly."""


def _tallied(spelt: Spelt) -> dict[str, Weight]:
    """The sequences of `mined` that the surest is among, each with what went well and badly with it.

    A sequence is no more often held than what it is longer than: of those which could not be surer than the surest so
    far, even if nothing went badly with them, no longer one is looked at.
    """
    found: dict[str, Weight] = {}
    among: set[str] | None = None
    sure = 0.0
    for length in range(SHORTEST, LONGEST + 1):
        weighed = _weighed(spelt, length, among)
        found |= weighed
        sure = max([sure, *(confidence(*weight) for weight in _unsurpassed(weighed.values()))])
        among = _longer([steps for steps, (good, _) in weighed.items() if good >= ENOUGH and _may_reach(sure, good)])
    return found


def _may_reach(sure: float, good: float) -> bool:
    return confidence(good, 0.0) > sure - _ROUNDING


def _weighed(spelt: Spelt, length: int, among: set[str] | None) -> dict[str, Weight]:
    """Those sequences of `length` steps (of `among`, if it is given) that `ENOUGH` runs hold."""
    held: Counter[str] = Counter()
    by_badness: dict[float, Counter[str]] = defaultdict(Counter)
    for run, text in spelt if among is None or among else ():
        pieces = _pieces(text, length)
        own = set(pieces) if among is None else among.intersection(pieces)
        held.update(own)
        if badness := 1 - (run.good or 0.0):
            by_badness[badness].update(own)
    bad: dict[str, float] = defaultdict(float)
    for badness in sorted(by_badness):  # of parts in any order: the sum is the same to the last digit
        for steps, count in by_badness[badness].items():
            bad[steps] += badness * count
    lost = bad.get
    return {steps: (count - lost(steps, 0.0), lost(steps, 0.0)) for steps, count in held.items() if count >= ENOUGH}


def _pieces(text: str, length: int) -> Iterable[str]:
    """All pieces of `text` of so many signs: each of one sign less, and the sign that follows it."""
    pieces: Iterable[str] = text
    for further in range(1, length):
        pieces = map(add, pieces, text[further:])
    return pieces


def _longer(sequences: Sequence[str]) -> set[str]:
    """Those of one step more that begin and end with one of `sequences`."""
    following: dict[str, list[str]] = defaultdict(list)
    for steps in sequences:
        following[steps[:-1]].append(steps[-1])
    return {steps + sign for steps in sequences for sign in following.get(steps[1:], ())}


def _surest(found: dict[str, Weight]) -> str | None:
    """The sequence of the highest confidence, of equals the longer one; None where none is worth it."""
    weighing: dict[Weight, list[str]] = defaultdict(list)
    for steps, weight in found.items():
        weighing[weight].append(steps)
    sure = {weight: confidence(*weight) for weight in _unsurpassed(weighing)}
    if not sure:
        return None
    top = max(sure.values())
    equals = [steps for weight, sureness in sure.items() if sureness == top for steps in weighing[weight]]
    # Of equals the first by name: the answer must not hang on the order in which runs came.
    return min(equals, key=lambda steps: (-len(steps), steps))


def _unsurpassed(weights: Iterable[Weight]) -> list[Weight]:
    """Of the `weights` that are worth it those that no other exceeds: with more for it, or less against it."""
    unsurpassed, most = list[Weight](), 0.0
    for good, bad in sorted(weights, key=lambda weight: (weight[1], -weight[0])):
        if good > most and good >= ENOUGH and mean(good, bad) >= WORTH:
            unsurpassed.append((good, bad))
            most = good
    return unsurpassed


def _servers(runs: Sequence[Execution]) -> list[str]:
    """MCP servers that `ENOUGH` runs which went well used, the most used first; none that more runs went badly with."""
    held: dict[str, list[Execution]] = defaultdict(list)
    for run in runs:
        for server in run.servers:
            held[server].append(run)
    weighed = {server: weights(holding) for server, holding in held.items()}
    useful = [server for server, (good, bad) in weighed.items() if good > bad and good >= ENOUGH]
    return sorted(useful, key=lambda server: (-weighed[server][0], server))


def opportunities(runs: Sequence[Execution]) -> list[dict[str, Any]]:
    """Pairs of tools that ran side by side in `ENOUGH` runs that went well, yet one after the other in others."""
    return [
        {
            "tools": list(pair),
            "parallel": len(parallel),
            "sequential": len(apart),
            "evidence": evidence_of(parallel),
        }
        for pair, parallel, apart in parallel_pairs(runs)
    ]


def parallel_pairs(runs: Sequence[Execution]) -> list[tuple[tuple[str, str], list[Execution], list[Execution]]]:
    """Such pairs, with the runs that went well with them side by side, and those that had them one after the other."""
    together: dict[tuple[str, str], list[Execution]] = defaultdict(list)
    for run in runs:
        if run.good is not None and run.good > WORTH:
            for pair in run.beside:
                together[pair].append(run)
    found = []
    for pair, parallel in sorted(together.items()):
        apart = [run for run in runs if pair not in run.beside and _adjacent(pair, run.tools)]
        if len(parallel) >= ENOUGH and apart:
            found.append((pair, parallel, apart))
    return found


def _adjacent(pair: tuple[str, str], tools: tuple[str, ...]) -> bool:
    return any({one, other} == set(pair) for one, other in pairwise(tools))


def _count(weight: float) -> float:
    """A weight as a count where it is whole."""
    return int(weight) if weight == int(weight) else round(weight, 2)
