"""What is drawn again: lines that changed, a thumb that moved, nothing besides; a screen asks while it is laid out."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.scrollbar import ScrollBar, ScrollBarRender

from orchestrion.tui.columns import Column, number
from orchestrion.tui.screens.view import View
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.widgets.rows import Rows
from orchestrion.tui.widgets.thumb import lengthen
from tests.tui.conftest import PATIENCE_SECONDS

Answering = Callable[..., Any]


@pytest.fixture
def answering() -> Answering:
    from orchestrion.tui.asking import Answered

    return lambda *rows, count=None: Answered(("id", "n"), list(rows), count if count is not None else len(rows))


def test_a_row_that_comes_again_is_not_written_again(answering: Answering) -> None:
    written: list[object] = []

    def write(value: object) -> str:
        written.append(value)
        return str(value)

    rows = Rows((Column("n", "Number", write),))
    rows.fill(answering((1, 10), (2, 20)))
    rows.fill(answering((3, 30), (1, 10), (2, 21)))
    assert written == [10, 20, 30, 21]
    assert [rows.at(row) for row in range(4)] == [{"id": 3, "n": 30}, {"id": 1, "n": 10}, {"id": 2, "n": 21}, None]


async def test_only_the_lines_that_changed_are_drawn_again(
    story: Any, open_dashboard: Any, answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        grid = Grid((Column("id", "Id"), number("n", "N")), id="mine")
        await reader.app.screen.query_one("#body").mount(grid)
        grid.fill(answering(*((row, 100 + row) for row in range(6))))
        await reader.pilot.pause(0.3)  # laid out, and drawn in its size
        drawn: list[int] = []
        monkeypatch.setattr(
            Grid, "render_line", lambda self, y, render=Grid.render_line: drawn.append(y) or render(self, y)
        )
        grid.fill(answering(*((row, 100 + row + (row == 3)) for row in range(6))))
        await reader.pilot.pause()
        assert drawn == [4]  # below the titles
        assert grid.texts("n")[3] == "104"
        assert "104" in grid.render_line(4).text
        drawn.clear()
        grid.fill(answering(*((row, 1_000_000) for row in range(6))))
        await reader.pilot.pause()
        assert {0, 1, 6} <= set(drawn)  # a column is wider


@given(
    height=st.integers(1, 60),
    window=st.integers(0, 60),
    lines=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    position=st.integers(0, 3000),
)
def test_a_bar_that_is_not_drawn_again_would_look_the_same(
    height: int, window: int, lines: tuple[int, int], position: int
) -> None:
    class Bar(ScrollBar):
        refreshed = False
        size = property(lambda _: type("Size", (), {"height": height, "width": 1}))  # type: ignore[assignment]

        def refresh(self, *_: Any, **__: Any) -> Any:
            type(self).refreshed = True
            return self

    bar = Bar()
    before, after = lines
    for name, value in (("window_size", window), ("window_virtual_size", before), ("position", position)):
        bar.set_reactive(getattr(ScrollBar, name), value)

    def looks(of: int) -> Any:
        shown = window if window < of else 0
        return ScrollBarRender.render_bar(height, virtual_size=of, window_size=shown, position=position).segments

    lengthen(bar, after)
    assert bar.window_virtual_size == after
    if not Bar.refreshed and before != after and position <= min(lines) - window:
        assert looks(before) == looks(after)


async def test_a_screen_asks_while_it_is_laid_out(
    story: Any, open_dashboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5", "2")
        asked = threading.Event()
        begun = View._round

        def rounding(self: View, *rest: Any) -> None:
            asked.set()
            begun(self, *rest)

        monkeypatch.setattr(View, "_round", rounding)
        story.call("ses_1/x", "x", "Read")
        reader.app.position = 0  # something has come that the screen does not know yet
        reader.app.action_look("tools")
        # Nothing else can run meanwhile: the loop waits here.
        assert asked.wait(PATIENCE_SECONDS)
        await reader.looks()
        assert reader.app.screen.here == "tools"
