"""The field types of events: text that can always be stored, counts that always fit."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

MAX_COUNT = 2**63 - 1
MOST_COUNTED = 10**12
"""More than anybody can have used at once; millions of such figures can still be added up in 64 bits."""


def storable(text: Any) -> Any:
    """`text` without what UTF-8 or SQLite cannot hold: a lone surrogate becomes its escape, NUL becomes ␀."""
    if not isinstance(text, str):
        return text
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\0", "␀") if "\0" in text else text


def in_utc(moment: datetime) -> datetime:
    """`moment` in UTC; one without a zone is taken as UTC."""
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Text = Annotated[str, BeforeValidator(storable)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Moment = Annotated[datetime, AfterValidator(in_utc)]
Json = Any
"""Any value; the log's door normalises, redacts and, where it is large, moves it into a blob."""
