"""Questions of the reader's own: an editor, the views beside it, and the answer of the locked-down child process."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widgets import Static, Tree
from textual.widgets.tree import TreeNode

from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.inert import inert, one_line
from orchestrion.tui import figures
from orchestrion.tui.actions import bindings
from orchestrion.tui.aside import aside
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Column, Row
from orchestrion.tui.feed import Answer, ViewInfo
from orchestrion.tui.queries import Queries, that_come_with_it
from orchestrion.tui.screens.marks import still
from orchestrion.tui.screens.prompt import Prompt
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.document import Document, value_parts
from orchestrion.tui.widgets.fields import Editor
from orchestrion.tui.widgets.grid import Grid

FIRST = "SELECT tool, count(*) AS calls FROM tool_calls GROUP BY tool ORDER BY calls DESC"
SAVED = "saved queries"
SHIPPED = "queries that come with it"


class Replied(Message):
    """The child's answer, or why there is none."""

    def __init__(self, answer: Answer | None, refusal: str | None, at: int | None) -> None:
        """`at` is the position that was asked for."""
        super().__init__()
        self.answer, self.refusal, self.at = answer, refusal, at


class Described(Message):
    """The views that may be asked."""

    def __init__(self, views: Sequence[ViewInfo]) -> None:
        super().__init__()
        self.views = views


class Sql(View):
    """Ask the views anything; nothing asked here can write or read anything else."""

    BINDINGS: ClassVar[list[Any]] = bindings("sql")
    AUTO_FOCUS = "Editor"
    here = "sql"

    def __init__(self) -> None:
        super().__init__()
        self.queries = Queries(None)
        self.views: Sequence[ViewInfo] = ()
        self._past = 0
        self._busy = False
        self._as_of: int | None = None
        """The position that the answer is of; None: as the log stood."""

    def body(self) -> ComposeResult:
        with Container(id="asking"):
            editor = Editor(FIRST, id="editor", tab_behavior="focus", show_line_numbers=True, compact=True)
            editor.border_title = "your question (^r runs it)"
            yield editor.add_class("bordered")
            schema: Tree[str] = Tree("views", id="schema")
            schema.show_root = False
            schema.border_title = "views (Enter puts a name into the question)"
            yield schema.add_class("bordered")
        with Vertical(id="reply"):
            yield Static("", id="refusal", markup=False)
            yield Grid((), id="results", empty="The answer has no rows.", title="answer").add_class("bordered")

    def on_mount(self) -> None:
        self.queries = Queries(self.dashboard.feed.queries)
        self._past = len(self.queries.history)
        self._fill_schema()
        self.run_worker(aside(self._describe), group="describing")

    def _describe(self) -> None:
        self.post_message(Described(self.dashboard.feed.schema()))

    @on(Described)
    def _described(self, message: Described) -> None:
        message.stop()
        self.views = message.views
        self._fill_schema()

    def _fill_schema(self) -> None:
        schema = self.query_one("#schema", Tree)
        schema.clear()
        if own := self.queries.own():
            self._list(schema, SAVED, own).expand()
        for view in self.views:
            node = schema.root.add(Text(view.name, "bold"), data=view.name)
            for column, kind in view.columns:
                node.add_leaf(Text.assemble(column, (f" {kind.lower()}", "dim")), data=column)
        self._list(schema, SHIPPED, that_come_with_it())

    def _list(self, schema: Tree[str], title: str, queries: Mapping[str, str]) -> TreeNode[str]:
        """A node with a leaf for each of `queries`."""
        node = schema.root.add(Text(title, "bold"))
        for name, sql in sorted(queries.items()):
            node.add_leaf(Text(one_line(name)), data=sql)
        return node

    def questions(self) -> list[Question]:
        return []

    def draw(self, answered: Mapping[str, Answered]) -> None:
        """Nothing is asked by itself."""

    @property
    def at_rest(self) -> bool:
        return super().at_rest and not self._busy

    def frame(self) -> None:
        super().frame()
        for grid in self.query(Grid):
            grid.late = still(self._as_of) if grid.answered is not None and self._as_of != self.dashboard.at else ""

    def subject(self) -> str:
        return "your own question, run in a locked-down child process"

    def action_run_query(self) -> None:
        sql = self.query_one(Editor).text.strip()
        if not sql or self._busy:
            return
        self._busy = True
        self._say("asking …")
        self._keep(partial(self.queries.remember, sql))
        self._past = len(self.queries.history)
        self.run_worker(aside(partial(self._ask_child, sql, self.dashboard.at)), group="child")

    def _ask_child(self, sql: str, at: int | None) -> None:
        try:
            self.post_message(Replied(self.dashboard.feed.ask(sql, at), None, at))
        except (OrchestrionError, OSError) as error:
            self.post_message(Replied(None, str(error), at))

    @on(Replied)
    def _replied(self, message: Replied) -> None:
        message.stop()
        self._busy = False
        grid = self.query_one(Grid)
        if message.answer is None:
            self._say(message.refusal or "no answer", bad=True)
            return
        rows = [(index, *row) for index, row in enumerate(message.answer.rows)]
        names = distinct(message.answer.columns)
        grid.columns = columns_of(names, message.answer.rows)
        grid.column = 0
        grid.fill(Answered(("#", *names), rows, len(rows)))
        self._as_of = message.at
        at = f" as of position {message.at:,}" if message.at is not None else ""
        self._say(f"{len(rows):,} rows{at}")
        self.frame()
        if rows:
            grid.focus()

    def _say(self, sentence: str, *, bad: bool = False) -> None:
        note = self.query_one("#refusal", Static)
        note.update(inert(sentence))
        note.set_class(bad, "-bad")

    @on(Grid.Wanted)
    def _ordered(self, message: Grid.Wanted) -> None:
        """The answer is here whole: order it here."""
        message.stop()
        grid = message.grid
        if grid.answered is None or grid.ordered is None:
            return
        key, falls = grid.ordered
        index = grid.answered.columns.index(key)
        known = [row for row in grid.answered.rows if row[index] is not None]
        known.sort(key=lambda row: _comparable(row[index]), reverse=falls)
        rows = known + [row for row in grid.answered.rows if row[index] is None]
        grid.fill(Answered(grid.answered.columns, rows, len(rows)))

    def detail(self, opened: Grid.Opened) -> View:
        return OpenedRow({name: value for name, value in opened.row.items() if name != "#"})

    @on(Tree.NodeSelected, "#schema")
    def _chosen(self, message: Tree.NodeSelected[str]) -> None:
        editor = self.query_one(Editor)
        parent = message.node.parent
        if message.node.data is None:
            return
        if parent is not None and str(parent.label) in (SAVED, SHIPPED):
            editor.text = message.node.data
        else:
            editor.insert(message.node.data)
        editor.focus()

    def action_save_query(self) -> None:
        self.app.push_screen(Prompt("Keep this question as:"), self._save)

    def _save(self, name: str | None) -> None:
        if name:
            self._keep(partial(self.queries.save, name, self.query_one(Editor).text))
            self._fill_schema()

    def _keep(self, write: partial[None]) -> None:
        try:
            write()
        except OSError as error:
            self.dashboard.say(f"Your questions cannot be kept: {error}", severity="warning")

    def action_older_query(self) -> None:
        self._recall(-1)

    def action_newer_query(self) -> None:
        self._recall(1)

    def _recall(self, by: int) -> None:
        if 0 <= self._past + by < len(self.queries.history):
            self._past += by
            self.query_one(Editor).text = self.queries.history[self._past]

    def retreat(self) -> None:
        self.query_one(Grid).focus()


class OpenedRow(View):
    """One row of an answer, each value whole."""

    AUTO_FOCUS = "Document"

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.row = row

    def body(self) -> ComposeResult:
        yield Document()

    def on_mount(self) -> None:
        parts = [part for name, value in self.row.items() for part in value_parts(name, value)]
        self.call_later(self.query_one(Document).show, parts)

    def questions(self) -> list[Question]:
        return []

    def draw(self, answered: Mapping[str, Answered]) -> None:
        """It is whole already."""

    def subject(self) -> str:
        return "one row of the answer"


def columns_of(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Column, ...]:
    """A column for each name; figures to the right."""
    columns = []
    for index, name in enumerate(names):
        values = [row[index] for row in rows[:100] if row[index] is not None]
        right = bool(values) and all(isinstance(value, int | float) for value in values)
        columns.append(Column(name, one_line(name), figures.null, right=right, widest=60, unknown="null"))
    return tuple(columns)


def distinct(names: Sequence[str]) -> list[str]:
    """Column names made unique: `n`, `n_1`."""
    unique: list[str] = []
    for name in names:
        count = sum(1 for other in unique if other == name or other.startswith(f"{name}_"))
        unique.append(f"{name}_{count}" if name in unique else name)
    return unique


def _comparable(value: Any) -> tuple[int, Any]:
    """A key by which values of any type can be ordered: numbers first, then texts."""
    if isinstance(value, int | float):
        return 0, value
    return 1, str(value)
