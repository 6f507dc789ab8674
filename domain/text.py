"""The field types of events: text that can always be stored, counts that always fit."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from orchestrion.domain.bounds import MAX_COUNT, storable


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
