"""Appending much in the background: in a thread or in a process of its own, the log is the same."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import LogReplaced, LogUnavailable
from orchestrion.domain.ports import Bulk
from orchestrion.domain.record import Committed
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog, SQLiteLog, open_log
from orchestrion.eventstore.bulk import SEPARATE_BYTES, Separate, Threaded, cores
from orchestrion.eventstore.door import Door

SIZES = (0, SEPARATE_BYTES)
MANY_FILES = 1100
two_cores = pytest.mark.skipif(cores() < 2, reason="a process of its own needs a second core")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SQLiteLog]:
    with open_log(tmp_path / "home") as opened:
        yield opened


def call(number: int, result: object = "done") -> e.ToolReturned:
    return e.ToolReturned(source="transcript", session="s", call=f"toolu_{number}", status="ok", result=result)


def commit(bulk: Bulk, numbers: range, blobs: tuple[bytes, ...] = (), result: object = "done") -> "Future[Committed]":
    return bulk.commit([bulk.encode(witnessed(call(number, result))) for number in numbers], blobs)


def bring(log: SQLiteLog | MemoryLog, size: int) -> list[Committed]:
    with log.bulk(size) as bulk:
        first = commit(bulk, range(5), (b"block one", b"", b"block two"))
        again = commit(bulk, range(3, 8), result="x" * 10_000)
        last = commit(bulk, range(20, 24), (b"block one",))
        return [first.result(), again.result(), last.result()]


@two_cores
def test_much_is_appended_by_a_process_of_its_own_and_little_by_a_thread(log: SQLiteLog) -> None:
    with log.bulk(0) as little, log.bulk(SEPARATE_BYTES) as much:
        assert (type(little), type(much)) == (Threaded, Separate)


@pytest.mark.parametrize("size", SIZES)
def test_both_ways_answer_and_store_what_the_log_in_memory_does(log: SQLiteLog, size: int) -> None:
    memory = MemoryLog()
    assert bring(log, size) == bring(memory, size)
    assert [row[:4] + row[5:] for row in log.rows(after=0, limit=99)] == [
        row[:4] + row[5:] for row in memory.rows(after=0, limit=99)
    ]
    assert log.verify().ok


NESTED: list[Any] = []
for _ in range(300):
    NESTED = [NESTED]

MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLEAN: dict[str, Any] = {
    "plain": {"a": [1, None, True, 2.5, "täxt"]},
    "large text": "x" * 10_000,
    "large structure": [{"line": number, "text": "y" * 20} for number in range(500)],
    "NUL": {"said": "a\0b"},
    "nested too deeply": NESTED,
    "beyond 64 bits": 2**70,
    "no JSON": {"at": MOMENT},
    "a model": {"ref": e.BodyRef(hash="0" * 64, size=3)},
}
"""Results as an importer hands them over: redacted already, and now and then not what JSON can say."""


@pytest.mark.parametrize("result", CLEAN.values(), ids=CLEAN)
def test_the_other_process_encodes_what_is_clean_as_this_one_would(log: SQLiteLog, result: object) -> None:
    memory = MemoryLog()
    told = e.ToolReturned.trusted(
        source="transcript", session="s", call="toolu_1", status="ok", result=result, happened_at=MOMENT
    )
    for way in (memory.bulk(0), Separate(log.path, log.identity, Door(None))):
        with way as bulk:
            facts = [witnessed(call(0)), witnessed(told)]
            assert bulk.commit([bulk.encode(fact, clean=True) for fact in facts], ()).result() == Committed(appended=2)
    rows, expected = (list(each.rows(after=0, limit=9)) for each in (log, memory))
    assert [row[5] for row in rows] == [row[5] for row in expected]
    for name in orjson.loads(rows[1][5]).get("bodies", {}).values():
        assert log.blob(name["hash"]) == memory.blob(name["hash"])
    assert log.verify().ok


@pytest.mark.parametrize("size", SIZES)
def test_what_was_begun_is_committed_even_if_its_maker_fails(log: SQLiteLog, size: int) -> None:
    def failing() -> None:
        with log.bulk(size) as bulk:
            commit(bulk, range(4)).result()
            commit(bulk, range(4, 8))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert log.head() in (4, 8)
    assert log.verify().ok


@two_cores
def test_a_writer_that_is_killed_is_told_and_what_it_acknowledged_is_kept(log: SQLiteLog) -> None:
    with log.bulk(SEPARATE_BYTES) as bulk:
        assert isinstance(bulk, Separate)
        assert commit(bulk, range(6)).result().appended == 6
        os.kill(bulk.pid, signal.SIGKILL)
        with pytest.raises(LogUnavailable, match=r"has ended .*do the same again"):
            commit(bulk, range(6, 9)).result()
    with log.bulk(SEPARATE_BYTES) as again:
        assert [commit(again, range(9)).result()] == [Committed(appended=3, duplicates=6)]
    assert log.verify().ok


def test_a_refusal_in_the_other_process_is_the_same_refusal_here(log: SQLiteLog) -> None:
    with Separate(log.path, "another log", Door(None)) as bulk, pytest.raises(LogReplaced, match="was replaced"):
        commit(bulk, range(2)).result()


def test_the_process_that_writes_begins_without_the_kinds_of_events() -> None:
    code = "import sys, orchestrion.eventstore.bulk_writer; print({'pydantic', 're2', 'duckdb'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"


@two_cores
def test_it_ends_where_a_thousand_files_are_open(log: SQLiteLog) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = MANY_FILES * 2 if hard == resource.RLIM_INFINITY else min(hard, MANY_FILES * 2)
    if many < MANY_FILES * 2:
        pytest.skip(f"this machine allows {hard} open files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, many), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(MANY_FILES)]
    try:
        with log.bulk(SEPARATE_BYTES) as bulk:
            assert commit(bulk, range(3)).result().appended == 3
    finally:
        for fd in opened:
            os.close(fd)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
