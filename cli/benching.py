"""Prints how honest what is learnt is: on seeded simulations, and on recordings where there are any."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli.options import Format
from orchestrion.cli.plain import json_text
from orchestrion.cli.show import Sheet, out, say, table
from orchestrion.cli.wiring import Home, stored, written_log
from orchestrion.domain.errors import NotFound

if TYPE_CHECKING:
    from orchestrion.projections import Store

RECORDINGS = Path("../shared/sessions")
"""Where recordings are looked for when none are named."""
_LABEL = re.compile(r"(.+?) at step (\d+):")
_HISTORY = 10_000


def bench_learning(sessions: Path | None, form: Format) -> None:
    """Calibration, regret and attribution. Raises NotFound for a folder that is not there."""
    from orchestrion.projections.learning.measuring import regrets, simulated

    if sessions is not None and not sessions.is_dir():
        raise NotFound(f"{sessions}: there is no such folder of recordings")
    place = sessions or (RECORDINGS if RECORDINGS.is_dir() else None)
    rows = [_row(each) for each in simulated()]
    blamed: list[dict[str, Any]] = []
    if place is not None:
        recorded, blamed = _recorded(place)
        rows.append(recorded)
    lost = [{"choice": name, "regret": value} for name, value in regrets().items()]
    if form is Format.json:
        return out(json_text({"calibration": rows, "regret": lost, "attribution": blamed}))
    for part in (rows, lost, blamed):
        if part:
            table(Sheet(list(part[0]), [list(row.values()) for row in part]), form)
            out("")
    if place is None:
        say("No recordings: name a folder with --sessions; the simulations alone were measured.")
    return None


def _row(each: Any) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__slots__}


def _recorded(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    from orchestrion.ingest import import_paths
    from orchestrion.projections.learning import executions
    from orchestrion.projections.learning.measuring import honesty, replayed

    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch), "bench")
        with written_log(home) as (log, redactor):
            import_paths(log, redactor, "auto", [folder])
            with stored(log, home) as store:
                names = store.query("SELECT DISTINCT agent FROM runs WHERE agent IS NOT NULL ORDER BY 1").rows
                histories = [executions(store, agent, limit=_HISTORY) for (agent,) in names]
                pairs = [pair for history in histories for pair in replayed(history)]
                runs = sum(map(len, histories))
                return _row(honesty(f"recordings: {runs} runs of {len(histories)} agents", pairs)), _attribution(store)


def _attribution(store: "Store") -> list[dict[str, Any]]:
    """How often each way named the labelled agent, and its step too, of failed conversations with a label."""
    from orchestrion.projections.inquiry import blaming

    ways = {"rules": blaming.blame, "first speaker": blaming.first_speaker, "last speaker": blaming.last_speaker,
            "spoke most": blaming.most_said}  # fmt: skip
    hits = {name: [0.0, 0.0] for name in (*ways, "by chance")}
    labels = list(_labels(store))
    for session, agent, step in labels:
        steps = blaming.said_in(store, session)
        for name, find in ways.items():
            found = find(steps)
            hits[name][0] += found is not None and found.agent == agent
            hits[name][1] += found is not None and (found.agent, found.step) == (agent, step)
        hits["by chance"] = [so_far + more for so_far, more in zip(
            hits["by chance"], blaming.by_chance(steps, agent, step), strict=True)]  # fmt: skip
    return [
        {"attribution": name, "labelled": len(labels), "agent": round(agents, 1), "agent and step": round(both, 1)}
        for name, (agents, both) in hits.items()
        if labels
    ]


def _labels(store: "Store") -> Iterator[tuple[str, str, int]]:
    asked = "SELECT session, reason FROM outcomes WHERE reason IS NOT NULL AND verdict = 'incorrect' ORDER BY session"
    for session, reason in store.query(asked).rows:
        if label := _LABEL.match(reason):
            yield session, label[1], int(label[2])
