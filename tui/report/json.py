"""The report as JSON: the whole of it, every figure with all positions it rests on, or cut short for a page."""

import json
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from orchestrion.domain.inert import escaped_json
from orchestrion.tui.report import words
from orchestrion.tui.report.model import Report


def as_json(report: Report, *, most_positions: int | None = None) -> dict[str, Any]:
    """Plain values. With `most_positions` a list of positions is cut there and `rests_on` says how many there are."""
    plain: dict[str, Any] = _plain(report, most_positions)
    return plain


def json_text(report: Report) -> str:
    """The whole report as a JSON document that no terminal obeys, ending in a newline."""
    return escaped_json(json.dumps(as_json(report), ensure_ascii=False, indent=2, allow_nan=False)) + "\n"


def _plain(value: Any, most: int | None) -> Any:
    if is_dataclass(value):
        plain = {field.name: _plain(getattr(value, field.name), most) for field in fields(value)}
        if most is not None and "positions" in plain:
            plain["rests_on"] = len(plain["positions"])
            plain["positions"] = plain["positions"][:most]
        return plain
    match value:
        case datetime():
            return words.moment(value)
        case dict():
            return {str(key): _plain(item, most) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, most) for item in value]
        case _:
            return value
