"""Which keyed models a question reads; remembered, for a screen asks the same questions again and again."""

import re
from functools import cache

import duckdb

from orchestrion.projections.models import MAX_KNOWN_QUESTIONS, keyed_models, models

_PARAMETER = re.compile(r"\$\w+|\?")


def read_by(cursor: duckdb.DuckDBPyConnection, sql: str) -> set[str] | None:
    """The tables and views that a statement reads, whole down to the keyed models; None where DuckDB cannot tell."""
    try:
        # DuckDB names none for a statement with parameters: any value in their place will do.
        return set(cursor.get_table_names(_PARAMETER.sub("NULL", sql)))
    except duckdb.Error:
        return None


@cache
def _plain() -> frozenset[str]:
    """The views that are no tables: where DuckDB names one as a table that is read, it is not made yet."""
    return frozenset(model.name for model in models() if not model.key)


class Reads:
    """Statements to the keyed models that they read."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def of(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
        """The keyed models that `sql` reads; all of them where DuckDB cannot tell which, say for a view is not made."""
        return self._of(cursor, sql, remembered=True)

    def perhaps_of(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
        """The same of a question whose views may not be made, which is not remembered."""
        return self._of(cursor, sql, remembered=False)

    def _of(self, cursor: duckdb.DuckDBPyConnection, sql: str, *, remembered: bool) -> list[str]:
        if (known := self._known.get(sql)) is not None:
            return known
        read = read_by(cursor, sql)
        if read is None or not _plain().isdisjoint(read):  # it may be able to tell the next time
            return [model.name for model in keyed_models()]
        found = [model.name for model in keyed_models() if model.name in read]
        if remembered:
            if len(self._known) > MAX_KNOWN_QUESTIONS:
                self._known.clear()
            self._known[sql] = found
        return found
