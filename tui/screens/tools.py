"""Tools by count, failures and duration, by tool and by agent; the calls themselves, the slowest first."""

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Container

from orchestrion.tui import figures
from orchestrion.tui.actions import bindings
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, events_of, number
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import OpenedCall
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.finder import Finder
from orchestrion.tui.widgets.grid import Grid

_OF_TOOL = """kind LIKE 'tool.%' AND ($session::VARCHAR IS NULL OR session = $session) AND data->>'$.call' IN (
    SELECT call FROM tool_calls WHERE tool = $tool AND ($session::VARCHAR IS NULL OR session = $session) {more})"""
_OF_AGENT = _OF_TOOL.replace("tool = $tool", "coalesce(agent, 'unknown') = $agent")
_FAILED = "AND status NOT IN ('ok', 'unresolved')"


def _figures(condition: str, key: str) -> tuple[Column, ...]:
    """Count, failures and durations of a group of calls."""
    everything = events_of("calls", condition.format(more=""), "session", key)
    slowest = condition.format(more="ORDER BY duration_ms DESC NULLS LAST LIMIT 1")
    return (
        number("calls", "Calls", everything),
        number("failures", "Failed", events_of("failed calls", condition.format(more=_FAILED), "session", key)),
        number("p50_ms", "p50", everything, figures.lasting),
        number("p95_ms", "p95", everything, figures.lasting),
        number("slowest_ms", "Slowest", events_of("the slowest call", slowest, "session", key), figures.lasting),
    )


TOOLS = (Column("tool", "Tool", tone="strong", grow=True, widest=24), *_figures(_OF_TOOL, "tool"))
AGENTS = (Column("agent", "Agent", tone="strong", grow=True, widest=24), *_figures(_OF_AGENT, "agent"))
CALLS = (
    Column("tool", "Tool", tone="strong", widest=24),
    Column("status", "Status", tone="status"),
    Column("duration_ms", "Took", figures.lasting, right=True, rests=events_of(
        "this call", "data->>'$.call' = $call AND kind LIKE 'tool.%'", "call")),
    Column("agent", "Agent", widest=24),
    Column("params", "Parameters", figures.members, grow=True, widest=40),
    Column("started_at", "Time", figures.clock, tone="quiet"),
)  # fmt: skip


class Tools(View):
    """What tools were used for, and how they did."""

    BINDINGS: ClassVar[list[Any]] = bindings("tools")
    here = "tools"
    failed = False
    tool: str | None = None
    agent: str | None = None

    def body(self) -> ComposeResult:
        with Container(id="groups"):
            yield Grid(TOOLS, id="tools", empty="No tool was called.", title="by tool").add_class("bordered")
            yield Grid(AGENTS, id="agents", empty="No tool was called.", title="by agent").add_class("bordered")
        yield Finder("search tools, agents and parameters")
        yield Grid(CALLS, id="calls", empty="No such call.", title="calls, the slowest first").add_class("bordered")

    def questions(self) -> list[Question]:
        grid = self.query_one
        its = {"session": self.dashboard.scope}
        narrowed = {**its, "tool": self.tool, "agent": self.agent, "failed": self.failed, **self.sought}
        slowest = "duration_ms DESC NULLS LAST, position"
        counted = "" if self.agent or self.find else question("calls_count")
        return [
            grid("#tools", Grid).question(question("tools"), "calls DESC, tool", its),
            grid("#agents", Grid).question(question("tool_agents"), "calls DESC, agent", its),
            grid("#calls", Grid).question(question("calls"), slowest, narrowed, counted=counted),
        ]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        for name in ("tools", "agents", "calls"):
            self.query_one(f"#{name}", Grid).fill(answered[name])

    def subject(self) -> str:
        parts = [f"{self.query_one('#calls', Grid).counted} calls", self.dashboard.scope or "all sessions"]
        parts += [word for word in (self.tool, self.agent, "failed" if self.failed else "") if word]
        return " · ".join([*parts, *filter(None, [self.sought_words])])

    def detail(self, opened: Grid.Opened) -> View | None:
        if opened.grid.id == "calls":
            return OpenedCall(opened.row["call"])
        if opened.grid.id == "tools":
            self.tool = None if self.tool == opened.row["tool"] else opened.row["tool"]
        else:
            self.agent = None if self.agent == opened.row["agent"] else opened.row["agent"]
        self.ask()
        return None

    def action_failures(self) -> None:
        self.failed = not self.failed
        self.ask()

    def retreat(self) -> None:
        self.tool = self.agent = None
        self.failed = False
        super().retreat()
        self.ask()
