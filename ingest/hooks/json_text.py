"""Edits a JSON document as text: what is not touched keeps every byte, whatever its order, spacing and numbers."""

import json
from dataclasses import dataclass
from typing import Any

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n"


@dataclass(frozen=True, slots=True)
class Item:
    """A member of an object (with its key) or an item of a list: from `start` to `end`, its value from `value` on."""

    key: str
    start: int
    value: int
    end: int
    content: Any


@dataclass(frozen=True, slots=True)
class Container:
    """An object or a list of a document: from its bracket at `start` to behind the other one at `end`."""

    start: int
    end: int
    items: tuple[Item, ...]

    def get(self, key: str) -> Item | None:
        """The member `key`; the last one, as JSON readers take it."""
        return next((item for item in reversed(self.items) if item.key == key), None)


def container(text: str, at: int = 0) -> Container:
    """The object or list that begins at `at`, after white space. The text must be valid JSON."""
    start = _skip(text, at)
    closing = {"{": "}", "[": "]"}[text[start]]
    items, at = list[Item](), _skip(text, start + 1)
    while text[at] != closing:
        item = _item(text, at, keyed=closing == "}")
        items.append(item)
        at = _skip(text, item.end)
        at = _skip(text, at + 1) if text[at] == "," else at
    return Container(start, at + 1, tuple(items))


def inserted(text: str, into: Container, value: Any, key: str | None = None) -> str:
    """`text` with `value` (as member `key`) at the end of `into`, in the document's own indentation."""
    outer, unit, newline = _indent(text, into.start), _unit(text), "\r\n" if "\r\n" in text else "\n"
    named = f"{json.dumps(key, ensure_ascii=False)}: " if key is not None else ""
    if into.items and "\n" not in text[into.start : into.end]:
        last = into.items[-1].end
        return f"{text[:last]}, {named}{json.dumps(value, ensure_ascii=False)}{text[last:]}"
    inner = newline + outer + unit
    piece = inner + named + json.dumps(value, ensure_ascii=False, indent=unit).replace("\n", inner)
    if into.items:
        last = into.items[-1].end
        return f"{text[:last]},{piece}{text[last:]}"
    return f"{text[: into.start + 1]}{piece}{newline}{outer}{text[into.end - 1 :]}"


def removed(text: str, of: Container, index: int) -> str:
    """`text` without the item `index` of the container `of`."""
    if len(of.items) == 1:
        return text[: of.start + 1] + text[of.end - 1 :]
    if index == 0:
        return text[: of.items[0].start] + text[of.items[1].start :]
    return text[: of.items[index - 1].end] + text[of.items[index].end :]


def line_of(text: str, at: int) -> int:
    """The number of the line, from 1, on which the character `at` stands."""
    return text.count("\n", 0, at) + 1


def _item(text: str, at: int, *, keyed: bool) -> Item:
    start, key = at, ""
    if keyed:
        key, at = _DECODER.raw_decode(text, at)
        at = _skip(text, _skip(text, at) + 1)
    content, end = _DECODER.raw_decode(text, at)
    return Item(key, start, at, end, content)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _indent(text: str, at: int) -> str:
    """The white space at the start of the line on which `at` stands."""
    start = text.rfind("\n", 0, at) + 1
    return text[start : _skip(text, start)] if text[start:at].strip() else text[start:at]


def _unit(text: str) -> str:
    """One step of the document's indentation: that of its first member, two spaces if it has none on its own line."""
    items = container(text).items
    before = text[: items[0].start].rpartition("\n") if items else ("", "", "")
    return before[2] if before[1] and before[2] and not before[2].strip() else "  "
