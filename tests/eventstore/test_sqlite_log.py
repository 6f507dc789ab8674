"""What only a log in a file can do wrong: rights, foreign files, other versions, and being taken away."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder

from orchestrion.domain import events as e
from orchestrion.domain.errors import LogReplaced, LogTooNew, LogUnavailable, NotFound
from orchestrion.domain.record import DeadLetter
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log, sqlite_pool
from orchestrion.eventstore.sqlite_recorder import SQLiteLogRecorder


def called(call: int, text: str = "ls") -> e.ToolCalled:
    return e.ToolCalled(source="transcript", session="s1", call=f"call{call}", tool="Bash", params={"command": text})


def fill(home: Path, count: int = 5, text: str = "ls") -> None:
    with open_log(home) as log:
        log.observe([witnessed(called(number, text)) for number in range(1, count + 1)])


@contextmanager
def tampering(home: Path) -> Iterator[sqlite3.Connection]:
    """The log's file in the hands of somebody who has dropped the triggers."""
    with closing(sqlite3.connect(home / "log.db", isolation_level=None)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        yield db


# Rights and files


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o777])
def test_everything_is_for_its_owner_alone_under_any_umask(tmp_path: Path, umask: int) -> None:
    home = tmp_path / "a" / "home"
    home.parent.mkdir()
    before = os.umask(umask)
    try:
        log = open_log(home)
        log.observe([witnessed(called(1))])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
        log.close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert set(modes) == {"log.db", "log.db-wal", "log.db-shm", "log.checkpoint", "redaction.key"}
    assert set(modes.values()) == {0o600}


def test_a_log_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "log.db").chmod(0o644)
    open_log(tmp_path).close()
    assert stat.S_IMODE((tmp_path / "log.db").stat().st_mode) == 0o600


def test_a_home_without_a_log_is_said_so_and_stays_empty(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no log in"):
        open_log(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look like one" * 20, b"\0" * 4096])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.db").write_bytes(content)
    with pytest.raises(LogUnavailable, match=r"log\.db"):
        open_log(tmp_path)
    assert (tmp_path / "log.db").read_bytes() == content


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "log.db")) as db:
        db.execute("CREATE TABLE theirs (x)")
    with pytest.raises(LogUnavailable, match="a database but not a log"):
        open_log(tmp_path)
    with closing(sqlite3.connect(tmp_path / "log.db")) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]


def test_a_log_of_a_later_version_is_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    with tampering(tmp_path) as db:
        db.execute("UPDATE log_meta SET value = '2' WHERE key = 'format'")
    with pytest.raises(LogTooNew, match="format 2, this version knows 1"):
        open_log(tmp_path)


def test_an_event_of_a_later_version_is_a_dead_letter_and_the_rest_is_read(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        recorder = log._recorder
        assert isinstance(recorder, SQLiteLogRecorder)
        log.observe([witnessed(called(1))])
        for version, (kind, state) in enumerate(
            [
                ("tool.called", b'{"v":99}'),
                ("never.heard", b'{"v":1}'),
                ("tool.called", b"\xff"),
                ("tool.called", b"[1]"),
            ]
        ):
            recorder.insert_events([StoredEvent("x", version, kind, state)])
        log.observe([witnessed(called(2))])
        records = list(log.read())
        assert [isinstance(record, DeadLetter) for record in records] == [False, True, True, True, True, False]
        assert log.verify().ok


def test_a_home_in_the_way_of_a_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LogUnavailable, match="cannot be used"):
        open_log(tmp_path / "file" / "home")


def test_a_place_where_nothing_can_be_made_is_told_in_a_sentence() -> None:
    with pytest.raises(LogUnavailable, match="/proc/nowhere"):
        open_log(Path("/proc/nowhere/home"))


def test_a_log_that_may_only_be_read_is_read_and_not_appended_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    # Root may write everywhere: what the system would answer is put in its place.
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with open_log(tmp_path) as log:
        assert log.head() == 5
        assert log.verify().ok
        assert not log.wait(5, 0.01)
        with pytest.raises(LogUnavailable, match="for reading only"):
            log.observe([witnessed(called(9))])


def test_commits_are_durable_and_readers_do_not_block_writers(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        recorder = log._recorder
        assert isinstance(recorder, SQLiteLogRecorder)
        with recorder.reading() as c:
            assert c.execute("PRAGMA synchronous").fetchone() == (2,), "FULL"
            assert c.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            log.observe([witnessed(called(1))])
            assert c.execute("SELECT count(*) FROM stored_events").fetchone() in ((0,), (1,))


def test_somebody_elses_long_transaction_is_told_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_pool, "LOCK_SECONDS", 0.1)
    fill(tmp_path)
    with open_log(tmp_path) as log, closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="kept it locked for too long"):
            log.observe([witnessed(called(6))])
        other.execute("ROLLBACK")
        assert log.observe([witnessed(called(6))]).positions == (6,)


# The library's own way


def test_the_librarys_own_statements_work_on_our_table(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.observe([witnessed(called(number)) for number in range(1, 6)])
        recorder = log._recorder
        assert isinstance(recorder, SQLiteApplicationRecorder)
        assert [s.topic for s in recorder.select_events("tool-call1/s1")] == ["tool.called"]
        assert recorder.max_notification_id() == 5
        found = recorder.select_notifications(2, 2)
        assert [(n.id, n.originator_id) for n in found] == [(2, "tool-call2/s1"), (3, "tool-call3/s1")]
        assert [n.id for n in recorder.select_notifications(2, 9, inclusive_of_start=False, stop=4)] == [3, 4]
        assert recorder.select_notifications(None, 9, topics=["other"]) == []


def test_events_that_come_in_the_librarys_way_are_chained_too(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        recorder = log._recorder
        assert isinstance(recorder, SQLiteLogRecorder)
        assert list(recorder.insert_events([StoredEvent("x", 1, "tool.called", b'{"v":1}')]) or ()) == [1]
        assert log.verify().ok


# Taken away while open


def test_an_append_to_a_removed_or_replaced_file_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "other")
    with open_log(tmp_path / "home") as log:
        log.observe([witnessed(called(1))])
        for name in ("log.db", "log.db-wal", "log.db-shm"):
            (tmp_path / "home" / name).unlink()
        with pytest.raises(LogReplaced, match="removed or replaced"):
            log.observe([witnessed(called(2))])
        shutil.copy(tmp_path / "other" / "log.db", tmp_path / "home" / "log.db")
        with pytest.raises(LogReplaced):
            log.observe([witnessed(called(2))])
        with pytest.raises(LogReplaced):
            log.head()


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.close()
    with pytest.raises(LogUnavailable, match="was closed"):
        log.head()
    with pytest.raises(LogUnavailable, match="was closed"):
        log.observe([witnessed(called(1))])


def test_a_home_below_a_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogUnavailable, match="a file stands where a folder is needed; choose another home"):
        open_log(tmp_path / "file" / "home")
