"""Shows what past runs teach: whole as JSON, else as lines of subject, what is said, and what it rests on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli.advising import Lessons
from orchestrion.cli.options import Format
from orchestrion.cli.plain import lasting
from orchestrion.cli.settings import load_settings
from orchestrion.cli.show import Sheet, answer, table
from orchestrion.cli.wiring import asked, home_of
from orchestrion.domain.errors import Refused
from orchestrion.projections.learning import patterns, query_learnings

if TYPE_CHECKING:
    from orchestrion.projections.learning import Task
    from orchestrion.projections.learning.executions import Closeness

COLUMNS = ("subject", "says", "confidence", "support", "contradictions", "evidence")
PATTERN_COLUMNS = ("type", "name", "agent", "life", "confidence", "support", "contradictions", "origin")
EVIDENCE_SHOWN = 5
PEERS_SHOWN = 5
"""In a table; JSON has all."""

Row = tuple[str, str, Any, Any, Any, str]


def show(
    home: Path | None,
    agent: str,
    task: "Task",
    form: Format,
    *,
    at: int | None,
    semantic: bool = False,
    config: Path | None = None,
) -> None:
    """Show what is learnt of `agent` for `task`. Raises NotFound; CannotRun where `semantic` lacks its extra."""
    closeness = _closeness(task) if semantic else None
    lessons = Lessons.of(load_settings(Path.cwd(), file=config))
    with asked(home_of(home)) as store:
        learnt = query_learnings(store, agent, task, limit=lessons.limit, at=at, closeness=closeness)
    answer(learnt, form, sheet=Sheet(COLUMNS, list(_rows(learnt))))


def show_patterns(
    home: Path | None,
    task: "Task",
    form: Format,
    *,
    at: int | None,
    semantic: bool = False,
    config: Path | None = None,
) -> None:
    """Show the patterns of all agents. Raises Refused where a task was given without an agent."""
    if semantic or not task.says_nothing:
        raise Refused("say whose runs to learn from: orchestrion learn AGENT --task …")
    lessons = Lessons.of(load_settings(Path.cwd(), file=config))
    with asked(home_of(home)) as store:
        rows = patterns(store, half_life_days=lessons.half_life_days, at=at)
    columns = PATTERN_COLUMNS if form is Format.table or not rows else tuple(rows[0])
    table(Sheet(columns, [[row[name] for name in columns] for row in rows]), form, empty="No pattern is known.")


def _closeness(task: "Task") -> "Closeness":
    """Compares in meaning. Raises Refused where there is no text to compare, CannotRun without the extra."""
    if not (task.text or "").strip():
        raise Refused("--semantic compares what tasks mean; say in words what is to be done: --task …")
    from orchestrion.projections.learning import meaning

    meaning.loaded()  # before the log is opened: a missing extra is told at once
    return meaning.closeness


def _rows(learnt: Mapping[str, Any]) -> Iterator[Row]:
    basis, approach = learnt["basis"], learnt["recommendedApproach"]
    yield _row("basis", _basis(basis), {**basis, "support": basis["wentWell"], "contradictions": basis["wentBadly"]},
               learnt["confidenceScore"])  # fmt: skip
    steps = approach["toolSequence"]
    yield _row("approach", " → ".join(steps) if steps else approach["reason"], approach, approach["confidence"])
    if approach["mcpServers"]:
        yield _row("mcp servers", ", ".join(approach["mcpServers"]), {})
    for pair in approach["parallelOpportunities"]:
        yield _row("side by side", f"{' and '.join(pair['tools'])}: {pair['parallel']} runs did, "
                   f"{pair['sequential']} did one after the other", pair)  # fmt: skip
    for pitfall in learnt["commonPitfalls"]:
        yield _row(f"pitfall ({pitfall['severity']})", pitfall["issue"], pitfall)
    for tip in learnt["optimizationTips"]:
        yield _row(f"tip ({tip['type']})", tip["tip"], tip, tip["confidence"])
    yield from _together(learnt["collaborationPatterns"])
    time = learnt["estimatedDuration"]
    yield _row("duration", _duration(time), time, time["confidence"])


def _together(patterns: Mapping[str, Any]) -> Iterator[Row]:
    peers = [f"{name} ({count})" for name, count in patterns["frequentCollaborators"].items()]
    if peers:
        more = f" and {len(peers) - PEERS_SHOWN} more" if len(peers) > PEERS_SHOWN else ""
        yield _row("works with", ", ".join(peers[:PEERS_SHOWN]) + more, {"evidence": patterns["evidence"]})
    for handoff in patterns["effectiveHandoffs"]:
        yield _row("handoff", f"{handoff['from']} → {handoff['to']}", handoff, handoff["confidence"])
    share = patterns["communicationEfficiency"]
    if share is not None:
        yield _row("answered", f"{share} % of what it asked others", {**patterns, "evidence": ()})


def _basis(basis: Mapping[str, Any]) -> str:
    rate = basis["successRate"]
    in_meaning = " in meaning" if basis["textComparedBy"] == "meaning" else ""
    told = f"{basis['similar']} of {basis['runs']} runs are similar{in_meaning}"
    if rate["estimated"] is None:
        return f"{told}; {basis['reason']}"
    return f"{told}; success {rate['estimated']} % ({rate['min']} to {rate['max']})"


def _duration(time: Mapping[str, Any]) -> str:
    if time["estimated"] is None:
        return str(time["reason"])
    return f"{lasting(time['estimated'])} ({lasting(time['min'])} to {lasting(time['max'])}), from {time['from']}"


def _row(subject: str, says: str, what: Mapping[str, Any], confidence: int | None = None) -> Row:
    evidence = list(what.get("evidence") or what.get("handoffs", ()))
    shown = ", ".join(map(str, evidence[:EVIDENCE_SHOWN]))
    more = f" and {len(evidence) - EVIDENCE_SHOWN} more" if len(evidence) > EVIDENCE_SHOWN else ""
    return subject, says, confidence, what.get("support"), what.get("contradictions"), shown + more
