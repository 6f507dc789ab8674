"""Walks over nested values of any depth: loops of our own, because recursion ends at a thousand levels."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

MAX_REPEATS = 10_000
"""How often containers may be met again: a list that holds itself would never end."""

Opened = Mapping[Any, Any] | Sequence[Any] | None


def json_container(item: Any) -> Opened:
    """`item` itself if it is a dict, list or tuple, else None."""
    return item if isinstance(item, (dict, list, tuple)) else None


def _same(item: Any) -> Any:
    return item


def mapped(
    value: Any,
    leaf: Callable[[Any], Any],
    *,
    key: Callable[[Any], Any] = _same,
    opened: Callable[[Any], Opened] = json_container,
    deepest: int | None = None,
    cut: Callable[[str], Any] = lambda reason: f"[{reason}]",
) -> Any:
    """A copy of `value` in dicts and lists: `leaf` applied to all that `opened` does not open, `key` to dicts' keys.

    What stands deeper than `deepest` levels, or was met too often, becomes `cut("depth")` or `cut("repeated")`.
    """
    root: list[Any] = []
    seen: set[int] = set()
    kept: list[Any] = []  # what `opened` made on the way: while it lives its id is nobody else's
    repeats = 0
    pending: list[tuple[Any, Any, int]] = [([value], root, 0)]
    while pending:
        source, target, depth = pending.pop()
        for name, item in source.items() if isinstance(source, Mapping) else enumerate(source):
            inner = opened(item)
            if inner is None:
                new = leaf(item)
            elif deepest is not None and depth >= deepest:
                new = cut("depth")
            elif repeats >= MAX_REPEATS:
                new = cut("repeated")
            else:
                repeats += id(item) in seen
                seen.add(id(item))
                kept.append(inner)
                new = {} if isinstance(inner, Mapping) else []
                pending.append((inner, new, depth + 1))
            if isinstance(target, dict):
                target[_free(target, key(name))] = new
            else:
                target.append(new)
    return root[0]


def _free(target: dict[Any, Any], name: Any) -> Any:
    """`name`, or a longer one where two keys have become the same."""
    while name in target:
        name = f"{name}'"
    return name


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
        repeats += id(item) in seen
        seen.add(id(item))
        if repeats > MAX_REPEATS:
            continue
        if isinstance(item, dict):
            yield from ((None, name) for name in item)
            pending.extend(item.items())
        else:
            pending.extend((None, inner) for inner in item)
