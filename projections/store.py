"""One process's view of the log: a read-only snapshot, the tail in memory, and queries over both."""

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb

from orchestrion.domain.errors import QueryRefused
from orchestrion.domain.ports import Log
from orchestrion.projections.layout import UPTO
from orchestrion.projections.models import keyed_models
from orchestrion.projections.table import Table
from orchestrion.projections.tables import Tables

BATCH_EVENTS = 20_000


class Store:
    """What the log says, now or as of a position. One per process; any number of processes read beside each other."""

    def __init__(self, log: Log, folder: Path, *, build: Callable[[], None] | None = None) -> None:
        self._log, self._folder, self._build = log, folder, build
        self._lock = threading.RLock()
        self._con = duckdb.connect(":memory:")
        self._tables = Tables.create(self._con, "own")

    @property
    def position(self) -> int:
        """The last position visible."""
        with self._lock:
            return self._tables.position

    @property
    def dead_letters(self) -> int:
        """How many events could not be read."""
        return int(self.query("SELECT count(*) FROM dead_letters").rows[0][0])

    def catch_up(self) -> int:
        """Take in what the log holds beyond `position`; the position now visible. Raises LogUnavailable."""
        with self._lock:
            while rows := self._log.rows(after=self._tables.position, limit=BATCH_EVENTS):
                self._tables.take_rows(rows)
            return self._tables.position

    def follow(self, seconds: float) -> bool:
        """Wait up to `seconds` for more, then catch up; True if there was more."""
        before = self.position
        self._log.wait(before, seconds)
        return self.catch_up() > before

    def query(self, sql: str, params: Sequence[object] | Mapping[str, object] = (), *, at: int | None = None) -> Table:
        """The answer to one of our own questions, as of position `at`. People's SQL goes through `ask`.

        Raises QueryRefused with DuckDB's reason, in one line.
        """
        with self._lock:
            cursor = self._con.cursor()
            try:
                if at is None or at >= self._tables.position:
                    cursor.execute("SET search_path = 'live'")
                    self._refresh_for(cursor, sql)
                else:
                    cursor.execute(f"SET VARIABLE {UPTO} = {int(at)}")
                    cursor.execute("SET search_path = 'as_of'")
                result = cursor.execute(sql, params or None)
                return Table(tuple(column[0] for column in result.description or ()), result.fetchall())
            except duckdb.Error as error:
                raise QueryRefused(f"The query failed: {str(error).splitlines()[0]}") from error
            finally:
                cursor.close()

    def close(self) -> None:
        """Let go of DuckDB; the log stays open."""
        self._con.close()

    def _refresh_for(self, cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
        """Refresh the keyed models that `sql` reads; all of them where DuckDB cannot tell which."""
        try:
            read = cursor.get_table_names(sql)
        except duckdb.Error:
            self._tables.refresh()
        else:
            self._tables.refresh([model.name for model in keyed_models() if model.name in read])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
