"""One session: the tree of its runs with what they took, its phases, its commentary and its metrics."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Container

from orchestrion.tui import figures
from orchestrion.tui.asking import Answered, Question, asking, extended
from orchestrion.tui.columns import Column, events_of, number
from orchestrion.tui.questions import question
from orchestrion.tui.screens.opened import OpenedEvent, OpenedRun
from orchestrion.tui.screens.view import View
from orchestrion.tui.story import story
from orchestrion.tui.tree import grown
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.widgets.overview import Overview
from orchestrion.tui.witnesses import Witnesses
from orchestrion.tui.work import OPEN, taken

OVERVIEW_SECONDS = 1.0
_RUNS = "list_contains($below, run)"
_SPAN = """session = $session AND (
    (run = $run AND (kind IN ('agent.started', 'agent.completed', 'agent.failed')
        OR happened_at IN (SELECT unnest([started_at, ended_at]) FROM run_states WHERE run = $run)))
    OR ($open AND happened_at = (SELECT max(happened_at) FROM events WHERE session = $session))
)"""
RUNS = (
    Column("name", "Agent", tone="strong", widest=34),
    Column("status", "Status", tone="status"),
    Column("took", "Took", figures.taken, right=True, rests=events_of(
        "its start, and its end or what was last known of it", _SPAN, "session", "run", "open")),
    number("tool_calls", "Calls", events_of(
        "tool calls", f"session = $session AND {_RUNS} AND kind LIKE 'tool.%'", "session", "below")),
    number("messages", "Msgs", events_of(
        "messages", f"session = $session AND {_RUNS} AND kind = 'message.sent'", "session", "below")),
    number("tokens", "Tokens", events_of(
        "tokens", f"session = $session AND {_RUNS} AND kind = 'usage.recorded'", "session", "below"), figures.tokens),
    number("cost", "Cost", events_of(
        "cost", f"session = $session AND {_RUNS} AND kind = 'usage.recorded'", "session", "below"), figures.money),
    Column("current_tool", "Now", figures.optional, widest=16),
    Column("task", "Task", grow=True, tone="quiet", widest=30),
)  # fmt: skip
STORY = (
    Column("happened_at", "Time", figures.clock, tone="quiet"),
    Column("told", "Commentary, newest first", figures.text, grow=True, widest=40),
    Column("position", "Position", figures.count, right=True, tone="quiet"),
)
QUESTIONS = ("tokens", "phases", "runs", "session")


class Session(View):
    """What the chosen session did."""

    here = "session"
    in_parts = True

    def __init__(self) -> None:
        super().__init__()
        self._shown: Answered | None = None
        self._told: Answered | None = None
        self._witnesses = Witnesses()

    def body(self) -> ComposeResult:
        yield Overview()
        with Container(id="halves"):
            tree = Grid(RUNS, id="tree", empty="No run of an agent is known.", title="Runs", told_by=("runs",))
            yield tree.add_class("bordered")
            yield Grid(STORY, id="story", empty="Nothing has happened yet.", title="Commentary").add_class("bordered")

    def questions(self) -> list[Question]:
        session = self.dashboard.session
        if session is None:
            return []
        its = {"session": session}
        asked = [Question(name, question(name), its, rest=OVERVIEW_SECONDS) for name in QUESTIONS]
        return [*asked, story(self.query_one("#story", Grid), session, self._witnesses, self.dashboard.at)]

    def ahead(self, questions: list[Question], found: Mapping[str, Answered]) -> None:
        for asked in questions:
            if asked.growing is not None and not self._witnesses.know(asked.params["session"]):
                extended(asking(self.dashboard.feed.views), asked, found[asked.name])

    def draw(self, answered: Mapping[str, Answered]) -> None:
        if "story" in answered and self._told is not answered["story"]:
            self._told = answered["story"]
            self.query_one("#story", Grid).fill(answered["story"])
        if all(name in answered for name in QUESTIONS) and self._shown is not answered["runs"]:
            self._shown = answered["runs"]
            self._draw_runs(answered)

    def _draw_runs(self, answered: Mapping[str, Answered]) -> None:
        self.query_one(Overview).show(answered)
        runs = grown(answered["runs"].dicts())
        until = next((session["ended_at"] for session in answered["session"].dicts()), None)
        for run in runs:
            run["session"] = self.dashboard.session
            run["name"] = run["branch"] + (run["agent"] or run["run"])
            run["took"], run["open"] = taken(run, until), run["status"] in OPEN
            run["cost"] = {"cost": run["spent"], "unpriced": run["unpriced"]}
        columns = ("run", *(key for key in runs[0] if key != "run")) if runs else ("run",)
        rows = [tuple(run[key] for key in columns) for run in runs]
        self.query_one("#tree", Grid).fill(Answered(columns, rows, len(rows)))

    def subject(self) -> str:
        return self.dashboard.session or "No session is chosen: Enter on one of the Sessions screen."

    def detail(self, opened: Grid.Opened) -> View:
        if opened.grid.id == "story":
            return OpenedEvent(opened.row["position"])
        return OpenedRun(opened.row)
