"""The time a row is written: ISO 8601 UTC of one fixed width, never going backwards within a log."""

from collections.abc import Callable
from datetime import UTC, datetime

import orjson

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The wall clock in UTC."""
    return datetime.now(UTC)


def stamp(moment: datetime) -> str:
    """`2026-01-31T12:00:00.000000Z`: 27 characters always, so that text order is time order."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    written = orjson.dumps(utc, option=orjson.OPT_UTC_Z).decode()
    return written[1:-1] if utc.microsecond else f"{written[1:-2]}.000000Z"  # it leaves out a fraction of zero


def after(last: str, now: datetime) -> str:
    """The stamp for the next row: now, or the last row's where the clock has jumped back."""
    return max(last, stamp(now))
