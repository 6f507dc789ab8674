"""How long something took, as everything that tells of it counts it."""

from datetime import datetime, timedelta

_MILLISECOND = timedelta(milliseconds=1)


def elapsed_ms(began: datetime | None, ended: datetime | None) -> int | None:
    """Milliseconds from the one to the other, both in UTC, as DuckDB's `date_diff` counts them in the views.

    None where one is not known, or where the end lies before the beginning: a clock jumped, and nobody knows.
    """
    if began is None or ended is None:
        return None
    since, until = ((moment.replace(tzinfo=None) - datetime.min) // _MILLISECOND for moment in (began, ended))
    return until - since if until >= since else None
