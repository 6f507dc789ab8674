"""Walks over nested values of any depth: loops of our own, because recursion ends at a thousand levels."""

from collections.abc import Callable, Iterator
from typing import Any

MAX_REPEATS = 10_000
"""How often containers may be met again: a list that holds itself would never end."""

REPEATED = "[repeated]"


def mapped(value: Any, leaf: Callable[[Any], Any], key: Callable[[Any], Any] = lambda k: k) -> Any:
    """A copy of `value` with `leaf` applied to all that is no list, tuple or dict, and `key` to the dicts' keys."""
    root: list[Any] = []
    seen: set[int] = set()
    repeats = 0
    pending: list[tuple[Any, Any]] = [([value], root)]
    while pending:
        source, target = pending.pop()
        if id(source) in seen:
            repeats += 1
        seen.add(id(source))
        items = source.items() if isinstance(source, dict) else enumerate(source)
        for name, item in items:
            if isinstance(item, (dict, list, tuple)) and repeats < MAX_REPEATS:
                new: Any = {} if isinstance(item, dict) else []
                pending.append((item, new))
            else:
                new = REPEATED if isinstance(item, (dict, list, tuple)) else leaf(item)
            if isinstance(target, dict):
                target[key(name)] = new
            else:
                target.append(new)
    return root[0]


def leaves(value: Any) -> Iterator[tuple[Any, Any]]:
    """All that is no list, tuple or dict, each with the key it stands under (None in a list); keys come as leaves."""
    seen: set[int] = set()
    repeats = 0
    pending: list[tuple[Any, Any]] = [(None, value)]
    while pending:
        under, item = pending.pop()
        if not isinstance(item, (dict, list, tuple)):
            yield under, item
            continue
        if id(item) in seen:
            repeats += 1
            if repeats > MAX_REPEATS:
                continue
        seen.add(id(item))
        if isinstance(item, dict):
            for name, inner in item.items():
                yield None, name
                pending.append((name, inner))
        else:
            pending.extend((None, inner) for inner in item)
