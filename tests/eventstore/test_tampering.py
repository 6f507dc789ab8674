"""The database refuses changes, and what somebody changes all the same is found: rows, blobs, tails and checkpoints."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import LogDamaged
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log


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


@pytest.mark.parametrize("content", [None, b"", b"rubbish" * 50, b"00000000"])
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
