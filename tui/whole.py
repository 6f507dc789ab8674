"""What is opened is shown whole: the log keeps large fields beside their event, and the views know their beginnings."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrion.domain.bodies import RAW
from orchestrion.domain.errors import NotFound
from orchestrion.tui.asking import Answered, Ask, Question

LARGEST = 2_000_000
"""Bytes of a field that are fetched; of a larger one the beginning is shown, and said to be one."""

Blob = Callable[[str], bytes]
"""Fetches what the log keeps beside its events, by hash. Raises NotFound."""


@dataclass(frozen=True)
class Whole:
    """Finishes the answer that is one opened thing: puts whole fields where beginnings stand.

    `where` finds the events that it was told by; `blob` fetches what the log keeps beside them.
    """

    where: str
    params: Mapping[str, object]
    blob: Blob

    def __call__(self, answered: Answered, ask: Ask) -> Answered:
        """The one row of `answered`, whole."""
        if not answered.rows:
            return answered
        sql = f"SELECT data FROM facts WHERE ({self.where}) AND (data->'$.bodies') IS NOT NULL"  # noqa: S608 - our own
        row = dict(zip(answered.columns, answered.rows[0], strict=True))
        for (data,) in ask(Question("bodies", sql, self.params)).rows:
            self._restore(row, json.loads(data))
        return replace(answered, rows=[tuple(row.values())])

    def _restore(self, row: dict[str, Any], told: dict[str, Any]) -> None:
        if _parsed(row.get("data")) == told:
            row["data"] = json.dumps(whole(told, self.blob))
            return
        for name in _large(told):
            for column, value in row.items():
                if value is not None and value == told.get(name):
                    row[column] = _of(told, name, self.blob)
                elif isinstance(value, str) and _parsed(value) == told.get(name):
                    row[column] = json.dumps(_of(told, name, self.blob))


def whole(told: dict[str, Any], blob: Blob) -> dict[str, Any]:
    """The fields of an event, the large ones whole."""
    return {**told, **{name: _of(told, name, blob) for name in _large(told)}} if told.get("bodies") else told


def _of(told: dict[str, Any], name: str, blob: Blob) -> Any:
    """The whole field, or its beginning with the number of its bytes."""
    ref, beginning = told["bodies"][name], told.get(name)
    if ref["size"] > LARGEST:
        return {f"the beginning of {ref['size']:,} bytes; `orchestrion export` has all": beginning}
    try:
        content = blob(ref["hash"])
    except NotFound:
        return {f"the beginning of {ref['size']:,} bytes; the rest is no longer in the log": beginning}
    return content.decode() if isinstance(beginning, str) else json.loads(content)


def _large(told: dict[str, Any]) -> list[str]:
    return [name for name in told["bodies"] if name != RAW]


def _parsed(value: Any) -> Any:
    """What the JSON text `value` says; nothing that a field could be, if it is none."""
    try:
        return json.loads(value) if isinstance(value, str) else _NOTHING
    except ValueError:
        return _NOTHING


_NOTHING = object()
