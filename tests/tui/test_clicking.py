"""Stories of the mouse in lists: what is clicked is what stands there, in a border or without one."""

from typing import Any

import pytest

from orchestrion.domain import events as e
from tests.tui.conftest import Reader

LISTS = {
    "sessions": ("1",),
    "tree": ("2",),
    "story": ("2",),
    "messages": ("3", "a"),
    "accepted": ("4", "a"),
    "tools": ("5",),
    "agents": ("5",),
    "calls": ("5",),
    "results": ("7", "ctrl+r"),
    "imports": ("8",),
}


async def clicks(reader: Reader, column: int, line: int, name: str) -> None:
    """Click on the first cell of a column, so many lines below the titles of a list."""
    grid = reader.grid(name)
    place = grid.content_region.offset
    titles = reader.text().splitlines()[place.y]
    x = titles.index(grid.columns[column].title, place.x)
    await reader.pilot.click(offset=(x, place.y + line))
    await reader.looks()


@pytest.mark.parametrize(("name", "keys"), LISTS.items(), ids=LISTS.keys())
async def test_a_click_points_at_the_row_it_is_on(
    story: Any, open_dashboard: Any, name: str, keys: tuple[str, ...]
) -> None:
    story.team()
    story.team("ses_2")
    for path in ("a", "b"):
        story.tell(
            e.ImportCompleted, session=None, path=path, format="claude-code", content_hash=path, bytes=1, lines=1,
            recorded=1, duplicates=0, ignored=0, unparseable=0,
        )  # fmt: skip
    async with open_dashboard(size=(200, 60), session="ses_1") as reader:
        await reader.presses(*keys)
        grid = reader.grid(name)
        rows = min(grid.count, grid.size.height - 1)
        assert rows > 1
        for row in (0, 1, rows - 1):
            await clicks(reader, 1, 1 + row, name)
            assert (grid.row, grid.column) == (row, 1)


@pytest.mark.parametrize("name", ["tree", "calls", "sessions"])
async def test_a_click_on_a_title_orders_by_it(story: Any, open_dashboard: Any, name: str) -> None:
    story.team()
    async with open_dashboard(size=(200, 60), session="ses_1") as reader:
        await reader.presses(*LISTS[name])
        await clicks(reader, 1, 0, name)
        grid = reader.grid(name)
        assert grid.ordered == (grid.columns[1].key, False)
        assert grid.row == 0


async def test_two_clicks_on_a_row_in_a_border_open_it(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(size=(200, 60), session="ses_1") as reader:
        await reader.presses("4")
        await clicks(reader, 0, 1, "accepted")
        assert reader.app.screen.subject() == "handoff hand_1ses_1"


async def test_a_click_on_a_border_does_nothing(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard(size=(200, 60), session="ses_1") as reader:
        await reader.presses("5")
        grid = reader.grid("calls")
        for corner in (grid.region.offset, grid.region.bottom_right - (1, 1)):
            await reader.pilot.click(offset=corner)
            assert (grid.row, grid.ordered) == (0, None)
