"""A full-text index of what was asked, said, called and answered: SQLite's FTS5 in a disposable file of its own.

The file stands beside the snapshots and is nobody's truth: it holds no text, only which words stand at which position,
and whatever is wrong with it, it is made again from the log. It is opened by the SQLite that this process has anyway;
the log's own file is read through the log alone.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from orchestrion.domain.errors import NotFound
from orchestrion.domain.ports import Log
from orchestrion.projections.hits import Found, Hit, Row, hit_of
from orchestrion.projections.ranking import TOKENIZER, ranked
from orchestrion.projections.terms import excerpt, expression, strings, terms

INDEX_NAME = "search.db"
FORMAT = 1
"""Raised when the index comes to hold something else."""

BATCH_EVENTS = 5_000
MAX_TEXT = 262_144
"""Characters of one event that are looked at; what stands further behind is not found."""
MAX_CANDIDATES = 500
"""Places that are ranked, the newest that match: so a word that stands everywhere is found as quickly as a rare one."""
NEAR_POSITIONS = 8
"""Places no further from each other are read at once, with what lies between."""

SEARCHED: dict[str, tuple[str, ...]] = {
    "session.started": ("request",),
    "agent.started": ("task",),
    "agent.completed": ("summary",),
    "agent.failed": ("reason", "remedy"),
    "tool.called": ("tool", "params"),
    "tool.returned": ("result", "error"),
    "message.sent": ("payload",),
    "handoff.offered": ("task", "package"),
    "pattern.discovered": ("name", "context"),
}
"""Kind to the fields that are searched, whole bodies included."""

_SUBJECTS = ("call", "message", "handoff", "pattern", "run", "session")
_BUSY_SECONDS = 60
_TABLES = f"""
CREATE TABLE IF NOT EXISTS meta (format INTEGER, identity TEXT, position INTEGER, anchor TEXT);
CREATE TABLE IF NOT EXISTS places (position INTEGER PRIMARY KEY, session TEXT);
CREATE INDEX IF NOT EXISTS by_session ON places (session);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(text, content='', tokenize='{TOKENIZER}');
"""

_Place = tuple[Row, dict[str, Any], str]
"""A row of the log, its state, and its searched text."""


class SearchIndex:
    """The index of `log` in `folder`; a context manager. Any number of processes may use it beside each other."""

    def __init__(self, log: Log, folder: Path) -> None:
        self._log, self._path = log, folder / INDEX_NAME
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._con = self._opened()

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Take in what the log holds beyond the index; the position reached. `progress` is told (done, of how many)."""
        head = self._log.head()
        try:
            self._fit(head)
            return self._taken(head, progress)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError) and "locked" in str(error):
                raise
            self._discard()
            self._fit(head)
            return self._taken(head, progress)

    def search(self, text: str, *, limit: int = 20, session: str | None = None, at: int | None = None) -> Found:
        """What holds every word of `text` (`"…"`: in this order; `word*`: beginning so). Raises Refused."""
        sql = "SELECT words.rowid FROM words WHERE words MATCH ? AND words.rowid <= ?"
        given: list[Any] = [expression(text), self._log.head() if at is None else at]
        if session is not None:
            sql += " AND words.rowid IN (SELECT position FROM places WHERE session = ?)"
            given.append(session)
        sql += f" ORDER BY words.rowid DESC LIMIT {MAX_CANDIDATES + limit + 1}"
        positions = [row[0] for row in self._con.execute(sql, given)]
        newest, older = positions[:MAX_CANDIDATES], positions[MAX_CANDIDATES:]
        places = dict(self._read(sorted(newest)))
        best = ranked({position: place[2] for position, place in places.items()}, expression(text))
        rows = chain(
            ((*places[position], score) for position, score in best),
            ((*place, 0.0) for position in older for _, place in self._read([position])),
        )
        return Found(tuple(self._hits(rows, terms(text), limit)), bool(older))

    def close(self) -> None:
        """Let go of the file."""
        self._con.close()

    def _read(self, positions: Sequence[int]) -> Iterator[tuple[int, _Place]]:
        """What stands at these positions, which rise."""
        for run in _runs(positions):
            wanted = set(run)
            for row in self._log.rows(after=run[0] - 1, limit=run[-1] - run[0] + 1):
                if row[0] in wanted:
                    state = _state(row)
                    yield row[0], (row, state, self._text(row[3], state))

    def _hits(
        self, places: Iterable[tuple[Row, dict[str, Any], str, float]], words: Sequence[str], limit: int
    ) -> Iterator[Hit]:
        """The first `limit` of `places` as hits; of several witnesses of one fact, the best."""
        seen: set[tuple[str, str]] = set()
        for row, state, text, score in places:
            subject = (row[3], next((str(state[name]) for name in _SUBJECTS if state.get(name)), str(row[0])))
            if subject in seen:
                continue
            seen.add(subject)
            yield hit_of(row, state, score, excerpt(text, words))
            if len(seen) == limit:
                return

    def _taken(self, head: int, progress: Callable[[int, int], None] | None) -> int:
        begun = position = self._position
        while position < head:
            with self._transaction():
                position = self._position  # another process may have been quicker
                rows = self._log.rows(after=position, limit=BATCH_EVENTS)
                if not rows:
                    break
                if begun and any(row[3] == "body.erased" for row in rows):
                    # What was erased must not be found any more: begin anew, from the bodies that are left.
                    self._empty()
                    begun = position = 0
                    continue
                self._take(rows)
                position = rows[-1][0]
            if progress is not None:
                progress(position - begun, head - begun)
        return position

    def _take(self, rows: Sequence[Row]) -> None:
        places, texts = [], []
        for row in rows:
            if row[3] not in SEARCHED:
                continue
            state = _state(row)
            text = self._text(row[3], state)
            if text:
                texts.append((row[0], text))
                places.append((row[0], state.get("session")))
        self._con.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", texts)
        self._con.executemany("INSERT INTO places VALUES (?, ?)", places)
        self._con.execute("UPDATE meta SET position = ?, anchor = ?", (rows[-1][0], _anchor(rows[-1])))

    def _text(self, kind: str, state: dict[str, Any]) -> str:
        """The searched text of an event, from its whole bodies where they are left."""
        parts: list[str] = []
        room = MAX_TEXT
        for name in SEARCHED.get(kind, ()):
            for part in strings(self._whole(name, state)):
                parts.append(part[:room])
                room -= len(parts[-1])
                if room <= 0:
                    return "\n".join(parts)
        return "\n".join(parts)

    def _whole(self, name: str, state: dict[str, Any]) -> Any:
        """A field's value: its body if it has one, else what stands in the event."""
        ref = state.get("bodies", {}).get(name)
        if not isinstance(ref, dict):
            return state.get(name)
        try:
            body = self._log.blob(str(ref.get("hash")))
        except NotFound:  # erased
            return state.get(name)
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError:
            return body.decode("utf-8", "replace")

    @property
    def _position(self) -> int:
        row = self._con.execute("SELECT position FROM meta").fetchone()
        return int(row[0]) if row else 0

    def _fit(self, head: int) -> None:
        """Empty the index unless it is of this log, as far as it goes."""
        row = self._con.execute("SELECT format, identity, position, anchor FROM meta").fetchone()
        if row is not None and row[:2] == (FORMAT, self._log.identity) and row[2] <= head:
            last = self._log.rows(after=row[2] - 1, limit=1) if row[2] else []
            if not row[2] or (last and last[0][0] == row[2] and _anchor(last[0]) == row[3]):
                return
        with self._transaction():
            self._empty()

    def _empty(self) -> None:
        self._con.execute("DELETE FROM meta")
        self._con.execute("DELETE FROM places")
        self._con.execute("INSERT INTO words (words) VALUES ('delete-all')")
        self._con.execute("INSERT INTO meta VALUES (?, ?, 0, '')", (FORMAT, self._log.identity))

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        con = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(con)
        except sqlite3.DatabaseError:
            con.close()
            self._removed()
            con = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None)
            _prepare(con)
        self._path.chmod(0o600)
        return con

    def _discard(self) -> None:
        """Begin with a new file: the old one is damaged."""
        self._con.close()
        self._removed()
        self._con = self._opened()

    def _removed(self) -> None:
        for end in ("", "-wal", "-shm", "-journal"):
            with suppress(FileNotFoundError):
                self._path.with_name(INDEX_NAME + end).unlink()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._con.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._con.execute("ROLLBACK")
            raise
        self._con.execute("COMMIT")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _runs(positions: Sequence[int]) -> Iterator[list[int]]:
    """Rising positions in stretches of those that lie near each other."""
    run: list[int] = []
    for position in positions:
        if run and position - run[-1] > NEAR_POSITIONS:
            yield run
            run = []
        run.append(position)
    if run:
        yield run


def _prepare(con: sqlite3.Connection) -> None:
    con.execute("PRAGMA journal_mode = WAL")
    con.execute("PRAGMA synchronous = NORMAL")
    con.executescript(_TABLES)


def _state(row: Row) -> dict[str, Any]:
    try:
        state = orjson.loads(row[5])
    except orjson.JSONDecodeError:
        return {}
    return state if isinstance(state, dict) else {}


def _anchor(row: Row) -> str:
    return hashlib.sha256(f"{row[1]}@{row[2]}\n".encode() + row[5]).hexdigest()[:32]
