"""What a tool changed, line by line: from its parameters, or from a text that is a diff already."""

import difflib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

CONTEXT_LINES = 3
MOST_LINES = 2_000
"""Lines of a side that are compared; beyond that a diff costs more than it tells."""
_HUNK = re.compile(r"^@@ .*@@", re.MULTILINE)


class Line(NamedTuple):
    """A line of a diff: its sign (`+`, `-`, `@` or a space) and the rest."""

    sign: str
    text: str


def looks_like_diff(text: str) -> bool:
    """Whether `text` is a unified diff."""
    return bool(_HUNK.search(text)) and ("\n+" in text or "\n-" in text)


def changes(params: Any) -> list[Line]:
    """The changes that a tool's parameters describe: `old_string` to `new_string`, or `edits` of such."""
    if not isinstance(params, dict):
        return []
    edits = params.get("edits")
    found: list[Line] = []
    for edit in [params, *(edits if isinstance(edits, list) else [])]:
        if isinstance(edit, dict) and isinstance(edit.get("new_string"), str):
            found += diff(str(edit.get("old_string") or ""), edit["new_string"])
    return found


def diff(old: str, new: str) -> Iterator[Line]:
    """The lines that differ, with a few around them."""
    before, after = old.splitlines()[:MOST_LINES], new.splitlines()[:MOST_LINES]
    for line in difflib.unified_diff(before, after, lineterm="", n=CONTEXT_LINES):
        if not line.startswith(("---", "+++")):
            yield Line(line[:1], line[2:] if line.startswith("@@") else line[1:])
