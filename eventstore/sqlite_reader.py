"""What the library's SQLite application recorder can be asked, over our own table."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import zstandard
from eventsourcing.persistence import Notification
from eventsourcing.sqlite import SQLiteApplicationRecorder

from orchestrion.domain.bounds import storable
from orchestrion.domain.errors import LogDamaged, LogReplaced, NotFound
from orchestrion.eventstore.checkpoint import Checkpoint, Seal
from orchestrion.eventstore.entry import ChainedRow, Row
from orchestrion.eventstore.failures import told
from orchestrion.eventstore.sqlite_pool import LogDatastore

CODEC = "zstd"
MAX_POSITION = 2**63 - 1
_ROW = "position, originator_id, originator_version, topic, recorded_at, state"


class SQLiteLogReader(SQLiteApplicationRecorder):
    """Asks the log of one file; every question first makes sure that the file is still the one that was opened."""

    def __init__(self, datastore: LogDatastore, path: Path, checkpoint: Checkpoint) -> None:
        super().__init__(datastore)
        self.path = path
        self.checkpoint = checkpoint
        self._inode = self._stat()

    def _stat(self) -> tuple[int, int]:
        status = self.path.stat()
        return status.st_dev, status.st_ino

    def check_file(self) -> None:
        try:
            same = self._stat() == self._inode
        except FileNotFoundError:
            same = False
        if not same:
            raise LogReplaced(
                f"the log {self.path} was removed or replaced while it was open; start again with the file that is to "
                "be used"
            )

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Cursor]:
        """A cursor that sees one moment of the log; its rows are plain tuples."""
        with told(self.path):
            self.check_file()
            with self.datastore.transaction(commit=False) as c:
                cursor: sqlite3.Cursor = c  # type: ignore[assignment]  # the library types it as its wrapper
                cursor.row_factory = None
                yield cursor

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """As the library's own, which finds no column `rowid` where the key has a name."""
        first = (start or 0) - (1 if inclusive_of_start else 0)
        where, params = "position > ?", [first, *topics]
        if topics:
            where += f" AND topic IN ({','.join('?' * len(topics))})"
        if stop is not None:
            where, params = f"{where} AND position <= ?", [*params, stop]
        with self.reading() as c:
            query = f"SELECT {_ROW} FROM stored_events WHERE {where} ORDER BY position LIMIT ?"  # noqa: S608
            return [
                Notification(id=p, originator_id=s, originator_version=v, topic=k, state=state)
                for p, s, v, k, _, state in c.execute(query, [*params, limit])
            ]

    def rows(self, after: int, upto: int | None, limit: int) -> list[Row]:
        """Rows beyond `after`, in order of position."""
        query = f"SELECT {_ROW} FROM stored_events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"  # noqa: S608
        with self.reading() as c:
            return c.execute(query, (after, MAX_POSITION if upto is None else upto, limit)).fetchall()

    def chained_rows(self, after: int, limit: int) -> list[ChainedRow]:
        """Rows beyond `after` with their chain hashes, in order of position."""
        query = f"SELECT {_ROW}, chain FROM stored_events WHERE position > ? ORDER BY position LIMIT ?"  # noqa: S608
        with self.reading() as c:
            return c.execute(query, (after, limit)).fetchall()

    def rows_of(self, stream: str) -> list[Row]:
        """All rows of one stream, by version."""
        query = f"SELECT {_ROW} FROM stored_events WHERE originator_id = ? ORDER BY originator_version"  # noqa: S608
        with self.reading() as c:
            return c.execute(query, (storable(stream),)).fetchall()

    def streams(self, prefix: str) -> list[str]:
        """Names of the streams that begin with `prefix`, sorted."""
        prefix = storable(prefix)
        query = "SELECT DISTINCT originator_id FROM stored_events WHERE originator_id >= ? AND originator_id < ?"
        with self.reading() as c:
            return sorted(name for (name,) in c.execute(query, (prefix, f"{prefix}\U0010ffff")))

    def head(self) -> int:
        """The last position; 0 if there is none."""
        with self.reading() as c:
            return int(c.execute("SELECT coalesce(max(position), 0) FROM stored_events").fetchone()[0])

    def last_ever(self) -> int:
        """The highest position ever given out, as SQLite remembers it."""
        with self.reading() as c:
            return last_ever(c)

    def blob(self, name: str) -> bytes:
        """The content of a blob. Raises NotFound, and LogDamaged if it is not what its hash says."""
        with self.reading() as c:
            row = c.execute("SELECT codec, size, data FROM blobs WHERE hash = ?", (name,)).fetchone()
        if row is None:
            raise NotFound(f"there is no blob {name} in the log {self.path}")
        content = unpacked(*row)
        if content is None or sha256(content).hexdigest() != name:
            raise LogDamaged(f"blob {name} in the log {self.path} is damaged; run `orchestrion verify`")
        return content

    def has_blob(self, name: str) -> bool:
        """Whether a blob stands under that hash."""
        with self.reading() as c:
            return c.execute("SELECT 1 FROM blobs WHERE hash = ?", (name,)).fetchone() is not None

    def blob_names(self, after: str, limit: int) -> list[str]:
        """Hashes beyond `after`, sorted."""
        with self.reading() as c:
            query = "SELECT hash FROM blobs WHERE hash > ? ORDER BY hash LIMIT ?"
            return [name for (name,) in c.execute(query, (after, limit))]

    def seal(self) -> Seal | None:
        """What the checkpoint outside says."""
        with told(self.checkpoint.path):
            return self.checkpoint.read()


def last_ever(c: sqlite3.Cursor) -> int:
    """The highest position ever given out, as SQLite remembers it even when rows are gone."""
    c.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'stored_events'")
    return int(c.fetchone()[0])


def unpacked(codec: str, size: int, data: bytes) -> bytes | None:
    """A blob's content; None if it cannot be unpacked."""
    if codec != CODEC:
        return None
    try:
        return zstandard.ZstdDecompressor().decompress(data, max_output_size=size or 1)
    except zstandard.ZstdError:
        return None
