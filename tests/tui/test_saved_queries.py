"""The SQL screen lists the home's queries and those that come with it, and puts one into the editor."""

from pathlib import Path
from typing import Any

from textual.widgets import TextArea, Tree


async def test_files_are_listed_and_chosen(story: Any, open_dashboard: Any, tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "mine.sql").write_text("-- Mine.\nSELECT 42 AS mine")
    (tmp_path / "queries" / "bad.sql").write_bytes(b"\xff")
    async with open_dashboard() as reader:
        await reader.presses("7")
        tree = reader.app.screen.query_one("#schema", Tree)
        titles = [str(node.label) for node in tree.root.children]
        assert titles[0] == "saved queries"
        assert titles[-1] == "queries that come with it"
        assert [str(node.label) for node in tree.root.children[0].children] == ["mine"]
        shipped = tree.root.children[-1].children
        assert "failing-tools" in [str(node.label) for node in shipped]
        tree.select_node(shipped[0])
        tree.action_select_cursor()
        await reader.looks()
        assert reader.app.screen.query_one(TextArea).text == shipped[0].data
        assert "SELECT" in shipped[0].data
