"""Redacts source lines before they are stored: decoded, cleaned and encoded again, only where a secret is suspected."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from orchestrion.domain.ports import Redactor
from orchestrion.ingest.values import Line, has_long_number, parse, parse_exactly


def redacted(lines: Sequence[bytes], redactor: Redactor) -> Iterator[tuple[Line, bytes]]:
    """Each line parsed, and as it may be stored: both without secrets. One line's values are held at a time."""
    if not redactor.suspects(b"\n".join(lines)):
        for raw in lines:
            yield parse(raw), raw
        return
    for raw in lines:
        suspected = redactor.suspects(raw)
        line = parse_exactly(raw) if suspected and has_long_number(raw) else parse(raw)
        yield _clean(line, raw, redactor) if suspected else (line, raw)


def _clean(line: Line, raw: bytes, redactor: Redactor) -> tuple[Line, bytes]:
    """A parsed line cleaned, and its text: the very bytes if it holds no secret."""
    values = tuple(redactor.clean(value) for value in line.values)
    cleaned = line._replace(values=values)
    if not line.whole:
        text = raw.decode("utf-8", "backslashreplace")
        kept = redactor.clean(text)
        return cleaned, raw if kept is text else kept.encode("utf-8", "backslashreplace")
    if all(new is old for new, old in zip(values, line.values, strict=True)):
        return line, raw
    return cleaned, b"".join(map(_encoded, values))


def _encoded(value: Any) -> bytes:
    """`value` as one line of JSON; what strict JSON cannot say is escaped as ASCII."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode("ascii")
