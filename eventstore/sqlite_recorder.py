"""The library's SQLite application recorder, made append-only, chained, and able to say what was there already."""

import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import files
from itertools import chain as flattened
from pathlib import Path
from typing import Any

import zstandard
from eventsourcing.persistence import StoredEvent

from orchestrion.domain.errors import LogDamaged, LogTooNew, LogUnavailable
from orchestrion.eventstore import clock
from orchestrion.eventstore.chain import chained, genesis
from orchestrion.eventstore.checkpoint import Checkpoint, Seal
from orchestrion.eventstore.entry import Entry, Outcome, entry_of
from orchestrion.eventstore.failures import told
from orchestrion.eventstore.home import FORMAT
from orchestrion.eventstore.one_sqlite import hold, let_go
from orchestrion.eventstore.sqlite_pool import LogDatastore
from orchestrion.eventstore.sqlite_reader import CODEC, SQLiteLogReader, last_ever

LIBRARY = "sqlite3"
_INSERT = (
    "INSERT OR FAIL INTO stored_events "
    "(position, originator_id, originator_version, topic, recorded_at, state, chain) VALUES "
)
"""FAIL: SQLite need not keep what it would take to undo one row alone (a third of the time); the batch is undone."""
_ROW = "(?,?,?,?,?,?,?)"
ROWS_A_STATEMENT = 128
"""SQLite gives Python's lock away for each statement: the more rows it holds, the less a busy thread delays them."""


class SQLiteLogRecorder(SQLiteLogReader):
    """Table `stored_events` of one file. Writers of all processes queue at the checkpoint's lock.

    SQLite before 3.51.3 may lose a commit when one connection resets the WAL while another writes; as every write,
    automatic checkpoint and close of ours happens under that lock, the race cannot occur between us.
    """

    def __init__(self, datastore: LogDatastore, path: Path, checkpoint: Checkpoint, now: clock.Clock) -> None:
        super().__init__(datastore, path, checkpoint)
        hold(path, LIBRARY)
        self._now = now
        self.identity = ""

    def construct_create_table_statements(self) -> list[str]:
        """The schema, one statement each."""
        script = files("orchestrion.eventstore").joinpath("schema.sql").read_text(encoding="utf-8")
        statements, pending = [], ""
        for line in script.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                statements.append(pending.strip())
                pending = ""
        return statements

    # Opening

    def prepare(self, *, create: bool) -> None:
        """Read the log's identity, making the tables of a new file first. Raises LogTooNew, LogUnavailable."""
        if create and not self._is_ours():
            self._create()
        meta = self._meta() if self._is_ours() else {}
        if "identity" not in meta or not meta.get("format", "").isdigit():
            raise LogUnavailable(f"{self.path} is a database but not a log; move it away or choose another home")
        if int(meta["format"]) > FORMAT:
            raise LogTooNew(
                f"the log {self.path} was written by a later version (format {meta['format']}, this version knows "
                f"{FORMAT}); upgrade orchestrion to open it"
            )
        self.identity = meta["identity"]

    def _tables(self) -> set[str]:
        with self.reading() as c:
            return {name for (name,) in c.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def _meta(self) -> dict[str, str]:
        with self.reading() as c:
            return dict(c.execute("SELECT key, value FROM log_meta").fetchall())

    def _is_ours(self) -> bool:
        return {"log_meta", "stored_events", "blobs"} <= self._tables()

    def _create(self) -> None:
        with told(self.path), self.checkpoint.locked(), self.datastore.get_connection(commit=True) as connection:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.fetchall()
            with connection.transaction(commit=True) as c:
                c.execute("SELECT count(*) FROM sqlite_master")
                if c.fetchone()[0]:
                    return  # another process has made it, or it is somebody else's database
                if (seal := self.checkpoint.read()) and seal.position:
                    raise LogDamaged(
                        f"{self.checkpoint.path} says that a log stood here at position {seal.position}, but "
                        f"{self.path.name} is gone or empty; restore it, or remove the checkpoint to begin a new log"
                    )
                for statement in self.create_table_statements:
                    c.execute(statement)
                identity = uuid.uuid4().hex
                meta = {"identity": identity, "format": str(FORMAT), "created_at": clock.stamp(self._now())}
                c.executemany("INSERT INTO log_meta VALUES (?,?)", list(meta.items()))
                self.checkpoint.begin(Seal(identity, 0, genesis(identity).hex()))

    # Writing

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Cursor]:
        """A cursor within one immediate transaction, under the writers' lock; committed and sealed at the end."""
        if not self.checkpoint.writable:
            raise LogUnavailable(f"the log {self.path} is open for reading only; check the rights of its folder")
        with (
            told(self.path),
            self.datastore.get_connection(commit=True) as connection,
            self.checkpoint.locked(),
        ):
            with connection.transaction(commit=True) as c:
                cursor: sqlite3.Cursor = c  # type: ignore[assignment]  # the library types it as its wrapper
                cursor.row_factory = None
                self.check_file()
                yield cursor
                last, _, chain = self._tail(cursor)
            self.checkpoint.write(Seal(self.identity, last, chain.hex()))

    def record(
        self, entries: Sequence[Entry], blobs: Mapping[str, bytes], *, expect: tuple[str, int] | None = None
    ) -> Outcome:
        """Write what is new of `entries`, and `blobs`, in one transaction.

        With `expect` (stream, version) nothing is written at all if a place is taken or that version is not there.
        """
        packed = self._packed(entries, blobs)
        with self.writing() as c:
            tail = self._checked_tail(c)
            outcome = self._recorded(c, tail, entries, expect)
            taken = set(outcome.conflicts)
            kept = set(blobs)
            for index, entry in enumerate(entries):
                if entry.bodies and index not in taken:
                    kept.update(entry.bodies)
            _insert_blobs(c, {name: packed[name] for name in packed if name in kept})
            return outcome

    def _packed(self, entries: Sequence[Entry], blobs: Mapping[str, bytes]) -> dict[str, tuple[int, bytes]]:
        """Sizes and compressed contents of what the log does not hold yet: before the lock, for nobody shall wait."""
        given = dict(blobs)
        for entry in entries:
            given.update(entry.bodies)
        if not given:
            return {}
        with self.reading() as c:
            new = [(name, content) for name, content in given.items() if not _holds(c, name)]
        if not new:
            return {}
        frames = _compressed([content for _, content in new])
        return {name: (len(content), frame) for (name, content), frame in zip(new, frames, strict=True)}

    def _recorded(
        self, c: sqlite3.Cursor, tail: tuple[int, str, bytes], entries: Sequence[Entry], expect: tuple[str, int] | None
    ) -> Outcome:
        if expect is None:
            if (positions := self._all_new(c, tail, entries)) is not None:
                return Outcome(positions)
            tail = self._checked_tail(c)
        fresh, duplicates, conflicts = _sorted_out(c, entries)
        if expect is not None and (conflicts or not _stands(c, *expect)):
            return Outcome((), duplicates, conflicts or [0])
        return Outcome(self._insert(c, tail, fresh), duplicates, conflicts)

    def _all_new(
        self, c: sqlite3.Cursor, tail: tuple[int, str, bytes], entries: Sequence[Entry]
    ) -> Sequence[int] | None:
        """Insert without looking first, which is how most batches go; None, and nothing done, if a place is taken.

        The transaction, in which nothing else was done, is begun anew then: a savepoint would copy each page it changes
        and take as long as the rows.
        """
        try:
            return self._insert(c, tail, entries)
        except sqlite3.IntegrityError:
            c.execute("ROLLBACK")
            c.execute("BEGIN IMMEDIATE")
            return None

    def _insert(self, c: sqlite3.Cursor, tail: tuple[int, str, bytes], entries: Sequence[Entry]) -> Sequence[int]:
        last, moment, chain = tail
        rows = chained(chain, last, clock.after(moment, self._now()), entries)
        rest = len(rows) % ROWS_A_STATEMENT
        c.executemany(_INSERT + _ROW, rows[:rest])
        for start in range(rest, len(rows), ROWS_A_STATEMENT):
            values = flattened.from_iterable(rows[start : start + ROWS_A_STATEMENT])
            c.execute(_INSERT + ",".join([_ROW] * ROWS_A_STATEMENT), tuple(values))
        return range(last + 1, last + 1 + len(entries))

    def _insert_events(self, c: Any, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        """The library's way in leads through the chain as well."""
        return self._insert(c, self._checked_tail(c), [entry_of(stored) for stored in stored_events])

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """The library's way in, under our lock."""
        with self.writing() as c:
            return self._insert_events(c, stored_events, **kwargs)

    def _tail(self, c: sqlite3.Cursor) -> tuple[int, str, bytes]:
        c.execute("SELECT position, recorded_at, chain FROM stored_events ORDER BY position DESC LIMIT 1")
        return c.fetchone() or (0, "", genesis(self.identity))

    def _checked_tail(self, c: sqlite3.Cursor) -> tuple[int, str, bytes]:
        """The last row's position, time and hash. Raises LogDamaged if rows after it are known to have been there."""
        tail = self._tail(c)
        seal = self.checkpoint.read()
        known = max(last_ever(c), seal.position if seal and seal.identity == self.identity else 0)
        if known > tail[0]:
            raise LogDamaged(
                f"the log {self.path} ends at position {tail[0]} but has been at {known}: its tail was cut off; "
                "nothing is appended to it any more, restore a backup or choose another home"
            )
        if seal and seal.position == tail[0] and seal.identity == self.identity and seal.chain != tail[2].hex():
            raise LogDamaged(
                f"the log {self.path} was changed at position {tail[0]}; nothing is appended to it any more, restore a "
                "backup or choose another home"
            )
        return tail

    def close(self) -> None:
        """Close all connections; under the lock, for the last one to close writes the WAL back."""
        if self.datastore.pool.closed:
            return
        with told(self.path):
            if self.checkpoint.writable:
                with self.checkpoint.locked():
                    self.datastore.close()
            else:
                self.datastore.close()
            self.checkpoint.close()
        let_go(self.path, LIBRARY)


def _stands(c: sqlite3.Cursor, stream: str, version: int) -> bool:
    return version == 0 or _state(c, stream, version) is not None


def _state(c: sqlite3.Cursor, stream: str, version: int) -> bytes | None:
    c.execute("SELECT state FROM stored_events WHERE originator_id = ? AND originator_version = ?", (stream, version))
    row = c.fetchone()
    return row[0] if row else None


def _sorted_out(c: sqlite3.Cursor, entries: Sequence[Entry]) -> tuple[list[Entry], int, list[int]]:
    """Which entries are new, how many stand already with the same content, and the indexes of those in conflict."""
    fresh: dict[tuple[str, int], Entry] = {}
    duplicates, conflicts = 0, []
    for index, entry in enumerate(entries):
        place = (entry.stream, entry.version)
        standing = fresh[place].state if place in fresh else _state(c, *place)
        if standing is None:
            fresh[place] = entry
        elif standing == entry.state:
            duplicates += 1
        else:
            conflicts.append(index)
    return list(fresh.values()), duplicates, conflicts


def _compressed(contents: Sequence[bytes]) -> list[bytes]:
    """Each of `contents` as a zstd frame: in one call, beside which other threads work, if none is empty."""
    compressor = zstandard.ZstdCompressor()
    if not all(contents):
        return [compressor.compress(content) for content in contents]
    frames = compressor.multi_compress_to_buffer([*contents])
    return [frames[index].tobytes() for index in range(len(frames))]


def _holds(c: sqlite3.Cursor, name: str) -> bool:
    c.execute("SELECT 1 FROM blobs WHERE hash = ?", (name,))
    return c.fetchone() is not None


def _insert_blobs(c: sqlite3.Cursor, packed: Mapping[str, tuple[int, bytes]]) -> None:
    for name, (size, data) in packed.items():
        if not _holds(c, name):  # another writer may have come first
            c.execute("INSERT INTO blobs VALUES (?,?,?,?)", (name, size, CODEC, data))
