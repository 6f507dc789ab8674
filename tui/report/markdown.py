"""The report as Markdown, section by section like the specification's dashboard."""

from collections.abc import Iterator

from orchestrion.tui.report import words
from orchestrion.tui.report.escape import code_span, markdown_text, mermaid_ids, mermaid_label
from orchestrion.tui.report.model import Figure, Report, cost_of
from orchestrion.tui.work import OPEN

RECENT_MESSAGES = 20
BAR_CELLS = 10
NONE_YET = "*None in the log.*"


def markdown(report: Report) -> str:
    """The whole document, ending in a newline."""
    sections = (_head, _agents, _flow, _progress, _messages, _metrics, _patterns, _summary, _last_line)
    return "\n\n---\n\n".join("\n".join(section(report)) for section in sections) + "\n"


def _head(report: Report) -> Iterator[str]:
    header = report.header
    yield "# 🚀 Live Execution Dashboard"
    yield ""
    yield f"**Session**: {code_span(report.session)}  "
    if header["request"].value:
        yield f"**Request**: {markdown_text(header['request'].value)}  "
    yield f"**Project**: {markdown_text(header['project'].value)}  "
    yield f"**Source**: {markdown_text(header['source'].value)}  "
    yield f"**Started**: {words.moment(header['started_at'].value)}  "
    yield f"**Status**: {markdown_text(words.status(header['status'].value))}{_rests(header['status'])}  "
    yield f"**Log**: positions {report.first} to {report.last}"


def _agents(report: Report) -> Iterator[str]:
    yield "## 📊 Real-Time Agent Status"
    yield ""
    yield "| Agent | Status | Duration | Tools Used | Messages | Evidence |"
    yield "|-------|--------|---------:|-----------:|---------:|----------|"
    for line in report.agents:
        indent = "&nbsp;&nbsp;" * line.depth + ("↳ " if line.depth else "")
        status = markdown_text(words.status(line.status))
        if line.current_tool:
            status += f" ({markdown_text(line.current_tool)})"
        cells = (
            indent + markdown_text(line.agent or line.run),
            status,
            words.lasting(line.duration_ms.value),
            words.count(line.tool_calls.value),
            words.count(line.messages.value),
            words.evidence(line.positions) or words.UNKNOWN,
        )
        yield "| " + " | ".join(cells) + " |"


def _flow(report: Report) -> Iterator[str]:
    yield "## 🔄 Agent Communication Flow"
    yield ""
    if not report.flows:
        yield NONE_YET
        return
    ids = mermaid_ids(name for flow in report.flows for name in (flow.sender, flow.recipient))
    yield "```mermaid"
    yield "graph LR"
    for name, node in ids.items():
        yield f'    {node}["{mermaid_label(name)}"]'
    for flow in report.flows:
        a, b = ids[flow.sender], ids[flow.recipient]
        if flow.messages.value:
            yield f'    {a} -->|"{flow.messages.value}"| {b}'
        if flow.handoffs.value:
            yield f'    {a} ==>|"handoff {flow.handoffs.value}"| {b}'
    yield "```"


def _progress(report: Report) -> Iterator[str]:
    done, total = report.progress["done"].value, report.progress["total"].value
    yield "## 🎯 Execution Progress"
    yield ""
    yield "```"
    share = done / total if total else None
    filled = round(BAR_CELLS * (share or 0))
    yield f"[{'█' * filled}{'░' * (BAR_CELLS - filled)}] {words.percent(share)} ({done}/{total} agents)"
    yield "```"


def _messages(report: Report) -> Iterator[str]:
    yield "## 💬 Recent Agent Messages"
    yield ""
    if not report.messages:
        yield NONE_YET
    for message in reversed(report.messages[-RECENT_MESSAGES:]):
        sign = words.MESSAGE_SIGNS.get(message.type, "✉️")
        yield (
            f"- **{words.clock(message.happened_at)}** {sign} {code_span(message.sender)} → "
            f"{code_span(message.recipient)}: *{markdown_text(message.type)}* "
            f"(Priority: {markdown_text(message.priority)}){_rests(Figure(None, message.positions[:1]))}"
        )
        if message.text:
            yield f"  - {markdown_text(message.text)}"


def _metrics(report: Report) -> Iterator[str]:
    yield "## ⚡ Performance Metrics"
    yield ""
    yield from _shares(report)
    metrics = report.metrics
    failed = metrics["failed_calls"]
    yield f"- **Tool Calls**: {words.count(metrics['tool_calls'].value)}{_rests(metrics['tool_calls'])}"
    yield f"- **Failed Tool Calls**: {words.count(failed.value)}{_rests(failed)}"
    answered = f" (of {words.count(metrics['answered_calls'].value)} timed calls)"
    yield f"- **Avg Response Time**: {words.lasting(metrics['mean_ms'].value)}{answered}"
    yield f"- **p95 Response Time**: {words.lasting(metrics['p95_ms'].value)}"
    for name in ("tokens", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"):
        yield f"- **{name.replace('_', ' ').title()}**: {words.count(metrics[name].value)}"
    yield f"- **Cost**: {cost_of(report)}"
    if report.spending:
        yield from _spending(report)


def _spending(report: Report) -> Iterator[str]:
    yield ""
    yield "### Time, Tokens and Cost by Agent"
    yield ""
    yield "| Agent | Runs | Time | Tool Calls | Requests | Tokens In | Tokens Out | Cache Read | Cache Write | Cost |"
    yield "|-------|-----:|-----:|-----------:|---------:|----------:|-----------:|-----------:|------------:|-----:|"
    for each in report.spending:
        cells = (
            markdown_text(each.agent or words.UNKNOWN),
            words.count(each.runs),
            words.lasting(each.duration_ms),
            words.count(each.tool_calls),
            *words.spent(each),
        )
        yield "| " + " | ".join(cells) + " |"


def _patterns(report: Report) -> Iterator[str]:
    yield "## 🎓 Learned Patterns"
    yield ""
    if not report.patterns:
        yield NONE_YET
    for pattern in report.patterns:
        sure = words.percent(pattern.confidence)
        name, rests = code_span(pattern.name), _rests(Figure(None, pattern.positions))
        yield f"- 💡 **{markdown_text(pattern.type)}**: {name} (Confidence: {sure}){rests}"
        if pattern.context:
            yield f"  - Context: {markdown_text(pattern.context)}"


def _summary(report: Report) -> Iterator[str]:
    summary = report.summary
    names = summary["agents"].value
    yield "## 📈 Execution Summary"
    yield ""
    yield f"- **Total Duration**: {words.lasting(summary['duration_ms'].value)}{_rests(summary['duration_ms'])}"
    used = f" ({', '.join(map(markdown_text, names))})" if names else ""
    yield f"- **Agents Used**: {len(names)}{used}"
    yield f"- **Total Messages**: {words.count(summary['messages'].value)}{_rests(summary['messages'])}"
    yield from _shares(report)
    yield ""
    yield "### Recommendations"
    yield ""
    if not report.advice:
        yield "*No rule found anything to recommend.*"
    for advice in report.advice:
        sign = words.WEIGHT_SIGNS[advice.weight]
        yield f"- {sign} **{advice.rule}**: {markdown_text(advice.text)}{_rests(Figure(None, advice.positions))}"


def _last_line(report: Report) -> Iterator[str]:
    state = report.header["status"].value
    said = markdown_text(words.status(state))
    if state in OPEN:
        closing = {"running": "🔄 Execution is running.", "waiting": "⏸️ Execution waits for a person's approval."}[
            state
        ]
    elif not report.ended:
        closing = f"❔ The log knows no end of this session; its status is {said}."
    elif state == "completed":
        closing = "🎉 Execution completed successfully!"
    else:
        closing = f"Execution ended: {said}"
    yield f"**{closing}**"


def _shares(report: Report) -> Iterator[str]:
    yield f"- **Parallel Execution**: {words.percent(report.metrics['parallel'].value)}"
    yield f"- **MCP Utilization**: {words.percent(report.metrics['mcp'].value)}"
    if shared := report.metrics["shared_calls"].value:
        saved = words.lasting(report.metrics["shared_saved_ms"].value)
        yield f"- **MCP Answers Shared**: {words.count(shared)} calls not made, {saved} saved"


def _rests(figure: Figure) -> str:
    where = words.evidence(figure.positions)
    return f" ({where})" if where else ""
