"""The report as one self-contained HTML file: no script, nothing fetched from anywhere, its own strict policy."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files

from orchestrion.tui.report import words
from orchestrion.tui.report.escape import Markup, tag, together
from orchestrion.tui.report.model import Figure, Report, cost_of
from orchestrion.tui.report.svg import timeline_svg

MOST_MESSAGES = 500
LEGEND = (("ok", "tool call"), ("mcp", "MCP call"), ("failed", "failed"), ("open", "unanswered"))
ARROW_LEGEND = (("message", "message"), ("urgent", "urgent message"), ("handoff", "handoff"))


def html(report: Report) -> str:
    """The whole document. Every text from the log is escaped and inert."""
    head = together(
        Markup('<meta charset="utf-8">'),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{policy()}">'),
        Markup('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Markup('<meta name="referrer" content="no-referrer">'),
        Markup('<link rel="icon" href="data:,">'),
        tag("title", f"{words.plain(report.header['request'].value or report.session)} – Orchestrion"),
        Markup(f"<style>{_style()}</style>"),
    )
    body = together(*_body(report))
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body><main>{body}</main></body></html>\n'


def policy() -> str:
    """The document's content-security policy: its own style sheet and nothing else."""
    return (
        f"default-src 'none'; style-src 'sha256-{_hash(_style())}'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _style() -> str:
    folder = files(__package__)
    return "".join(folder.joinpath(name).read_text("utf-8") for name in ("colours.css", "timeline.css", "report.css"))


def _hash(text: str) -> str:
    return b64encode(sha256(text.encode()).digest()).decode()


def _body(report: Report) -> Iterator[Markup]:
    yield _header(report)
    yield _cards(report)
    yield _section("Time line", _legend(report), tag("div", timeline_svg(report.timeline), class_="scroll"))
    yield _section("Agents", _agents(report))
    yield _section("Time, tokens and cost by agent", _spending(report))
    yield _section("Recommendations", *_advice(report))
    yield _section("Who talks to whom", _flows(report))
    yield _section("Messages", _messages(report))
    yield _section("Handoffs", _handoffs(report))
    yield _section("Tools", _tools(report))
    yield _section("Learned patterns", _patterns(report))


def _section(title: str, *content: Markup) -> Markup:
    return tag("section", tag("h2", title), together(*content))


def _header(report: Report) -> Markup:
    header = report.header
    state = tag("span", words.status(header["status"].value), class_=f"status {words.plain(header['status'].value)}")
    facts = (
        ("Session", report.session),
        ("Source", words.plain(header["source"].value)),
        ("Project", words.plain(header["project"].value)),
        ("Started", words.moment(header["started_at"].value)),
        ("Ended" if report.ended else "Last seen", words.moment(header["ended_at"].value)),
        ("Log", f"positions {report.first} to {report.last}"),
    )
    listed = together(*(tag("div", tag("dt", name), tag("dd", value)) for name, value in facts))
    request = header["request"].value or "Session without a known request"
    return tag("header", tag("p", "Orchestrion report ", state, class_="kicker"), tag("h1", request), tag("dl", listed))


def _cards(report: Report) -> Markup:
    metrics, summary, progress = report.metrics, report.summary, report.progress
    done, total = progress["done"], progress["total"]
    cards = (
        ("Duration", words.lasting(summary["duration_ms"].value), summary["duration_ms"]),
        ("Progress", f"{done.value} / {total.value} agents", done),
        ("In parallel", words.percent(metrics["parallel"].value), metrics["parallel"]),
        ("Through MCP", words.percent(metrics["mcp"].value), metrics["mcp"]),
        ("MCP answers shared", words.count(metrics["shared_calls"].value), metrics["shared_calls"]),
        ("Tool calls", words.count(metrics["tool_calls"].value), metrics["tool_calls"]),
        ("Failed", words.count(metrics["failed_calls"].value), metrics["failed_calls"]),
        ("Average response", words.lasting(metrics["mean_ms"].value), metrics["mean_ms"]),
        ("p95 response", words.lasting(metrics["p95_ms"].value), metrics["p95_ms"]),
        ("Messages", words.count(summary["messages"].value), summary["messages"]),
        ("Tokens", words.count(metrics["tokens"].value), metrics["tokens"]),
        ("Tokens in", words.count(metrics["input_tokens"].value), metrics["input_tokens"]),
        ("Tokens out", words.count(metrics["output_tokens"].value), metrics["output_tokens"]),
        ("Cache read", words.count(metrics["cache_read_tokens"].value), metrics["cache_read_tokens"]),
        ("Cost", cost_of(report), metrics["cost_microdollars"]),
    )
    return tag("div", *(_card(*card) for card in cards), class_="cards")


def _card(name: str, value: str, figure: Figure) -> Markup:
    shade = "unknown" if figure.value is None else "known"
    value_tag = tag("strong", value, class_=shade, title=words.evidence(figure.positions) or None)
    return tag("div", tag("span", name), value_tag, class_="card")


def _legend(report: Report) -> Markup:
    items = [tag("span", tag("i", class_=f"key {kind}"), name) for kind, name in (*LEGEND, *ARROW_LEGEND)]
    left_out = report.timeline.left_out
    note = tag("span", f"{left_out:,} not drawn (no known time or lane, or too many)") if left_out else Markup("")
    return tag("p", *items, note, class_="legend")


def _table(heads: tuple[str, ...], rows: list[tuple[object, ...]], numeric: tuple[int, ...] = ()) -> Markup:
    if not rows:
        return tag("p", "None in the log.", class_="none")

    def line(cell: str, values: tuple[object, ...]) -> Markup:
        cells = (tag(cell, value, class_="number" if i in numeric else None) for i, value in enumerate(values))
        return tag("tr", *cells)

    body = together(*(line("td", row) for row in rows))
    return tag("div", tag("table", tag("thead", line("th", heads)), tag("tbody", body)), class_="scroll")


def _agents(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = []
    for line in report.agents:
        name = tag("span", line.agent or line.run, class_=f"depth{min(line.depth, 6)}", title=line.run)
        current = f" · {words.plain(line.current_tool)}" if line.current_tool else ""
        rows.append(
            (
                name,
                _state(words.status(line.status) + current),
                words.lasting(line.duration_ms.value),
                words.count(line.tool_calls.value),
                words.count(line.messages.value),
                line.task or "",
                words.evidence(line.positions),
            )
        )
    return _table(("Agent", "Status", "Duration", "Tools", "Messages", "Task", "Evidence"), rows, (2, 3, 4))


def _spending(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = [
        (
            each.agent or words.UNKNOWN,
            words.count(each.runs),
            words.lasting(each.duration_ms),
            words.count(each.tool_calls),
            *words.spent(each),
            words.evidence(each.positions),
        )
        for each in report.spending
    ]
    heads = ("Agent", "Runs", "Time", "Tool calls", "Requests", "Tokens in", "Tokens out", "Cache read", "Cache write")
    return _table((*heads, "Cost", "Evidence"), rows, tuple(range(1, 10)))


def _state(text: str) -> Markup:
    return tag("span", text, class_="state")


def _advice(report: Report) -> Iterator[Markup]:
    if not report.advice:
        yield tag("p", "No rule found anything to recommend.", class_="none")
    for advice in report.advice:
        where = tag("small", words.evidence(advice.positions))
        yield tag("p", tag("b", advice.rule), " ", advice.text, " ", where, class_=f"advice {advice.weight}")


def _flows(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = [
        (
            f.sender,
            f.recipient,
            f.messages.value,
            f.handoffs.value,
            words.evidence(sorted(f.messages.positions + f.handoffs.positions)),
        )
        for f in report.flows
    ]
    return _table(("From", "To", "Messages", "Handoffs", "Evidence"), rows, (2, 3))


def _messages(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = []
    for m in reversed(report.messages[-MOST_MESSAGES:]):
        kind = f"{words.MESSAGE_SIGNS.get(m.type, '✉️')} {m.type}"
        where = words.evidence(m.positions[:1])
        row = (words.clock(m.happened_at), m.sender, m.recipient, kind, m.priority, m.state or "unknown", m.text, where)
        rows.append(row)
    table = _table(("Time", "From", "To", "Type", "Priority", "Delivery", "What", "Evidence"), rows)
    older = len(report.messages) - len(rows)
    return together(table, tag("p", f"and {older:,} older ones", class_="none")) if older else table


def _handoffs(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = [
        (
            h.giver,
            h.taker,
            h.task,
            h.urgency,
            _state(words.status(h.status)),
            "; ".join(h.problems),
            words.evidence(h.positions),
        )
        for h in report.handoffs
    ]
    return _table(("From", "To", "Task", "Urgency", "State", "Problems", "Evidence"), rows)


def _tools(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = [
        (
            t.tool,
            t.mcp_server or "",
            words.count(t.calls.value),
            words.count(t.failed.value),
            words.lasting(t.p50_ms.value),
            words.lasting(t.p95_ms.value),
        )
        for t in report.tools
    ]
    return _table(("Tool", "MCP server", "Calls", "Failed", "p50", "p95"), rows, (2, 3, 4, 5))


def _patterns(report: Report) -> Markup:
    rows: list[tuple[object, ...]] = [
        (
            p.type,
            p.name,
            words.percent(p.confidence),
            p.agent or "unknown",
            p.context or "",
            words.evidence(p.positions),
        )
        for p in report.patterns
    ]
    return _table(("Type", "Pattern", "Confidence", "Found by", "Context", "Evidence"), rows, (2,))
