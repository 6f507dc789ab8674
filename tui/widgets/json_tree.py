"""A JSON value as a tree to fold: its first level open, everything else when it is asked for."""

from typing import Any

from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from orchestrion.domain.inert import inert, one_line

LONGEST_LINE = 300
"""Characters on one line; what is longer goes on on the next."""
MOST_CHILDREN = 500
"""Members of one object or list that are drawn; the rest is counted."""


class JsonTree(Tree[Any]):
    """Any JSON value."""

    DEFAULT_CSS = """
    JsonTree { height: auto; max-height: 100%; background: $background; padding: 0; overflow-x: auto; }
    """

    def __init__(self, value: Any) -> None:
        super().__init__(_label("", value), data=value)
        self.show_root = not isinstance(value, dict | list)
        self.guide_depth = 2
        self.auto_expand = True

    def on_mount(self) -> None:
        self._grow(self.root)
        self.root.expand()
        if isinstance(self.root.data, dict | list):
            for child in self.root.children[:20]:
                if _size(child.data) <= 6:
                    self._grow(child)
                    child.expand()

    def on_tree_node_expanded(self, event: Tree.NodeExpanded[Any]) -> None:
        self._grow(event.node)

    def _grow(self, node: TreeNode[Any]) -> None:
        """Add what is in a node, once."""
        if node.children:
            return
        value = node.data
        members: list[tuple[str, Any]]
        if isinstance(value, dict):
            members = [(str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            members = [(str(index), item) for index, item in enumerate(value)]
        elif isinstance(value, str) and _folds(value):
            lines = _lines(value)
            for line in lines[:MOST_CHILDREN]:
                node.add_leaf(Text(line))
            _count_rest(node, len(lines))
            return
        else:
            return
        for name, item in members[:MOST_CHILDREN]:
            label = _label(name, item)
            node.add(label, data=item) if _folds(item) else node.add_leaf(label, data=item)
        _count_rest(node, len(members))


def _count_rest(node: TreeNode[Any], members: int) -> None:
    if members > MOST_CHILDREN:
        node.add_leaf(Text(f"… and {members - MOST_CHILDREN:,} more", "italic"))


def _lines(value: str) -> list[str]:
    """The lines of a text, a long one in several."""
    lines = [inert(line) for line in value.splitlines()]
    return [line[at : at + LONGEST_LINE] for line in lines for at in range(0, max(1, len(line)), LONGEST_LINE)]


def _folds(value: Any) -> bool:
    if isinstance(value, str):
        return "\n" in value.strip() or len(value) > LONGEST_LINE
    return isinstance(value, dict | list) and bool(value)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, dict | list) else 1_000


def _label(name: str, value: Any) -> Text:
    text = Text(no_wrap=True)
    if name:
        text.append(f"{one_line(name)}: ", "bold")
    match value:
        case dict():
            text.append(f"{{{len(value)}}}", "dim")
        case list():
            text.append(f"[{len(value)}]", "dim")
        case str() if _folds(value):
            first = next((line for line in value.splitlines() if line.strip()), "")
            text.append(one_line(first[:80])).append(f" …{len(value):,} characters", "dim")
        case str():
            text.append(one_line(value))
        case None:
            text.append("null", "dim italic")
        case bool():
            text.append(str(value).lower(), "bold")
        case _:
            text.append(one_line(str(value)), "cyan")
    return text
