"""Logs for the projections: rows at hand instead of a database, and an Arrow stream of them."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from orchestrion.domain.events import Event
from orchestrion.domain.streams import witnessed
from orchestrion.projections import Store

Row = tuple[int, str, int, str, str, bytes]
BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def state_of(event: Event) -> bytes:
    """As the log's door writes it: no nulls, no empty defaults, with the schema version."""
    fields = event.model_dump(mode="json", exclude_none=True)
    return orjson.dumps({"v": event.schema_version, **{k: v for k, v in fields.items() if v not in ([], {})}})


class RowsLog:
    """The reading half of the Log port over rows at hand."""

    def __init__(self, rows: Iterable[Row], identity: str = "the-log") -> None:
        self.all, self.identity, self.asked = list(rows), identity, 0

    def head(self) -> int:
        return self.all[-1][0] if self.all else 0

    def rows(self, *, after: int, limit: int) -> list[Row]:
        found = list(itertools.islice((row for row in self.all if row[0] > after), limit))
        self.asked += len(found)
        return found

    def wait(self, after: int, seconds: float) -> bool:
        return self.head() > after


class _Stream:
    """An Arrow stream that may be asked for more than once."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows, self._kept = rows, list[duckdb.DuckDBPyConnection]()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        con = duckdb.connect()
        self._kept.append(con)
        con.execute(
            "CREATE TABLE r (position BIGINT, stream VARCHAR, version BIGINT, kind VARCHAR, recorded_at VARCHAR, "
            "state VARCHAR)"
        )
        if self._rows:
            values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(self._rows))
            flat = [value for row in self._rows for value in (*row[:5], row[5].decode())]
            con.execute(f"INSERT INTO r VALUES {values}", flat)  # noqa: S608
        return con.sql("SELECT * FROM r ORDER BY position").__arrow_c_stream__()


class RowsSource:
    """The same rows as Arrow streams, made by DuckDB itself."""

    def __init__(self, log: RowsLog) -> None:
        self.log, self.identity = log, log.identity

    def head(self) -> int:
        return self.log.all[-1][0] if self.log.all else 0

    def arrow(self, after: int, upto: int | None = None) -> Any:
        return _Stream([row for row in self.log.all if row[0] > after and (upto is None or row[0] <= upto)])


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., list[Row]]:
    """Facts (events, or whole rows to be taken as they are) to rows of a log; a place that is taken is skipped."""

    def make(facts: Sequence[Event | tuple[str, int, str, bytes]], *, gap: int = 1, first: int = 1) -> list[Row]:
        rows: list[Row] = []
        taken: set[tuple[str, int]] = set()
        for fact in facts:
            if isinstance(fact, Event):
                placed = witnessed(fact)
                stream, version, kind, state = placed.stream, placed.version, fact.kind, state_of(fact)
            else:
                stream, version, kind, state = fact
            if (stream, version) in taken:
                continue
            taken.add((stream, version))
            position = first + gap * len(rows)
            rows.append((position, stream, version, kind, _iso(BEGAN + timedelta(seconds=position)), state))
        return rows

    return make


@pytest.fixture(scope="session")
def log_of() -> type[RowsLog]:
    return RowsLog


@pytest.fixture(scope="session")
def source_of() -> type[RowsSource]:
    return RowsSource


@pytest.fixture
def shown(rows_of: Any, tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """A store that has caught up with given events."""
    opened: list[Store] = []

    def make(*facts: Any) -> Store:
        store = Store(RowsLog(rows_of(facts)), tmp_path / "projections")  # type: ignore[arg-type]
        store.catch_up()
        opened.append(store)
        return store

    yield make
    for store in opened:
        store.close()
