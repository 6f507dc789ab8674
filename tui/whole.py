"""What is opened is shown whole: the log keeps large fields beside their event, and the views know their beginnings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from orchestrion.tui.asking import Answered, Ask, Question
from orchestrion.tui.large import Blob, field_of, large, whole


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
        for name in large(told):
            for column, value in row.items():
                if value is not None and value == told.get(name):
                    row[column] = field_of(told, name, self.blob)
                elif isinstance(value, str) and _parsed(value) == told.get(name):
                    row[column] = json.dumps(field_of(told, name, self.blob))


def _parsed(value: Any) -> Any:
    """What the JSON text `value` says; nothing that a field could be, if it is none."""
    try:
        return json.loads(value) if isinstance(value, str) else _NOTHING
    except ValueError:
        return _NOTHING


_NOTHING = object()
