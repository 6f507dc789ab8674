"""Writes a session's report as Markdown: what comes from outside is shown literally, what is unknown says so."""

from collections.abc import Iterator, Sequence
from typing import Any

from orchestrion.cli.commentary import SIGNS, said, shortened
from orchestrion.cli.plain import clock, code, lasting, markdown, moment
from orchestrion.domain.inert import inert

Row = dict[str, Any]
BAR_CELLS = 10
PRIORITY_SIGNS = {"high": "🔴", "normal": "🟡"}
UNKNOWN = "unknown"


def as_markdown(report: Row) -> str:
    """The report of `report_of` as one Markdown document."""
    parts = (_head, _agents, _flow, _progress, _messages, _metrics, _patterns, _summary, _recommendations)
    return "\n".join(line for part in parts for line in part(report)).rstrip()


def _head(report: Row) -> Iterator[str]:
    session = report["session"]
    status = session["status"] or UNKNOWN
    yield f"# Session report: {code(session['session'])}"
    yield ""
    yield f"- **Source**: {markdown(session['source'])}"
    yield f"- **Request**: {_text(session['request'])}"
    yield f"- **Project**: {_text(session['project'])}"
    yield f"- **Started**: {moment(session['started_at']) if session['started_at'] else UNKNOWN}"
    yield f"- **Status**: {SIGNS.get(status, '⏹')} {markdown(status)}"
    yield f"- **As of position**: {report['position']}"
    yield ""


def _agents(report: Row) -> Iterator[str]:
    yield "## Agents"
    yield ""
    names = ("Agent", "Status", "Runs", "Duration", "Tool calls", "Messages")
    rows = [
        (
            code(a["agent"]),
            markdown(", ".join(a["status"])),
            a["runs"],
            lasting(a["duration_ms"]),
            a["tool_calls"],
            a["messages"],
        )
        for a in report["agents"]
    ]
    yield from _table(names, rows, "No agent ran.")


def _flow(report: Row) -> Iterator[str]:
    """Node ids are our own (`n0`), so that no agent's name can be read as a part of the diagram's language."""
    yield "## Communication flow"
    yield ""
    if not report["flow"]:
        yield from ("No message was sent.", "")
        return
    names = list(dict.fromkeys(name for edge in report["flow"] for name in (edge["sender"], edge["recipient"])))
    ids = {name: f"n{i}" for i, name in enumerate(names)}
    yield "```mermaid"
    yield "graph LR"
    for name in names:
        yield f'    {ids[name]}["{mermaid(name)}"]'
    for edge in report["flow"]:
        yield f"    {ids[edge['sender']]} -->|{edge['messages']}| {ids[edge['recipient']]}"
    yield "```"
    yield ""


def mermaid(name: str) -> str:
    """`name` as the text of a node: all but letters, digits and a few signs as Mermaid's `#code;`."""
    return "".join(c if c.isalnum() or c in " -_.:/" else f"#{ord(c)};" for c in inert(name or UNKNOWN))


def _progress(report: Row) -> Iterator[str]:
    progress = report["progress"]
    total, done = progress["total"], min(progress["completed"], progress["total"])
    share = done / total if total else 0.0
    filled = round(share * BAR_CELLS)
    bar = "█" * filled + "░" * (BAR_CELLS - filled)
    yield "## Progress"
    yield ""
    yield f"`[{bar}]` {share:.0%} ({done}/{total} {progress['of']} completed)" if total else "Nothing was begun."
    yield ""


def _messages(report: Row) -> Iterator[str]:
    yield "## Recent messages"
    yield ""
    for m in report["messages"]:
        head = f"- **{clock(m['happened_at'])}** {code(m['sender'])} → {code(m['recipient'])}: *{markdown(m['type'])}*"
        text = said(m["payload"])
        yield f"{head} ({markdown(m['priority'])})" + (f": {markdown(text)}" if text else "")
    if not report["messages"]:
        yield "None."
    yield ""


def _metrics(report: Row) -> Iterator[str]:
    metrics = report["metrics"]
    untimed = metrics["tool_calls"] - metrics["timed_calls"]
    yield "## Metrics"
    yield ""
    yield f"- **Parallel work**: {_share(metrics['parallelism'])} of the working time two or more agents worked at once"
    yield f"- **MCP use**: {_share(metrics['mcp_use'])} of the tool calls went to an MCP server"
    yield f"- **Tool calls**: {metrics['tool_calls']}" + (f" ({untimed} without a known duration)" if untimed else "")
    yield f"- **Average response**: {lasting(metrics['average_response_ms'])}"
    yield f"- **95th percentile**: {lasting(metrics['p95_response_ms'])}"
    yield ""


def _patterns(report: Row) -> Iterator[str]:
    yield "## Patterns"
    yield ""
    for p in report["patterns"]:
        confidence = UNKNOWN if p["confidence"] is None else f"{p['confidence']:.0%}"
        evidence = f"positions {', '.join(map(str, p['evidence']))}" if p["evidence"] else "none named"
        yield f"- **{markdown(p['type'])}**: {markdown(p['name'])} (confidence {confidence}; evidence: {evidence})"
        if p["context"]:
            yield f"  - {_text(p['context'])}"
    if not report["patterns"]:
        yield "No pattern was reported in this session."
    yield ""


def _summary(report: Row) -> Iterator[str]:
    summary, session = report["summary"], report["session"]
    yield "## Summary"
    yield ""
    yield f"- **Duration**: {lasting(summary['duration_ms'])}"
    names = ", ".join(map(code, summary["agents"])) or "none"
    yield f"- **Agents**: {len(summary['agents'])} ({names}) in {summary['runs']} runs"
    yield "- " + ", ".join(f"**{name.capitalize()}**: {summary[name]}" for name in ("messages", "handoffs", "findings"))
    tokens = [(name, session[f"{name}_tokens"]) for name in ("input", "output", "cache_read", "cache_write")]
    shown = ", ".join(f"{name.replace('_', ' ')} {UNKNOWN if n is None else n}" for name, n in tokens)
    yield f"- **Tokens**: {shown}"
    yield ""


def _recommendations(report: Row) -> Iterator[str]:
    yield "## Recommendations"
    yield ""
    for r in report["recommendations"]:
        evidence = ", ".join(map(str, r["evidence"])) + (
            f", … ({r['of']} in all)" if r["of"] > len(r["evidence"]) else ""
        )
        sign = PRIORITY_SIGNS[r["priority"]]
        yield f"- {sign} **{markdown(r['rule'])}**: {markdown(r['text'])} (evidence: positions {evidence})"
    if not report["recommendations"]:
        yield "No rule found anything to recommend."
    yield ""


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> Iterator[str]:
    if not rows:
        yield from (empty, "")
        return
    yield "| " + " | ".join(names) + " |"
    yield "|" + "---|" * len(names)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
    yield ""


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.0%}"


def _text(value: Any) -> str:
    return UNKNOWN if value is None else markdown(shortened(str(value)))
