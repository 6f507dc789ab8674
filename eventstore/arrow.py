"""The log as an Arrow stream by ADBC, for the snapshot builder's own process alone.

ADBC carries a SQLite of its own. Two SQLites in one process cancel each other's file locks, and what a writer beside it
was told is stored can be lost: a process that calls `sqlite_arrow` opens the log by nothing else.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import adbc_driver_manager
import adbc_driver_sqlite

from orchestrion.domain.errors import LogTooNew, LogUnavailable, NotFound
from orchestrion.eventstore.arrow_text import only_text
from orchestrion.eventstore.home import FORMAT, LOG_FILE, log_uri
from orchestrion.eventstore.one_sqlite import hold, let_go

LIBRARY = "adbc_driver_sqlite"
BATCH_ROWS = 8192
MAX_POSITION = 2**63 - 1
_META = "SELECT group_concat(key || '=' || value, x'0a') AS meta FROM log_meta"
_HEAD = "SELECT CAST(coalesce(max(position), 0) AS TEXT) AS head FROM stored_events"
_ROWS = (
    "SELECT position, originator_id AS stream, originator_version AS version, topic AS kind, recorded_at, "
    "CAST(state AS TEXT) AS state FROM stored_events WHERE position > {after:d} AND position <= {upto:d} "
    "ORDER BY position"
)


class SQLiteArrow:
    """`ports.ArrowSource` over the log of a home, opened for reading; a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._statements: list[Any] = []
        hold(path, LIBRARY)
        try:
            self._open()
        except BaseException:
            let_go(path, LIBRARY)
            raise

    def _open(self) -> None:
        path = self._path
        try:
            self._database = adbc_driver_sqlite.connect(log_uri(path, writable=False))
            self._connection = adbc_driver_manager.AdbcConnection(self._database)
            text = only_text(self._run(_META))
        except adbc_driver_manager.Error as error:
            raise LogUnavailable(f"the log {path} cannot be read: {error}; run `orchestrion doctor`") from error
        meta = dict(line.split("=", 1) for line in (text or "").splitlines())
        if "identity" not in meta:
            raise LogUnavailable(f"{path} is a database but not a log; move it away or choose another home")
        if int(meta["format"]) > FORMAT:
            raise LogTooNew(
                f"the log {path} was written by a later version (format {meta['format']}, this version knows "
                f"{FORMAT}); upgrade orchestrion to open it"
            )
        self._identity = meta["identity"]

    @property
    def identity(self) -> str:
        """The log's name, as in `Log.identity`."""
        return self._identity

    def head(self) -> int:
        """The last position; 0 for an empty log. Raises LogUnavailable."""
        return int(only_text(self._asked(_HEAD)) or 0)

    def arrow(self, after: int, upto: int | None = None) -> Any:
        """An object with `__arrow_c_stream__`, to be read before `close`.

        Columns: position BIGINT, stream VARCHAR, version BIGINT, kind VARCHAR, recorded_at VARCHAR (ISO, UTC),
        state VARCHAR, ordered by position. ADBC learns types from rows: of an empty stretch every column is BIGINT.
        Raises LogUnavailable.
        """
        return self._asked(_ROWS.format(after=after, upto=MAX_POSITION if upto is None else upto))

    def _asked(self, query: str) -> Any:
        try:
            return self._run(query)
        except adbc_driver_manager.Error as error:
            raise LogUnavailable(f"the log {self._path} cannot be read: {error}; run `orchestrion doctor`") from error

    def _run(self, query: str) -> Any:
        statement = adbc_driver_manager.AdbcStatement(self._connection)
        statement.set_options(**{"adbc.sqlite.query.batch_rows": str(BATCH_ROWS)})
        statement.set_sql_query(query)
        handle, _ = statement.execute_query()
        self._statements.append(statement)  # it must live as long as its stream is read
        return handle

    def close(self) -> None:
        """Let go of the file."""
        for statement in self._statements:
            statement.close()
        self._connection.close()
        self._database.close()
        let_go(self._path, LIBRARY)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sqlite_arrow(home: Path) -> SQLiteArrow:
    """The log of `home` as an `ArrowSource`. Raises NotFound, LogUnavailable, LogTooNew."""
    path = home / LOG_FILE
    if not path.exists():
        raise NotFound(f"there is no log in {home}; choose another home, or record or import something first")
    return SQLiteArrow(path)
