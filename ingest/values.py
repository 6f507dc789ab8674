"""Turns a line of bytes into JSON values, also where it is not quite JSON, and values into what they should be."""

import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from orchestrion.domain.bounds import MOST_COUNTED

_DECODER = json.JSONDecoder()
_SPACE = " \t\r\n\ufeff"
_LONG_NUMBER = b"0" * len(str(2**64))
_DIGITS_AS_ZEROS = bytes(ord("0") if chr(byte).isdecimal() and byte < 128 else byte for byte in range(256))


class Line(NamedTuple):
    """The values of one line. `strict`: plain JSON in UTF-8; `whole`: nothing of the line was left unread."""

    values: tuple[Any, ...]
    strict: bool = True
    whole: bool = True


def parse(line: bytes) -> Line:
    """The values on `line`: usually one, several where a writer glued them together, none where nothing can be read.

    A value that strict JSON forbids (NaN, a lone surrogate, bytes that are no UTF-8) is read leniently. Never raises.
    """
    try:
        return Line((orjson.loads(line),))
    except orjson.JSONDecodeError:
        return _leniently(line.decode("utf-8", "replace"))


def parse_exactly(line: bytes) -> Line:
    """As `parse`, but integers beyond 64 bits stay what they are, where the fast parser makes floats of them."""
    found = parse(line)
    if not found.strict:
        return found  # the lenient parser keeps every digit
    exact = _leniently(line.decode())
    try:
        orjson.dumps(exact.values)
    except TypeError:
        return exact
    return found


def has_long_number(raw: bytes) -> bool:
    """Whether `raw` holds so many digits in a row that they may be an integer beyond 64 bits."""
    return _LONG_NUMBER in raw.translate(_DIGITS_AS_ZEROS)


def _leniently(text: str) -> Line:
    """The values that a lenient decoder finds from the start of `text`."""
    values: list[Any] = []
    at = _skip(text, 0)
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            return Line(tuple(values), strict=False, whole=False)
        values.append(value)
        at = _skip(text, at)
    return Line(tuple(values), strict=False)


def _skip(text: str, at: int) -> int:
    """The next place in `text` that is no white space."""
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def text(value: Any) -> str | None:
    """`value` if it is a text that says something, else None."""
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


STRANGE = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What a value of an unforeseen shape raises in a reader. One value never stops an import."""


def count(value: Any) -> int:
    """`value` if it is a number that can be counted, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def tokens(value: Any) -> int:
    """`value` as a number of tokens; 0 for one that nobody can have used."""
    found = count(value)
    return found if found <= MOST_COUNTED else 0


def milliseconds(value: Any, scale: int = 1) -> int | None:
    """`value` times `scale` as whole milliseconds, None if it is no duration."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value * scale < 2**53:
        return None
    return round(value * scale)


def moment(value: Any) -> datetime | None:
    """An ISO time in UTC; None for what cannot be read: a strange time never stops an import."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def words(content: Any) -> str:
    """The text of a message's content: a string, or the text blocks of a list, joined by blank lines."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    return "\n\n".join(
        block["text"]
        for block in content
        if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)
    )
