"""Other processes append; this one reads beside them, wakes at once, and nothing acknowledged is lost."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import LogUnavailable, QueryRefused
from orchestrion.domain.ports import Log
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import Proof, Store, prove
from orchestrion.projections import store as store_module
from orchestrion.projections.models import keyed_models
from orchestrion.projections.reads import read_by

WRITER = """
import sys
from pathlib import Path
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
log = open_log(Path(sys.argv[1]))
for line in sys.stdin:
    call = line.strip()
    log.observe([witnessed(e.ToolCalled(source="hook", session="s", run="s/main", call=call, tool="Read"))])
    print(call, flush=True)
"""
BUILDER = """
import sys
from pathlib import Path
from orchestrion.eventstore import sqlite_arrow
from orchestrion.projections import build_snapshot
with sqlite_arrow(Path(sys.argv[1])) as source:
    build_snapshot(source, Path(sys.argv[1]) / "projections")
"""


def call(name: str) -> e.ToolCalled:
    return e.ToolCalled(source="hook", session="s", run="s/main", call=name, tool="Read")


def build(home: Path) -> None:
    subprocess.run([sys.executable, "-c", BUILDER, str(home)], check=True)


class Writer:
    """Another process that appends one event a line and acknowledges each."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def append(self, name: str) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(name + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline().strip() == name

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    open_log(tmp_path / "home").close()
    return tmp_path / "home"


@pytest.fixture
def writer(home: Path) -> Iterator[Writer]:
    started = Writer(home)
    yield started
    if started.process.poll() is None:
        started.kill()


def test_two_readers_see_what_a_third_process_appends(home: Path, writer: Writer) -> None:
    log, other = open_log(home), open_log(home)
    with Store(log, home / "projections") as one, Store(other, home / "projections") as two:
        assert one.catch_up() == two.catch_up() == 0
        for count in range(1, 6):
            writer.append(f"c{count}")
            for reader in (one, two):
                assert reader.follow(5.0)
                assert reader.query("SELECT count(*) FROM tool_calls").rows == [(count,)]
        assert not one.follow(0.01)
    log.close()
    other.close()


def test_a_follower_wakes_long_before_its_time_is_up(home: Path, writer: Writer) -> None:
    log = open_log(home)
    with Store(log, home / "projections") as store:
        store.catch_up()
        writer.append("c1")
        started = time.monotonic()
        assert store.follow(30.0)
        assert time.monotonic() - started < 5.0
    log.close()


def test_closing_waits_for_what_is_being_taken_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log, read, told = open_log(home), threading.Event(), list[BaseException]()
    log.observe([witnessed(call(f"c{number}")) for number in range(5_000)])
    rows = log.rows

    def and_say_so(**which: int) -> Any:
        found = rows(**which)
        read.set()
        return found

    def taking_in() -> None:
        try:
            store.catch_up()
        except BaseException as error:
            told.append(error)

    monkeypatch.setattr(log, "rows", and_say_so)
    store = Store(log, home / "projections")
    other = threading.Thread(target=taking_in)
    other.start()
    assert read.wait(10)
    store.close()
    other.join()
    assert told == []
    log.close()


def test_closing_does_not_wait_until_a_long_log_is_taken_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "BATCH_EVENTS", 1)
    log, read, on, told = open_log(home), threading.Event(), threading.Event(), list[BaseException]()
    log.observe([witnessed(call(f"c{i}")) for i in range(3)])
    rows, asked = log.rows, list[int]()

    def and_wait(**which: int) -> Any:
        asked.append(which["after"])
        read.set()
        assert on.wait(60)
        return rows(**which)

    def taking_in() -> None:
        try:
            store.catch_up()
        except LogUnavailable as error:
            told.append(error)

    monkeypatch.setattr(log, "rows", and_wait)
    store = Store(log, home / "projections")
    threads = [threading.Thread(target=taking_in), threading.Thread(target=store.close)]
    threads[0].start()
    assert read.wait(60)
    threads[1].start()
    while not store._closed:
        time.sleep(0.001)
    on.set()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert (asked, len(told)) == ([0], 1)
    with pytest.raises(LogUnavailable, match="closed"):
        store.query("SELECT 1")
    with pytest.raises(LogUnavailable, match="closed"):
        store.catch_up()
    log.close()


ENDLESS = "SELECT count(*), (SELECT count(*) FROM tool_calls) FROM range(1000000000000) AS r(i) WHERE i % 7 = 3"


@pytest.fixture
def asked_without_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Log, Store, list[str]]]:
    """A store that somebody asks what takes for ever, and what he is told; it looks for a snapshot at each catch-up."""
    monkeypatch.setattr(store_module, "SNAPSHOT_EVENTS", 1)
    log, asking, told = open_log(home), threading.Event(), list[str]()
    log.observe([witnessed(call("c1")), witnessed(call("c2"))])
    store = Store(log, home / "projections", build=lambda: None)
    store.catch_up()
    renewed = store._renewed

    def and_say_so(*given: Any) -> Any:
        asking.set()
        return renewed(*given)

    def asked() -> None:
        try:
            store.query(ENDLESS)
        except QueryRefused as error:
            told.append(str(error))

    monkeypatch.setattr(store, "_renewed", and_say_so)
    other = threading.Thread(target=asked)
    other.start()
    assert asking.wait(10)
    yield log, store, told
    store.close()
    other.join(60)
    assert not other.is_alive()
    log.close()


def test_closing_breaks_off_what_is_asked(asked_without_end: tuple[Log, Store, list[str]]) -> None:
    _, store, told = asked_without_end
    store.close()
    assert len(told) == 1


def test_a_newer_snapshot_is_taken_while_somebody_asks_the_older_one(
    asked_without_end: tuple[Log, Store, list[str]],
) -> None:
    log, store, told = asked_without_end
    log.observe([witnessed(call(f"d{number}")) for number in range(5)])
    assert store.catch_up() == 7
    assert store.query("SELECT count(*) FROM tool_calls").rows == [(7,)]
    assert told == []


def test_an_answer_on_its_way_holds_nobody_up_and_is_of_the_position_it_was_asked_at(home: Path) -> None:
    log = open_log(home)
    both = "SELECT (SELECT count(*) FROM events), (SELECT count(*) FROM tool_calls)"
    with Store(log, home / "projections") as store:
        log.observe([witnessed(call("c1"))])
        store.catch_up()
        with store.cursor(both) as asking:
            log.observe([witnessed(call("c2"))])
            found: list[Any] = []
            news = "SELECT count(*) FROM events"
            other = threading.Thread(target=lambda: found.extend([store.catch_up(), store.query(news).rows]))
            other.start()
            other.join(30.0)
            assert found == [2, [(2,)]]
            assert asking.execute(both).fetchall() == [(1, 1)]
        assert store.query(both).rows == [(2, 2)]
    log.close()


def test_append_replay_append_and_kill_loses_nothing(home: Path, writer: Writer) -> None:
    for name in ("c1", "c2"):
        writer.append(name)
    build(home)
    log = open_log(home)
    with Store(log, home / "projections") as store:
        assert store.query("SELECT count(*) FROM tool_calls").rows == [(2,)]
        for name in ("c3", "c4", "c5"):
            writer.append(name)
        build(home)
        writer.kill()
        store.catch_up()
        assert store.query("SELECT list(call ORDER BY call) FROM tool_calls").rows == [
            (["c1", "c2", "c3", "c4", "c5"],)
        ]
    assert log.verify().ok
    log.close()


def test_the_process_that_appends_replays_and_appends_again_loses_nothing_when_killed(home: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
sys.argv = ["", sys.argv[1], sys.argv[2]]
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import Store
import subprocess
home = Path(sys.argv[1])
log = open_log(home)
def add(name):
    log.observe([witnessed(e.ToolCalled(source="hook", session="s", call=name, tool="Read"))])
add("c1")
def build():
    subprocess.run([sys.executable, "-c", sys.argv[2], str(home)], check=True)
store = Store(log, home / "projections", build=build)
store.catch_up(); store._build()
add("c2"); store.catch_up(); add("c3"); add("c4"); add("c5")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code, str(home), BUILDER], check=False)
    assert done.returncode == -signal.SIGKILL
    log = open_log(home)
    assert log.head() == 5
    assert log.verify().ok
    with Store(log, home / "projections") as store:
        assert store.query("SELECT count(*) FROM tool_calls").rows == [(5,)]
    log.close()


def test_the_proof_holds_over_snapshot_and_tail_and_gives_the_same_hashes_twice(home: Path) -> None:
    log = open_log(home)
    log.observe([witnessed(call(f"c{i}")) for i in range(50)])
    build(home)
    log.observe([witnessed(call(f"d{i}")) for i in range(5)])
    first, second = prove(log, home / "projections"), prove(log, home / "projections")
    assert first == second
    assert (first.ok, first.position, first.tables["tool_calls"].split(":")[0]) == (True, 55, "55")
    log.close()


def test_a_table_that_is_not_what_the_log_says_fails_the_proof(home: Path) -> None:
    import duckdb

    log = open_log(home)
    log.observe([witnessed(call(f"c{i}")) for i in range(5)])
    build(home)
    [path] = (home / "projections").glob("g-*")
    with duckdb.connect(str(path)) as con:
        con.execute("UPDATE own.calls SET tool = 'Bash' WHERE call = 'c3'")
    proof: Any = prove(log, home / "projections")
    assert isinstance(proof, Proof)
    assert not proof.ok
    assert set(proof.differing) == {"calls", "call_spans", "tool_calls", "tool_stats"}
    log.close()


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT kind FROM events WHERE session = ? AND kind = ? LIMIT ?", set()),
        ("SELECT tool FROM tool_calls WHERE session = $session", {"calls", "runs"}),
        ("WITH mine AS (FROM messages WHERE session = $s) SELECT count(*) FROM mine", {"messages"}),
    ],
)
def test_a_question_with_parameters_brings_up_to_date_only_what_it_reads(
    tmp_path: Path, sql: str, reads: set[str]
) -> None:
    with open_log(tmp_path) as log, Store(log, tmp_path / "projections") as store:
        store.catch_up()
        with store.cursor(sql) as cursor:
            found = read_by(cursor, sql)
    assert found is not None
    assert found & {model.name for model in keyed_models()} == reads


@pytest.mark.parametrize("all_of_it", [Store.refresh, Store.hashes])
def test_who_waits_for_his_turn_to_write_does_not_hold_the_store_meanwhile(tmp_path: Path, all_of_it: Any) -> None:
    with open_log(tmp_path) as log, Store(log, tmp_path / "projections") as store:
        store.catch_up()
        assert store._tables is not None
        waiting = threading.Thread(target=all_of_it, args=[store])
        with store._tables.renewal.turn:
            waiting.start()
            for _ in range(20):
                assert store._lock.acquire(timeout=5), "who asks has the turn and needs the lock: neither would go on"
                store._lock.release()
                time.sleep(0.01)
        waiting.join(30)
        assert not waiting.is_alive()
