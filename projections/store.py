"""One process's view of the log: a read-only snapshot, the tail in memory, and queries over both."""

import subprocess
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import duckdb

from orchestrion.domain.errors import LogUnavailable, OrchestrionError, QueryRefused
from orchestrion.domain.ports import Log
from orchestrion.domain.prices import PriceTable
from orchestrion.projections.base import UPTO
from orchestrion.projections.cursors import Cursors
from orchestrion.projections.hashing import table_hashes
from orchestrion.projections.layout import connect
from orchestrion.projections.pasts import past_made
from orchestrion.projections.pricing import prices_beside
from orchestrion.projections.reads import Reads
from orchestrion.projections.snapshots import Generation, attach_newest, fingerprint, quarantine
from orchestrion.projections.table import Table
from orchestrion.projections.tables import Tables

_T = TypeVar("_T")
Asking = Callable[[str, str], Table]
"""Asks a statement, and what it is like (see `Store.query`)."""

BATCH_EVENTS = 40_960
ROW_GROUP_EVENTS = 20_480
CHECKPOINT_BYTES = 2**30
"""So much is written before DuckDB checkpoints a tail. In memory that copies all its tables, and at the 16 MB that are
the default a replay would copy them every hundred thousand events, and a follower wait for it now and then."""
SNAPSHOT_EVENTS = 20_000
"""A tail longer than this asks for a snapshot; a shorter one is read in well under a second."""

_SPOILED = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)
_CORRUPT = "Corrupt database file"
"""What DuckDB raises, and says, when a file that opened well turns out to be damaged inside."""


class _MoreIsRead(Exception):
    """A question reads models that were not brought up to date for it."""


class Store:
    """What the log says, now or as of a position. One per process; any number of processes read beside each other.

    `build` runs the snapshot builder's process and returns when it is done. `problems` tells, in sentences, which
    snapshots were put aside and which could not be built; answers are right all the same, only slower. `prices` is what
    tokens cost; None stands for the home's own table (see `pricing.py`). Raises BadDefinition if that has an error.
    """

    def __init__(
        self,
        log: Log,
        folder: Path,
        *,
        build: Callable[[], None] | None = None,
        prices: PriceTable | None = None,
    ) -> None:
        self._log, self._folder, self._build = log, folder, build
        self.prices = prices if prices is not None else prices_beside(folder)
        self._lock = threading.RLock()
        self._opened: Generation | None = None
        self._next_look = 0
        self._reads = Reads()
        self.problems: list[str] = []
        self._cursors = Cursors(_with_room_for_a_tail(), self._lock)
        self._used = False
        """Whether there is anything in that DuckDB."""
        self._older: list[Cursors] = []
        """Of DuckDBs that were left for a newer snapshot while somebody asked them."""
        self._tables: Tables | None = None
        self._closed = False

    @property
    def _con(self) -> duckdb.DuckDBPyConnection:
        return self._cursors.con

    @property
    def position(self) -> int:
        """The last position visible; 0 before the first `catch_up`."""
        with self._lock:
            return self._tables.position if self._tables else 0

    @property
    def dead_letters(self) -> int:
        """How many events could not be read."""
        return int(self.query("SELECT count(*) FROM dead_letters").rows[0][0])

    @property
    def snapped(self) -> int:
        """The position of the snapshot that is read, 0 without one."""
        with self._lock:
            self._ready()
            return self._snapped

    def catch_up(self) -> int:
        """Make visible what the log holds; the position now visible. Raises LogUnavailable."""
        with self._lock:
            self._check_open()
            if self._tables is None:
                self._tables = self._over_newest(self._log.head())
            whole = False
            while not whole:
                rows = self._log.rows(after=self._tables.position, limit=BATCH_EVENTS)
                whole = len(rows) < BATCH_EVENTS
                if rows and self._wants_newer(head := rows[-1][0] if whole else self._log.head()):
                    self._tables, whole = self._over_newest(head), False
                else:
                    self._tables.take_rows(rows)
                if not whole:
                    self._check_open()
            return self._tables.position

    def make_ready(self) -> None:
        """Plan what taking in what comes needs, which whoever comes first would else wait for."""
        with self._lock:
            self._ready().make_ready()

    def wait(self, after: int, seconds: float) -> int:
        """Where the log stands, once that is beyond `after` or `seconds` have gone; nothing of it is taken in."""
        self._log.wait(after, seconds)
        return self._log.head()

    def follow(self, seconds: float) -> bool:
        """Wait up to `seconds` for more, then catch up; True if there was more."""
        before = self.position
        self._log.wait(before, seconds)
        return self.catch_up() > before

    def query(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object] = (),
        *,
        at: int | None = None,
        like: str | None = None,
        after: int | None = None,
    ) -> Table:
        """The answer to one of our own questions, as of position `at`. People's SQL goes through `ask`.

        `like` is a question that reads the same views, say `sql` before its values were put in: what those are is
        learned once for all questions that are like one. `after` says that it asks of events beyond that position
        alone, so that a snapshot which ends before need not be read. Others may ask, and the log be followed, while
        it is being answered. Raises QueryRefused with DuckDB's reason, in one line.
        """
        opened = self._opened
        try:
            return self._answer(sql, params, at, like or sql, after)
        except duckdb.Error as error:
            with self._lock:
                # Another thread may have put the snapshot aside meanwhile, or taken a newer one.
                if self._opened is opened and not self.put_aside(error):
                    raise QueryRefused(f"The query failed: {_first_line(error)}") from error
                self.catch_up()
        return self.query(sql, params, at=at, like=like, after=after)

    def together(self, sqls: Sequence[str], asked: Callable[[Asking], _T]) -> _T:
        """What `asked` makes of the answers to our own questions `sqls`, which it gets as of one position.

        `asked` asks by SQL and what that is like (see `query`). The models of `sqls` are brought up to date once for
        all of them. Where `asked` reads others besides, which are not, or DuckDB fails, `asked` is called once more,
        and each of its questions is answered by itself. Raises QueryRefused.
        """
        try:
            with self.cursor(*sqls) as cursor:
                renewed = {model for sql in sqls for model in self._reads.of(cursor, sql)}

                def one(sql: str, like: str) -> Table:
                    if not renewed.issuperset(self._reads.perhaps_of(cursor, like)):
                        raise _MoreIsRead
                    # Which fails where a view was made later than the transaction began.
                    answer = _answered(cursor, sql)
                    self._reads.of(cursor, like)
                    return answer

                return asked(one)
        except (_MoreIsRead, duckdb.Error):
            # Which tells what is wrong, and puts a damaged snapshot aside.
            return asked(lambda sql, like: self.query(sql, like=like))

    def as_it_lies(self, sql: str, params: Mapping[str, object]) -> Table:
        """The answer from the stored tables (`snap.own`, `tail.own`), nothing of which is brought up to date first."""
        with self._lock:
            try:
                return _answered(self._con, sql, params)
            except duckdb.Error as error:
                if not self.put_aside(error):
                    raise QueryRefused(f"The query failed: {_first_line(error)}") from error
                self.catch_up()
                return Table((), [])

    def put_aside(self, error: duckdb.Error) -> bool:
        """Whether `error` is the snapshot's fault; then it is moved aside, and the next `catch_up` does without."""
        if self._opened is None or not (isinstance(error, _SPOILED) or _CORRUPT in str(error)):
            return False
        quarantine(self._opened.path, f"is damaged ({_first_line(error)})", self.problems)
        self._tables = self._opened = None
        return True

    def close(self) -> None:
        """Break off what others ask or take in and let go of DuckDB; the log stays open.

        Whoever asks again is told so by LogUnavailable.
        """
        self._closed = True  # before it has the lock, which whoever takes in a long log holds
        with self._lock:
            for cursors in (*self._older, self._cursors):
                cursors.break_off()
                cursors.leave()

    def refresh(self) -> None:
        """Bring every table up to date; otherwise each is when first asked."""
        with self._alone() as tables:
            tables.refresh()

    def make_views(self, at: int | None = None) -> None:
        """Make every view, as they stand or as of position `at`; otherwise each is made when first asked."""
        with self._lock:
            tables = self._ready()
            tables.make(base=tables.base_of(at))

    def hashes(self) -> dict[str, str]:
        """View to row count and order-free hash, for every view as it stands (see `proof.py`)."""
        with self._alone() as tables:
            tables.refresh()
            tables.make()
            return table_hashes(self._con)

    @contextmanager
    def _alone(self) -> Iterator[Tables]:
        """The tables while nobody else writes: the turn comes before the lock, as for those who ask."""
        with self._lock:
            tables = self._ready()
        with tables.renewal.turn, self._lock:
            yield tables

    def lock_down(self, settings: Sequence[str]) -> None:
        """Shut DuckDB's doors by `settings`; called once, before a question that is not ours (see `locked.py`)."""
        for setting in settings:
            self._con.execute(setting)

    @contextmanager
    def sparing(self, sql: str, *, at: int | None) -> Iterator[duckdb.DuckDBPyConnection]:
        """As `cursor`, for one question that has little memory: what it reads of the past again and again is made once.

        That takes longer than to make each time what is asked for alone.
        """
        with self.cursor(sql, at=at) as cursor:
            with self._lock:
                base = self._ready().base_of(at)
            with past_made(cursor, base, sql) if base.upto else nullcontext():
                yield cursor

    @contextmanager
    def cursor(
        self, *sqls: str, at: int | None = None, after: int | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on which `sqls` find the views they need up to date, as they stand or as of position `at`.

        They see all tables at one position, whatever comes while it is used; but for one alone that reads events alone:
        that does so statement by statement.
        """
        with ExitStack() as lending:
            with self._lock:
                tables = self._ready()
                base = tables.base_after(after, *sqls) if at is None and after is not None else tables.base_of(at)
                past = base.upto
                for sql in sqls:
                    tables.make(sql, base)
                cursor = lending.enter_context(self._cursors.lent(base.schema))
                models = set() if past else {model for sql in sqls for model in self._reads.of(cursor, sql)}
                if past:
                    cursor.execute(f"SET VARIABLE {UPTO} = {int(at or 0)}")
            if models or (len(sqls) > 1 and not past):
                yield from self._renewed(tables, cursor, sqls, models)
            else:  # one statement over the events alone sees one position as it is
                yield cursor

    def _renewed(
        self, tables: Tables, cursor: duckdb.DuckDBPyConnection, sqls: Sequence[str], models: Collection[str]
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """The cursor in a transaction that sees the log up to one position, and these models brought up to there."""
        with ExitStack() as turn:
            if models:
                turn.enter_context(tables.renewal.turn)
            with self._lock:
                for sql in sqls:
                    tables.make(sql)  # what came while it waited has its price
                cursor.execute("BEGIN")
                # A transaction begins with the first table that it reads.
                position = tables.base.position(cursor)
            renewed = tables.renewal.renew(cursor, models, position)
            if not renewed:
                turn.close()
            yield cursor
            cursor.execute("COMMIT")
            tables.renewal.agree(renewed)

    def _answer(
        self,
        sql: str,
        params: Sequence[object] | Mapping[str, object],
        at: int | None,
        like: str,
        after: int | None,
    ) -> Table:
        with self.cursor(like, at=at, after=after) as cursor:
            return _answered(cursor, sql, params)

    def _check_open(self) -> None:
        if self._closed:
            raise LogUnavailable("The views of the log were closed.")

    def _ready(self) -> Tables:
        self._check_open()
        if self._tables is None:
            self.catch_up()
        assert self._tables is not None  # noqa: S101 - catch_up has set it
        return self._tables

    def _wants_newer(self, head: int) -> bool:
        """Whether the tail up to `head` is so long that a newer snapshot is to be looked for."""
        return head - self._snapped > SNAPSHOT_EVENTS and head >= self._next_look

    def _over_newest(self, head: int) -> Tables:
        """Tables over the newest valid snapshot, built first if what there is lies too far behind `head`."""
        found = self._reopen()
        behind = head - (found.position if found else 0)
        if behind > SNAPSHOT_EVENTS and self._built(behind):
            found = self._reopen()
        # Whatever came of it, look again only when the tail has doubled: a builder that fails must not run each time.
        self._next_look = head + max(SNAPSHOT_EVENTS, head - (found.position if found else 0))
        self._used = True
        return Tables.create(self._con, "tail.own", snap="snap.own" if found else None, prices=self.prices)

    def _reopen(self) -> Generation | None:
        """An empty DuckDB over the newest valid snapshot."""
        if self._used:
            self._older = [cursors for cursors in (*self._older, self._cursors) if cursors.asked]
            self._cursors.leave()
            self._cursors, self._tables, self._used = Cursors(_with_room_for_a_tail(), self._lock), None, False
        self._opened = attach_newest(self._con, self._folder, self._log.identity, self._anchor, self.problems)
        self._used = self._opened is not None
        return self._opened

    def _built(self, behind: int) -> bool:
        if self._build is None:
            self.problems.append(
                f"No snapshot builder was given: the last {behind} events are read without a snapshot."
            )
            return False
        try:
            self._build()
        except (OrchestrionError, OSError, subprocess.SubprocessError) as error:
            self.problems.append(
                f"No snapshot could be built ({error}); the last {behind} events are read without one."
            )
            return False
        return True

    @property
    def _snapped(self) -> int:
        return self._opened.position if self._opened else 0

    def _anchor(self, position: int) -> str | None:
        rows = self._log.rows(after=position - 1, limit=1)
        return fingerprint(rows[0][1], rows[0][2], rows[0][5]) if rows and rows[0][0] == position else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _with_room_for_a_tail() -> duckdb.DuckDBPyConnection:
    """A DuckDB with a database `tail` in memory, whose row groups a batch fills whole: half-filled ones are copied."""
    con = connect()
    con.execute(f"SET checkpoint_threshold = '{CHECKPOINT_BYTES}B'")
    con.execute(f"ATTACH ':memory:' AS tail (ROW_GROUP_SIZE {ROW_GROUP_EVENTS})")
    return con


def _answered(con: duckdb.DuckDBPyConnection, sql: str, params: Sequence[object] | Mapping[str, object] = ()) -> Table:
    result = con.execute(sql, params or None)
    return Table(tuple(column[0] for column in result.description or ()), result.fetchall())


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0]
