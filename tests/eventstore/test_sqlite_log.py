"""What only a log in a file can do wrong: rights, foreign files, tampering, cut tails, and being taken away."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder

from orchestrion.domain import events as e
from orchestrion.domain.errors import LogDamaged, LogReplaced, LogTooNew, LogUnavailable, NotFound
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


# Append-only, and found out if not


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET topic = 'x'",
        "DELETE FROM stored_events",
        "INSERT OR REPLACE INTO stored_events VALUES (2, 'a', 1, 'x', x'', '', x'')",
        "INSERT OR REPLACE INTO stored_events VALUES (9, 'tool-call1/s1', 201, 'x', x'', '', x'')",
        "REPLACE INTO stored_events VALUES (-5, 'a', 1, 'x', x'', '', x'')",
        "UPDATE blobs SET data = x''",
        "DELETE FROM blobs",
        "INSERT OR REPLACE INTO blobs SELECT hash, 0, codec, x'' FROM blobs",
        "UPDATE log_meta SET value = 'x'",
        "DELETE FROM log_meta",
        "INSERT OR REPLACE INTO log_meta VALUES ('identity', 'x')",
    ],
)
def test_the_database_itself_refuses_changes(tmp_path: Path, statement: str) -> None:
    fill(tmp_path, text="x" * 9000)
    with (
        closing(sqlite3.connect(tmp_path / "log.db")) as db,
        pytest.raises(sqlite3.IntegrityError, match="append-only"),
    ):
        db.execute(statement)
    with open_log(tmp_path) as log:
        assert log.verify().ok


TAMPERED = {
    "an edited state": ("UPDATE stored_events SET state = replace(state, 'ls', 'rm') WHERE position = 3", 3),
    "an edited time": ("UPDATE stored_events SET recorded_at = '2020' || substr(recorded_at, 5) WHERE position = 2", 2),
    "an edited kind": ("UPDATE stored_events SET topic = 'tool.returned' WHERE position = 4", 4),
    "an edited stream": ("UPDATE stored_events SET originator_id = 'tool-x' WHERE position = 1", 1),
    "an edited hash": ("UPDATE stored_events SET chain = zeroblob(32) WHERE position = 5", 5),
    "a row gone": ("DELETE FROM stored_events WHERE position = 2", 3),
    "the first row gone": ("DELETE FROM stored_events WHERE position = 1", 2),
    "rows that changed places": ("UPDATE stored_events SET position = -position WHERE position IN (2, 3)", -3),
    "another identity": ("UPDATE log_meta SET value = 'ffffffffffffffffffffffffffffffff' WHERE key = 'identity'", 1),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_verify_finds_the_first_bad_position(tmp_path: Path, what: str) -> None:
    fill(tmp_path)
    statement, position = TAMPERED[what]
    with tampering(tmp_path) as db:
        db.execute(statement)
    with open_log(tmp_path) as log:
        answer = log.verify()
    assert not answer.ok
    assert answer.problems
    if position > 0:
        assert answer.first_bad_position == position


def test_a_chain_made_anew_over_an_edited_row_is_found_against_the_checkpoint(tmp_path: Path) -> None:
    fill(tmp_path)
    forged = tmp_path / "forged"
    shutil.copytree(tmp_path, forged, ignore=shutil.ignore_patterns("forged"))
    with tampering(forged) as db:
        db.execute("DELETE FROM stored_events")
        db.execute("DELETE FROM sqlite_sequence")
    (forged / "log.checkpoint").unlink()
    with open_log(forged) as log:
        log.observe([witnessed(called(number, "rm")) for number in range(1, 6)])
    shutil.copy(tmp_path / "log.checkpoint", forged / "log.checkpoint")
    with open_log(forged) as log:
        answer = log.verify()
        assert answer.first_bad_position == 5
        assert "the chain made anew" in answer.problems[0]
        with pytest.raises(LogDamaged, match="was changed at position 5"):
            log.observe([witnessed(called(6))])


@pytest.mark.parametrize("forget", ["", "DELETE FROM sqlite_sequence"])
def test_a_cut_tail_is_found_and_never_papered_over(tmp_path: Path, forget: str) -> None:
    fill(tmp_path)
    with tampering(tmp_path) as db:
        db.execute("DELETE FROM stored_events WHERE position > 3")
        if forget:
            db.execute(forget)
    for _ in range(2):
        with open_log(tmp_path) as log:
            answer = log.verify()
            assert (answer.ok, answer.position, answer.first_bad_position) == (False, 3, 4)
            assert "its tail was cut off" in answer.problems[0]
            with pytest.raises(LogDamaged, match="has been at 5: its tail was cut off"):
                log.observe([witnessed(called(9))])
            assert log.head() == 3


def test_a_log_that_was_taken_away_whole_is_not_begun_anew_in_silence(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "log.db").unlink()
    with pytest.raises(LogDamaged, match="a log stood here at position 5"):
        open_log(tmp_path)


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 50])
def test_a_lost_checkpoint_is_said_plainly_and_stays_lost(tmp_path: Path, content: bytes | None) -> None:
    fill(tmp_path)
    path = tmp_path / "log.checkpoint"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    for count in (6, 7):
        with open_log(tmp_path) as log:
            log.observe([witnessed(called(count))])
            answer = log.verify()
        assert (answer.ok, answer.position, answer.first_bad_position) == (False, count, None)
        assert answer.problems == (
            "the checkpoint outside the log is missing or rubbish: a cut tail could not be seen",
        )


def test_a_checkpoint_that_lags_behind_is_legal(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    before = (tmp_path / "log.checkpoint").read_bytes()
    fill(tmp_path, 5)
    (tmp_path / "log.checkpoint").write_bytes(before)
    with open_log(tmp_path) as log:
        assert log.verify().ok
        log.observe([witnessed(called(6))])
    assert b" 6 " in (tmp_path / "log.checkpoint").read_bytes()


def test_a_torn_checkpoint_leaves_the_other_slot(tmp_path: Path) -> None:
    fill(tmp_path)
    with open_log(tmp_path) as log:
        log.observe([witnessed(called(6))])
    path = tmp_path / "log.checkpoint"
    whole = path.read_bytes()
    newer = whole.index(b" 6 ") // 128 * 128
    path.write_bytes(whole[:newer] + b"x" * 60 + whole[newer + 60 :])
    with open_log(tmp_path) as log:
        assert log.verify().ok


def test_another_logs_checkpoint_is_told(tmp_path: Path) -> None:
    fill(tmp_path / "one")
    fill(tmp_path / "two")
    shutil.copy(tmp_path / "one" / "log.checkpoint", tmp_path / "two" / "log.checkpoint")
    with open_log(tmp_path / "two") as log:
        assert "belongs to another log" in log.verify().problems[0]


def test_missing_and_damaged_blobs_are_found_with_the_position_that_names_them(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    with open_log(tmp_path) as log:
        log.observe([witnessed(called(7, "a" * 9000)), witnessed(called(8, "b" * 9000))])
        names = [body.hash for record in log.read(after=3) for body in record.event.bodies.values()]  # type: ignore[union-attr]
    with tampering(tmp_path) as db:
        db.execute("DELETE FROM blobs WHERE hash = ?", (names[1],))
        db.execute("UPDATE blobs SET data = zeroblob(length(data)) WHERE hash = ?", (names[0],))
    with open_log(tmp_path) as log:
        answer = log.verify()
        assert (answer.ok, answer.first_bad_position) == (False, 4)
        assert answer.problems == (
            f"blob {names[0]} is not what its hash says",
            f"position 4 names the damaged blob {names[0]}",
            f"position 5 names blob {names[1]}, which is missing",
        )
        with pytest.raises(LogDamaged, match="is damaged"):
            log.blob(names[0])


def test_flipped_bits_in_the_file_are_found(tmp_path: Path) -> None:
    fill(tmp_path, 400)
    path = tmp_path / "log.db"
    whole = path.read_bytes()
    at = whole.index(b'"call":"call300"')
    path.write_bytes(whole[: at + 9] + bytes([whole[at + 9] ^ 1]) + whole[at + 10 :])
    with open_log(tmp_path) as log:
        answer = log.verify()
    assert (answer.ok, answer.first_bad_position) == (False, 300)


def test_a_file_cut_in_half_is_told_and_not_a_traceback(tmp_path: Path) -> None:
    fill(tmp_path, 2000)
    path = tmp_path / "log.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 8192 * 4096])
    with pytest.raises(LogDamaged, match="restore it from a backup"):
        open_log(tmp_path)


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


# Arrow, in a process of its own

ARROW = """
import sys
from pathlib import Path
from orchestrion.eventstore import sqlite_arrow
import duckdb
with sqlite_arrow(Path(sys.argv[1])) as source:
    stream = source.arrow(int(sys.argv[2]), int(sys.argv[3]))
    rows = duckdb.sql("SELECT *, typeof(position) || typeof(version) || typeof(state) FROM stream").fetchall()
    del stream
print(source.identity, rows)
assert not {"sqlite3", "eventsourcing"} & set(sys.modules), "the builder must open the log by nothing else"
"""


def arrow(home: Path, after: int, upto: int) -> str:
    command = [sys.executable, "-c", ARROW, str(home), str(after), str(upto)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("open_meanwhile", [False, True])
def test_the_log_streams_as_arrow(tmp_path: Path, open_meanwhile: bool) -> None:
    log = open_log(tmp_path)
    log.observe([witnessed(called(number, "é")) for number in range(1, 6)])
    identity, row = log.identity, log.rows(after=3, limit=1)[0]
    if not open_meanwhile:
        log.close()
    said = arrow(tmp_path, 3, 4)
    log.close()
    log.close()
    assert said == f"{identity} {[(*row[:5], row[5].decode(), 'BIGINTBIGINTVARCHAR')]}\n"


def test_a_process_that_has_the_log_open_cannot_open_it_by_another_sqlite(tmp_path: Path) -> None:
    fill(tmp_path)
    script = """if True:
        import sys
        from pathlib import Path
        from orchestrion.domain.errors import LogUnavailable
        from orchestrion.eventstore import open_log, sqlite_arrow
        home = Path(sys.argv[1])
        for first, second in ((open_log, sqlite_arrow), (sqlite_arrow, open_log)):
            with first(home):
                try:
                    second(home)
                except LogUnavailable as error:
                    assert "in this process by" in str(error), error
                else:
                    sys.exit("two SQLites hold one log")
    """
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)


def test_arrow_of_no_log_or_no_database_is_a_sentence(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from orchestrion.eventstore import sqlite_arrow\n"
        "from orchestrion.domain.errors import OrchestrionError\n"
        "try: sqlite_arrow(Path(sys.argv[1]))\nexcept OrchestrionError as error: print(type(error).__name__)"
    )
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "log.db").write_bytes(b"no database " * 100)
    fill(tmp_path / "c")
    with tampering(tmp_path / "c") as db:
        db.execute("UPDATE log_meta SET value = '7' WHERE key = 'format'")
    said = [
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True, capture_output=True, text=True)
        for name in "abc"
    ]
    assert [one.stdout.strip() for one in said] == ["NotFound", "LogUnavailable", "LogTooNew"]
