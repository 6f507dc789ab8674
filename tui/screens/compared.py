"""Two sessions side by side, aligned by the order of causes; where they part is where the cursor begins."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from orchestrion.projections.inquiry import Comparison, Pair, compare
from orchestrion.tui import figures
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, Evidence, Rests, Row
from orchestrion.tui.screens.opened import OpenedEvent
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.grid import Grid

if TYPE_CHECKING:
    from orchestrion.projections import Store

SIGNS = {"same": "=", "changed": "≈", "only a": "◀", "only b": "▶"}
"""What each row is, told by a sign and not by a colour."""
_USED = "kind = 'usage.recorded'"
BEHIND = {
    "plan": "kind = 'plan.made'", "agents": "kind = 'agent.started'", "tool sequence": "kind = 'tool.called'",
    "message flow": "kind = 'message.sent'", "handoffs": "kind = 'handoff.offered'",
    "outcomes": "kind IN ('agent.completed', 'agent.failed')", "source": "kind = 'session.started'",
    "request": "(kind = 'session.started' OR (kind = 'message.sent' AND data->>'$.type' = 'prompt'))",
    "status": "(kind LIKE 'session.%' OR kind LIKE 'agent.%' OR kind LIKE 'lease.%')", "duration_ms": "true",
    "tool_calls": "kind LIKE 'tool.%'", "messages": "kind = 'message.sent'", "input_tokens": _USED,
    "output_tokens": _USED, "cache_read_tokens": _USED, "cache_write_tokens": _USED, "cost_microdollars": _USED,
}  # fmt: skip
"""The events of a session that what is told of it rests on."""
STEPS = (
    Column("how", "", widest=2),
    Column("a", "A", figures.text, grow=True, widest=70, unknown=""),
    Column("b", "B", figures.text, widest=70, unknown=""),
)
_GROWN = "SELECT count(*) FROM events WHERE session IN ($a, $b)"


class Compared(View):
    """Session A on the left, B on the right."""

    AUTO_FOCUS = "#steps"
    log_alone = False

    def __init__(self, a: str, b: str) -> None:
        super().__init__()
        self.a, self.b = a, b
        self.found: Comparison | None = None

    def body(self) -> ComposeResult:
        yield Grid(aspects(self.a, self.b), id="aspects", empty="", told_by=("grown",))
        yield Grid(STEPS, id="steps", empty="Neither session has taken a step.", told_by=("grown",))

    def questions(self) -> list[Question]:
        return [Question("grown", _GROWN, {"a": self.a, "b": self.b})]

    def beside(self) -> None:
        views = cast("Store", self.dashboard.feed.views)
        self.found = compare(views, self.a, self.b, at=self.dashboard.at)

    def draw(self, answered: Mapping[str, Answered]) -> None:  # noqa: ARG002 - the comparison is made beside it
        if self.found is None:
            return
        first = self.query_one("#steps", Grid).answered is None
        aspects = [(name, "=" if same else "≠", a, b) for name, a, b, same in self.found.aspects]
        self.query_one("#aspects", Grid).fill(Answered(("aspect", "same", "a", "b"), aspects, len(aspects)))
        steps = [_row(number, pair) for number, pair in enumerate(self.found.pairs)]
        grid = self.query_one("#steps", Grid)
        grid.fill(Answered(("number", "how", "a", "b", "position"), steps, len(steps)))
        if first and self.found.parting is not None:
            grid.row = self.found.pairs.index(self.found.parting)

    def subject(self) -> str:
        if self.found is None or self.query_one("#steps", Grid).late:
            return f"{self.a} beside {self.b}"
        differing = sum(pair.how != "same" for pair in self.found.pairs)
        return f"{self.a} beside {self.b} · {differing:,} of {len(self.found.pairs):,} steps differ"

    def detail(self, opened: Grid.Opened) -> View | None:
        return OpenedEvent(opened.row["position"]) if "position" in opened.row else None


def aspects(a: str, b: str) -> tuple[Column, ...]:
    """What is told of both, each on its events."""
    return (
        Column("aspect", "What", tone="strong", widest=20),
        Column("same", "", widest=2),
        Column("a", "A", figures.text, grow=True, widest=60, rests=_of(a)),
        Column("b", "B", figures.text, widest=60, rests=_of(b)),
    )


def _of(session: str) -> Rests:
    def rests(row: Row) -> Evidence:
        what = str(row["aspect"])
        return Evidence(f"{what} of {session}", f"session = $session AND {BEHIND[what]}", {"session": session})

    return rests


def _row(number: int, pair: Pair) -> tuple[int, str, str | None, str | None, int]:
    left, right = (
        None if step is None else f"{step.act.agent or ''} {step.act.kind} {step.act.what}".strip()
        for step in (pair.a, pair.b)
    )
    there = pair.a or pair.b
    return number, SIGNS[pair.how], left, right, there.act.position if there else 0
