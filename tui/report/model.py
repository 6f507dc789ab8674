"""The report as pure data: every figure with the log positions it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from orchestrion.domain.money import dollars
from orchestrion.tui.report.facts import Call, Handoff, Message, Pattern, Positions, Spending
from orchestrion.tui.report.layout import Layout

Weight = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and the positions of the events it was made from; the value None is unknown."""

    value: Any
    positions: Positions = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """What a rule over the log recommends: the rule's name, one sentence, and the events that it rests on."""

    rule: str
    weight: Weight
    text: str
    positions: Positions


@dataclass(frozen=True, slots=True)
class AgentLine:
    """One run in the tree of runs; `depth` counts the runs above it, times are naive UTC."""

    run: str
    agent: str | None
    parent: str | None
    depth: int
    task: str | None
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    duration_ms: Figure
    tool_calls: Figure
    messages: Figure
    current_tool: str | None
    positions: Positions


@dataclass(frozen=True, slots=True)
class Flow:
    """How many messages and handoffs went from one to another."""

    sender: str
    recipient: str
    messages: Figure
    handoffs: Figure


@dataclass(frozen=True, slots=True)
class ToolLine:
    """One tool's use; durations in milliseconds."""

    tool: str
    mcp_server: str | None
    calls: Figure
    failed: Figure
    p50_ms: Figure
    p95_ms: Figure


@dataclass(frozen=True)
class Report:
    """A session as it stood at position `last` of the log; `ended`: the log tells of its end."""

    session: str
    first: int
    last: int
    ended: bool
    header: Mapping[str, Figure]
    """source, project, request, started_at, ended_at, status"""
    agents: tuple[AgentLine, ...]
    flows: tuple[Flow, ...]
    progress: Mapping[str, Figure]
    """done and total: tasks of the plan that are done (see `tui.work.phases`); without one, runs that finished
    (see `tui.work.UNFINISHED`), of all"""
    messages: tuple[Message, ...]
    """Oldest first."""
    handoffs: tuple[Handoff, ...]
    metrics: Mapping[str, Figure]
    """parallel and mcp (shares from 0 to 1), shared_calls (given another agent's answer), shared_saved_ms, tool_calls,
    failed_calls, mean_ms, p95_ms, tokens (all) and by kind, cost_microdollars (without the unpriced_requests)
    """
    spending: tuple[Spending, ...]
    """By agent, the dearest first."""
    tools: tuple[ToolLine, ...]
    patterns: tuple[Pattern, ...]
    summary: Mapping[str, Figure]
    """duration_ms, agents (names), messages"""
    advice: tuple[Advice, ...]
    slowest: tuple[Call, ...]
    timeline: Layout


def cost_of(report: Report) -> str:
    """What all model requests of the session cost; `≥` where some have no known price."""
    return dollars(report.metrics["cost_microdollars"].value, report.metrics["unpriced_requests"].value)
