"""Redacts source lines before they are stored: decoded, cleaned and encoded again, only where a secret is suspected."""

import json
from typing import Any

import orjson

from orchestrion.domain.ports import Redactor
from orchestrion.ingest.values import Line, parse


def parse_block(lines: list[bytes], redactor: Redactor) -> tuple[list[Line], bytes]:
    """The parsed lines of a block, and the block's text as it may be stored: both without secrets."""
    if not redactor.suspects(b"\n".join(lines)):
        return [parse(line) for line in lines], b"\n".join(lines) + b"\n"
    cleaned = [_clean(line, redactor) for line in lines]
    return [line for line, _ in cleaned], b"\n".join(raw for _, raw in cleaned) + b"\n"


def _clean(raw: bytes, redactor: Redactor) -> tuple[Line, bytes]:
    """One line parsed and cleaned, and its text: the very bytes if it holds no secret."""
    line = parse(raw)
    if not redactor.suspects(raw):
        return line, raw
    if not line.whole:
        text = raw.decode("utf-8", "backslashreplace")
        kept = redactor.clean(text)
        return Line(_cleaned(line.values, redactor), strict=False, whole=False), (
            raw if kept is text else kept.encode("utf-8", "backslashreplace")
        )
    values = _cleaned(line.values, redactor)
    if all(new is old for new, old in zip(values, line.values, strict=True)):
        return line, raw
    return Line(values, line.strict), b"".join(map(_encoded, values))


def _cleaned(values: tuple[Any, ...], redactor: Redactor) -> tuple[Any, ...]:
    """Each value without its secrets; the same object where there is none."""
    return tuple(redactor.clean(value) for value in values)


def _encoded(value: Any) -> bytes:
    """`value` as one line of JSON; what strict JSON cannot say is escaped as ASCII."""
    try:
        return orjson.dumps(value)
    except (TypeError, orjson.JSONEncodeError):
        return json.dumps(value).encode("ascii")
