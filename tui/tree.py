"""Runs as the tree in which they started each other, with what each and all below it took."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
SUMMED = ("tool_calls", "messages", "tokens", "spent", "unpriced")


def grown(runs: Sequence[Row]) -> list[dict[str, Any]]:
    """`runs` depth first. Each gets `branch` (its guide line), `below` (itself and all below), and sums over these.

    A run whose parent is not among them, or that stands in a circle, is a root.
    """
    known = {run["run"]: run for run in runs}
    children: dict[Any, list[Row]] = {}
    for run in runs:
        parent = run["parent_run"]
        children.setdefault(parent if parent in known and parent != run["run"] else None, []).append(run)
    drawn: dict[str, dict[str, Any]] = {}
    _walk(children.get(None, ()), children, drawn)
    for run in runs:
        if run["run"] not in drawn:
            _walk((run,), children, drawn)
    _sum(drawn)
    return list(drawn.values())


def _walk(roots: Iterable[Row], children: Mapping[Any, list[Row]], drawn: dict[str, dict[str, Any]]) -> None:
    """Draw `roots` and what is below them; a stack, for agents may start agents without bound."""
    stack = [(run, "", "") for run in reversed(list(roots))]
    while stack:
        run, guide, branch = stack.pop()
        if run["run"] in drawn:
            continue
        drawn[run["run"]] = {**run, "branch": branch, "guide": guide}
        below = children.get(run["run"], [])
        for index in range(len(below) - 1, -1, -1):
            last = index == len(below) - 1
            stack.append((below[index], guide + ("  " if last else "│ "), guide + ("└ " if last else "├ ")))


def _sum(drawn: dict[str, dict[str, Any]]) -> None:
    """Add to each run what is below it; children stand after their parents, so from the end."""
    for run in drawn.values():
        run["below"] = [run["run"]]
        run["own"] = {key: run[key] for key in SUMMED}
    seen: set[str] = set()
    for name, run in reversed(drawn.items()):
        seen.add(name)
        parent = drawn.get(run["parent_run"])
        if parent is None or parent["run"] in seen:
            continue
        parent["below"] += run["below"]
        for key in SUMMED:
            if run[key] is not None:
                parent[key] = (parent[key] or 0) + run[key]
