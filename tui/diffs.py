"""What a tool changed, line by line: from its parameters, or from a text that is a diff or a patch already.

Patches are unified diffs and the `*** Begin Patch` of Codex, whose grammar is told to models as
`*** Add File:`, `*** Update File:`, `*** Delete File:`, then hunks that begin with `@@` and bear no line numbers.
"""

import difflib
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

CONTEXT_LINES = 3
MOST_LINES = 2_000
"""Lines of a side that are compared, and of a patch that are drawn; beyond that a diff costs more than it tells."""
DEEPEST = 6
"""How far within a value changes are looked for."""
_PAIRS = (
    ("old_string", "new_string"),  # Claude Code, Gemini
    ("oldText", "newText"),  # Pi, the Agent Client Protocol
    ("oldString", "newString"),  # OpenCode
    ("old_str", "new_str"),  # Copilot, OpenHands
    ("search", "replace"),  # SWE-agent
)
_HUNK = re.compile(r"^@@ .*@@", re.MULTILINE)
_PATCH = re.compile(r"^\*\*\* (?:Begin Patch|(?:Add|Update|Delete) File: )", re.MULTILINE)
_CHANGED = re.compile(r"^[+-]", re.MULTILINE)
_HEADERS = ("diff --git ", "*** ", "--- ", "+++ ")


class Line(NamedTuple):
    """A line of a diff: its sign (`+`, `-` or a space) and the rest; a head (`@`) or words around it (none) whole."""

    sign: str
    text: str


def looks_like_diff(text: str) -> bool:
    """Whether `text` is or holds a unified diff or a patch."""
    return bool(_PATCH.search(text) or (_HUNK.search(text) and _CHANGED.search(text)))


def changes(value: Any) -> list[Line]:
    """The changes that a tool's parameters or result describe, wherever they stand in it: an old text and a new one,
    edits of such, patches."""
    return list(_changes(value, DEEPEST))


def _changes(value: Any, deep: int) -> Iterator[Line]:
    if isinstance(value, str) and looks_like_diff(value):
        yield from patched(value)
    if isinstance(value, dict):
        for old, new in _PAIRS:
            before, after = value.get(old), value.get(new)
            if isinstance(after, str) and (before is None or isinstance(before, str)):
                yield from diff(before or "", after)
    if isinstance(value, dict | list) and deep:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _changes(item, deep - 1)


def diff(old: str, new: str) -> Iterator[Line]:
    """The lines that differ, with a few around them."""
    before, after = old.splitlines(), new.splitlines()
    compared = difflib.unified_diff(before[:MOST_LINES], after[:MOST_LINES], lineterm="", n=CONTEXT_LINES)
    for line in islice(compared, 2, None):
        yield Line("@", line) if line.startswith("@@") else Line(line[:1], line[1:])
    yield from _left(max(len(before), len(after)))


def patched(text: str) -> Iterator[Line]:
    """The lines of a diff or a patch, each by what it is; what stands around the hunks is told as it stands."""
    lines = text.splitlines()
    within = False
    for line, after in zip(lines[:MOST_LINES], [*lines[1:], ""], strict=False):
        if line.startswith("@@"):
            within = True
            yield Line("@", line)
        elif _is_header(line, after, within):
            within = line.startswith("*** ")
            yield Line("@", line)
        elif within and (not line or line[0] in "+- "):
            yield Line(line[:1] or " ", line[1:])
        else:
            within = within and line.startswith("\\")
            yield Line("", line)
    yield from _left(len(lines))


def _is_header(line: str, after: str, within: bool) -> bool:
    if within and line.startswith("--- "):
        return after.startswith("+++ ")
    return line.startswith(_HEADERS) and not (within and line.startswith("+++ "))


def _left(lines: int) -> Iterator[Line]:
    if lines > MOST_LINES:
        yield Line("", f"… {lines - MOST_LINES:,} more lines of it are not shown here")
