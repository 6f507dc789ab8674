"""The library's SQLite pool and datastore with our settings: durable commits, immediate write transactions."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from eventsourcing.sqlite import SQLiteConnection, SQLiteConnectionPool, SQLiteCursor, SQLiteDatastore

LOCK_SECONDS = 30
POOL_SECONDS = 60.0
"""How long a thread waits for one of the process's connections."""

PRAGMAS = (
    "PRAGMA synchronous=FULL",  # NORMAL loses acknowledged events at a power cut
    "PRAGMA wal_autocheckpoint=2000",  # pages; 8 MB
    "PRAGMA cache_size=-64000",  # kB; the index over natural keys is written all over
    "PRAGMA trusted_schema=OFF",
)


class LogTransaction:
    """One transaction: immediate when it writes, for reading before writing in a deferred one fails under load.

    Unlike the library's it rolls back when the commit itself fails, so that the pooled connection stays usable.
    """

    def __init__(self, connection: "LogConnection", *, commit: bool) -> None:
        self._connection = connection
        self._commit = commit

    def __enter__(self) -> SQLiteCursor:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE" if self._commit else "BEGIN")
        return cursor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and self._commit:
                self._connection.commit()
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()


class LogConnection(SQLiteConnection):
    """A pooled connection whose transactions are `LogTransaction`s."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open on it."""
        return self._sqlite_conn.in_transaction

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        """A cursor within one transaction; committed at the end if `commit`, else rolled back."""
        with LogTransaction(self, commit=commit) as cursor, cursor as inner:
            yield inner  # type: ignore[misc]  # the library's cursor gives SQLite's own on entering


class LogPool(SQLiteConnectionPool):
    """Makes connections to one database URI with our PRAGMAs; never creates the file nor changes its journal mode."""

    def _create_connection(self) -> SQLiteConnection:
        connection = sqlite3.connect(
            self.db_name, uri=True, check_same_thread=False, isolation_level=None, timeout=LOCK_SECONDS
        )
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma).close()
        except sqlite3.Error:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return LogConnection(sqlite_conn=connection, max_age=None)


class LogDatastore(SQLiteDatastore):
    """The library's datastore over a `LogPool`, with readable stream ids."""

    def __init__(self, uri: str) -> None:
        super().__init__(uri, lock_timeout=LOCK_SECONDS, originator_id_type="text")
        self.pool = LogPool(db_name=uri, lock_timeout=LOCK_SECONDS, pool_timeout=POOL_SECONDS)
