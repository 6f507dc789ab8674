"""What an event keeps of a field that lies in a blob: the beginning of a text, the outline of a structure."""

from typing import Any, NamedTuple

import orjson

TEXT_BYTES = 1024
STRUCTURE_BYTES = 2048
MORE = "…"


class _Measure(NamedTuple):
    """How much of each part is kept."""

    characters: int
    items: int
    keys: int
    levels: int


_MEASURES = (_Measure(256, 20, 40, 6), _Measure(80, 6, 20, 4), _Measure(24, 2, 12, 2))


def preview(value: Any) -> Any:
    """Text cut to TEXT_BYTES on a character's border; a structure with its parts cut, which is JSON still."""
    if isinstance(value, str):
        return value[:TEXT_BYTES].encode()[:TEXT_BYTES].decode("utf-8", "ignore") + MORE
    for measure in _MEASURES:
        outline = _outline(value, measure, 0)
        if len(orjson.dumps(outline)) <= STRUCTURE_BYTES:
            return outline
    return {} if isinstance(value, dict) else []


def _outline(value: Any, measure: _Measure, level: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= measure.characters else value[: measure.characters] + MORE
    if isinstance(value, dict):
        names = list(value)[: measure.keys] if level < measure.levels else []
        # Names are cut too: a key may be as long as a book.
        return {name[: measure.characters]: _outline(value[name], measure, level + 1) for name in names}
    if isinstance(value, list):
        items = value[: measure.items] if level < measure.levels else []
        return [_outline(item, measure, level + 1) for item in items]
    return value
