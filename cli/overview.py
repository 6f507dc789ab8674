"""One session at a glance: its row of the view, and its runs as the tree in which they started each other."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from orchestrion.cli.commentary import quoted
from orchestrion.cli.costs import for_people
from orchestrion.cli.options import Format
from orchestrion.cli.plain import cell, json_text, lasting
from orchestrion.cli.show import Sheet, out, table
from orchestrion.domain.money import dollars

if TYPE_CHECKING:
    from orchestrion.projections import Store

Row = dict[str, Any]


def overview(store: "Store", session: str, form: Format, *, at: int | None = None) -> None:
    """Show `session` in `form`: in JSON the row with its `runs`, else the row and the tree."""
    found = store.query("SELECT * FROM sessions WHERE session = ?", (session,), at=at).dicts()[0]
    runs = store.query("SELECT * FROM agent_runs WHERE session = ? ORDER BY started_at, run", (session,), at=at).dicts()
    if form is Format.json:
        return out(json_text({**found, "runs": runs}))
    if form is not Format.table:
        return table(Sheet(list(runs[0]), [list(run.values()) for run in runs]) if runs else Sheet((), ()), form)
    told = for_people(Sheet(list(found), [list(found.values())]))
    width = max(map(len, told.columns))
    for name, value in zip(told.columns, told.rows[0], strict=True):
        out(f"{name:<{width}}  {cell(value)}")
    out("")
    for line in tree(runs):
        out(line)
    return None


def tree(runs: list[Row]) -> Iterator[str]:
    """A line a run, indented under the run that started it; runs in a circle or under a stranger stand at the root."""
    known = {run["run"] for run in runs}
    children: dict[Any, list[Row]] = {}
    for run in runs:
        parent = run["parent_run"] if run["parent_run"] in known and run["parent_run"] != run["run"] else None
        children.setdefault(parent, []).append(run)
    drawn: set[str] = set()

    def below(parent: Any, depth: int) -> Iterator[str]:
        # A stack instead of recursion: how deep agents start agents is not ours to bound.
        stack = [(run, depth) for run in reversed(children.get(parent, []))]
        while stack:
            run, level = stack.pop()
            if run["run"] in drawn:
                continue
            drawn.add(run["run"])
            yield "  " * level + _line(run)
            stack += [(child, level + 1) for child in reversed(children.get(run["run"], []))]

    yield from below(None, 0)
    for run in runs:
        if run["run"] not in drawn:
            drawn.add(run["run"])
            yield _line(run)
            yield from below(run["run"], 1)


def _line(run: Row) -> str:
    counts = f"{run['tool_calls']} tool calls, {run['messages']} messages"
    if run["total_cost_microdollars"] is not None:
        counts += f", {dollars(run['total_cost_microdollars'], run['total_unpriced_requests'])}"
    facts = f"{cell(run['status'])}, {lasting(run['duration_ms'])}, {counts}"
    task = f": {quoted(run['task'])}" if run["task"] else ""
    return f"● {cell(run['agent'] or run['run'])} ({facts}){task}"
