"""The cursors of one DuckDB: to make one takes as long as a small question, and none may be left when it is closed."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from time import monotonic

import duckdb

LEAVING_SECONDS = 5.0
"""How long who breaks off what others ask waits for them to end; DuckDB is closed by the last of them in any case."""
_AGAIN_SECONDS = 0.05


class Cursors:
    """Lends cursors of `con` to those who ask. All of it is done holding `lock`, but what they ask."""

    def __init__(self, con: duckdb.DuckDBPyConnection, lock: threading.RLock) -> None:
        self.con = con
        self._lock, self._given_back = lock, threading.Condition(lock)
        self._idle: dict[str, list[duckdb.DuckDBPyConnection]] = defaultdict(list)
        self._asking: list[duckdb.DuckDBPyConnection] = []
        self._left = False

    @property
    def asked(self) -> bool:
        """Whether somebody is asking."""
        return bool(self._asking)

    @contextmanager
    def lent(self, schema: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for which a bare name means what stands in `schema`; kept for the next if all went well."""
        cursor = self._idle[schema].pop() if self._idle[schema] else self._made(schema)
        self._asking.append(cursor)
        unharmed = False
        try:
            yield cursor
            unharmed = True
        finally:
            with self._lock:
                self._asking.remove(cursor)
                if unharmed and not self._left:
                    self._idle[schema].append(cursor)
                else:
                    cursor.close()
                if self._left and not self._asking:
                    self.con.close()
                self._given_back.notify_all()

    def _made(self, schema: str) -> duckdb.DuckDBPyConnection:
        cursor = self.con.cursor()
        cursor.execute(f"SET search_path = '{schema}'")
        return cursor

    def break_off(self) -> None:
        """Interrupt those who ask until none does, or `LEAVING_SECONDS` have gone."""
        until = monotonic() + LEAVING_SECONDS
        while self._asking and monotonic() < until:
            for cursor in self._asking:
                cursor.interrupt()  # without effect on one that is about to begin: hence once more
            self._given_back.wait(_AGAIN_SECONDS)

    def leave(self) -> None:
        """Close the connection, unless somebody is still asking: that would close his cursor under him."""
        self._left = True
        for cursor in chain(*self._idle.values()):
            cursor.close()
        self._idle.clear()
        if not self._asking:
            self.con.close()
