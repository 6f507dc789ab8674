"""Snapshots are a cache: whatever is wrong with one, the answers are right and the log builds another."""

# ruff: noqa: S608 - numbers of our own

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import CannotRun
from orchestrion.projections import Store, build_snapshot, store
from orchestrion.projections.snapshots import generations

COUNT = "SELECT count(*) FROM events"


def calls(count: int, tool: str = "Read") -> list[e.Event]:
    return [e.ToolCalled(source="hook", session="s", run="s/main", call=f"c{i}", tool=tool) for i in range(count)]


@pytest.fixture
def ten(rows_of: Any, log_of: Any) -> Any:
    return log_of(rows_of(calls(10)))


@pytest.fixture
def built(ten: Any, source_of: Any, log_of: Any, tmp_path: Path) -> Path:
    """A folder with a snapshot of the first eight of ten events."""
    build_snapshot(source_of(log_of(ten.all[:8])), tmp_path)
    return tmp_path


def snapshot_of(folder: Path) -> Path:
    return generations(folder)[0].path


def test_a_snapshot_and_what_stands_beside_it_are_for_their_owner_alone(
    ten: Any, source_of: Any, tmp_path: Path
) -> None:
    before = os.umask(0o022)
    try:
        build_snapshot(source_of(ten), tmp_path / "projections")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "projections").iterdir()}
    assert "build.lock" in modes
    assert set(modes.values()) == {0o600}


def test_only_the_tail_is_read_from_the_log(ten: Any, built: Path) -> None:
    with Store(ten, built) as opened:
        assert opened.catch_up() == 10
        assert ten.asked == 3  # the row that anchors the snapshot, and the two of the tail
        assert opened.query("SELECT count(*) FROM tool_calls").rows == [(10,)]


@pytest.mark.parametrize("after", [0, 5, 8, 9, 12])
def test_what_is_asked_after_a_position_is_the_same_with_the_snapshot_and_without(
    ten: Any, built: Path, after: int
) -> None:
    """Events, and a read model whose rows stand in the snapshot, which ends at 8."""
    events = f"SELECT position, kind, data FROM happenings WHERE position > {after} ORDER BY position"
    sessions = f"SELECT session, events FROM sessions WHERE position > {after} ORDER BY session"
    with Store(ten, built) as store:
        store.catch_up()
        for asked in (events, sessions, f"SELECT position FROM facts WHERE position > {after} ORDER BY ALL"):
            assert store.query(asked, after=after) == store.query(asked)
            assert store.query(asked, after=after, at=8) == store.query(asked, at=8)


def test_a_snapshot_that_ends_before_what_is_asked_is_not_read(ten: Any, built: Path) -> None:
    with Store(ten, built) as store:
        store.catch_up()
        plan = f"EXPLAIN SELECT position FROM happenings WHERE position > {store.snapped}"
        assert "Union" in str(store.query(plan).rows)
        assert "Union" not in str(store.query(plan, after=store.snapped).rows)
        assert "Union" in str(store.query(plan, after=store.snapped - 1).rows)


def test_files_and_folder_are_nobody_elses(built: Path) -> None:
    assert snapshot_of(built).stat().st_mode & 0o777 == 0o600


def _flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    for i in range(at, min(at + 4096, len(raw))):
        raw[i] ^= 0xFF
    path.write_bytes(raw)


def _foreign(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE own.meta SET identity = 'another-log'")


def _other_content(path: Path) -> None:
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE own.meta SET anchor = 'not what the log holds'")


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (lambda path: path.write_bytes(b"not a database"), "cannot be opened"),
    "empty": (lambda path: path.write_bytes(b""), "does not|cannot"),
    "cut short": (lambda path: os.truncate(path, path.stat().st_size // 2), "cannot be|damaged"),
    "a broken header": (lambda path: _flip(path, 0), "cannot be opened"),
    "another log's": (_foreign, "belongs to another log"),
    "of a log that was cut and went on": (_other_content, "differ at position 8"),
    "of another schema": (lambda path: path.rename(path.with_name("g-8-0123456789abcdef.duckdb")), "other tables"),
    "ahead of the log": (lambda path: path.rename(path.with_name(path.name.replace("g-8-", "g-9-"))), "its name says"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_snapshot_is_put_aside_named_and_not_believed(ten: Any, built: Path, source_of: Any, damage: str) -> None:
    spoil, said = DAMAGES[damage]
    spoil(snapshot_of(built))
    with Store(ten, built) as opened:
        opened.catch_up()
        assert opened.query(COUNT).rows == [(10,)]
        assert opened.query("SELECT count(*) FROM tool_calls").rows == [(10,)]
        [problem] = opened.problems
    assert any(word in problem for word in said.split("|")), problem
    assert generations(built) == []
    assert len(list(built.glob("bad-g-*"))) == 1
    assert build_snapshot(source_of(ten), built) == 10


def test_a_log_that_is_shorter_than_the_snapshot_is_believed(ten: Any, built: Path, log_of: Any) -> None:
    with Store(log_of(ten.all[:5]), built) as opened:
        assert opened.catch_up() == 5
        assert opened.query(COUNT).rows == [(5,)]
        assert "ahead of the log" in opened.problems[0]


def test_damage_that_only_a_query_meets_is_healed_from_the_log(ten: Any, built: Path) -> None:
    path = snapshot_of(built)
    with Store(ten, built) as opened:
        opened.catch_up()
        for block in range(3, path.stat().st_size // 262_144 + 1):
            _flip(path, 12_288 + block * 262_144)
        assert opened.query("SELECT count(DISTINCT data) FROM events").rows == [(10,)]
        assert opened.query("SELECT count(*), min(tool) FROM tool_calls").rows == [(10, "Read")]


def test_old_generations_go_and_open_readers_keep_theirs(ten: Any, built: Path, source_of: Any, log_of: Any) -> None:
    with Store(log_of(ten.all[:8]), built) as reader:
        reader.catch_up()
        first = snapshot_of(built)
        build_snapshot(source_of(log_of(ten.all[:9])), built)
        build_snapshot(source_of(ten), built)
        assert [g.position for g in generations(built)] == [10, 9]
        assert not first.exists()
        assert reader.query("SELECT count(*), min(tool) FROM tool_calls").rows == [(8, "Read")]


def test_what_a_killed_builder_left_is_swept_away(ten: Any, tmp_path: Path, source_of: Any) -> None:
    left = tmp_path / ".building-1.duckdb"
    left.write_bytes(b"half a file")
    assert build_snapshot(source_of(ten), tmp_path) == 10
    assert not left.exists()


def test_an_empty_log_has_no_snapshot(log_of: Any, source_of: Any, tmp_path: Path) -> None:
    assert build_snapshot(source_of(log_of([])), tmp_path) == 0
    assert generations(tmp_path) == []


def test_a_long_tail_asks_for_a_snapshot(ten: Any, tmp_path: Path, source_of: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(store, "SNAPSHOT_EVENTS", 5)
    asked: list[int] = []

    def build() -> None:
        asked.append(build_snapshot(source_of(ten), tmp_path))

    with Store(ten, tmp_path, build=build) as opened:
        assert opened.catch_up() == 10
        assert opened.query(COUNT).rows == [(10,)]
        assert opened.problems == []
    assert asked == [10]


@pytest.mark.parametrize("fails", [True, False], ids=["a builder that fails", "no builder"])
def test_without_a_snapshot_it_goes_on_and_says_so(ten: Any, tmp_path: Path, monkeypatch: Any, fails: bool) -> None:
    monkeypatch.setattr(store, "SNAPSHOT_EVENTS", 5)
    asked: list[int] = []

    def build() -> None:
        asked.append(1)
        raise CannotRun("the disk is full")

    with Store(ten, tmp_path, build=build if fails else None) as opened:
        assert opened.catch_up() == 10
        assert opened.catch_up() == 10
        assert opened.query(COUNT).rows == [(10,)]
        [problem] = opened.problems
    assert ("the disk is full" in problem) == fails
    assert len(asked) == fails


def test_a_builder_that_runs_out_of_memory_tries_again_with_more(
    rows_of: Any, log_of: Any, source_of: Any, tmp_path: Path
) -> None:
    log = log_of(rows_of(calls(2000)))
    with pytest.raises(duckdb.OutOfMemoryException):
        build_snapshot(source_of(log), tmp_path, memory_mb=[1])
    assert [path for path in tmp_path.iterdir() if "building" in path.name] == []
    assert build_snapshot(source_of(log), tmp_path, memory_mb=[1, 640]) == 2000
