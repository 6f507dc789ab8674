"""Real processes that write, die, run out of disk or stand in each other's way: nothing acknowledged is ever lost.

The default suite runs these small; `pytest -m slow tests/faults` runs them whole.
"""

import contextlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.record import Record
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import checkpoint, open_log

WRITER = Path(__file__).parent / "log_writer.py"
FULL_SIZES = [pytest.param(8, 500, marks=pytest.mark.slow, id="whole"), pytest.param(4, 40, id="small")]
KILLS = [pytest.param(50, marks=pytest.mark.slow, id="whole"), pytest.param(5, id="small")]


def writer(home: Path, worker: str, first: int, last: int) -> "subprocess.Popen[str]":
    command = [sys.executable, str(WRITER), str(home), worker, str(first), str(last)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finished(process: "subprocess.Popen[str]") -> set[str]:
    """What the writer was told is stored; the last line may be half printed, which is not yet told."""
    out, error = process.communicate(timeout=240)
    assert process.returncode in (0, -signal.SIGKILL), error
    return set(out[: out.rfind("\n") + 1].split())


def calls(home: Path) -> Counter[str]:
    with open_log(home) as log:
        answer = log.verify()
        assert answer.ok, answer.problems
        found = Counter(r.event.call for r in log.read() if isinstance(r, Record) and isinstance(r.event, e.ToolCalled))
        assert found.total() == log.head() == answer.position
        return found


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(("processes", "appends"), FULL_SIZES)
def test_many_processes_appending_at_once_lose_nothing_and_double_nothing(
    tmp_path: Path, processes: int, appends: int
) -> None:
    started = [writer(tmp_path, f"w{number}", 1, appends) for number in range(processes)]
    acknowledged = set().union(*(finished(process) for process in started))
    assert len(acknowledged) == processes * appends
    found = calls(tmp_path)
    assert set(found) == acknowledged | {f"shared-{number}" for number in range(1, appends + 1)}
    assert set(found.values()) == {1}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kills", KILLS)
def test_writers_killed_at_random_lose_nothing_acknowledged_and_their_retries_double_nothing(
    tmp_path: Path, kills: int
) -> None:
    chance = random.Random(kills)  # noqa: S311 - repeatable chance is meant
    acknowledged: set[str] = set()
    appends = 60
    for number in range(kills):
        one, other = writer(tmp_path, f"a{number}", 1, appends), writer(tmp_path, f"b{number}", 1, appends)
        assert one.stdout is not None
        first = one.stdout.readline()  # it is at work; now anything may be cut
        time.sleep(chance.uniform(0, 0.05))
        one.kill()
        acknowledged |= finished(one) | {first.strip()} | finished(other)
        # As after any crash the work is done again from its beginning.
        acknowledged |= finished(writer(tmp_path, f"a{number}", 1, appends)) if number % 5 == 0 else set()
    found = calls(tmp_path)
    assert acknowledged <= set(found)
    assert set(found.values()) == {1}


REPLAY = """
import sys
from pathlib import Path
from orchestrion.eventstore import sqlite_arrow
import duckdb
with sqlite_arrow(Path(sys.argv[1])) as source:
    stream = source.arrow(0)
    print(duckdb.sql("SELECT count(*) FROM stream").fetchall()[0][0])
    del stream
"""

APPENDS = """
import os, signal, subprocess, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from log_writer import fact
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
home = Path(sys.argv[1])
log = open_log(home)
log.observe([witnessed(fact("before", 1))])
counted = subprocess.run([sys.executable, "-c", sys.argv[3], str(home)], check=True, capture_output=True, text=True)
assert counted.stdout == "1\\n", counted
for number in range(1, 5):
    assert log.observe([witnessed(fact("after", number))]).positions
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_append_replay_append_kill_loses_nothing(tmp_path: Path) -> None:
    for round_ in range(3):
        home = tmp_path / str(round_)
        command = [sys.executable, "-c", APPENDS, str(home), str(WRITER.parent), REPLAY]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
        assert set(calls(home)) == {"before-1", "after-1", "after-2", "after-3", "after-4"}


def test_two_processes_with_the_same_fact_store_it_once(tmp_path: Path) -> None:
    both = [writer(tmp_path, "same", 1, 30), writer(tmp_path, "same", 1, 30)]
    assert finished(both[0]) == finished(both[1])
    assert calls(tmp_path) == Counter({f"{who}-{n}": 1 for who in ("same", "shared") for n in range(1, 31)})


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from log_writer import fact
from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
log = open_log(Path(sys.argv[1]))
if sys.argv[3] != "0":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
stored, refused = 0, None
for number in range(1, 4001):
    try:
        log.observe([witnessed(fact("full", number))])
        stored = number
    except LogUnavailable as error:
        refused = error
        break
print(stored, refused, sep="|")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert log.verify().ok and log.head() == stored
if sys.argv[3] != "0":
    assert log.observe([witnessed(fact("full", stored + 1))]).positions == (stored + 1,)
"""


def fills_up(home: Path, limit: int) -> int:
    command = [sys.executable, "-c", FULL, str(home), str(WRITER.parent), str(limit)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    stored, refused = done.stdout.strip().split("|")
    assert "the disk" in refused, refused
    return int(stored)


def test_a_file_that_may_not_grow_refuses_the_append_and_goes_on_when_it_may(tmp_path: Path) -> None:
    stored = fills_up(tmp_path, 300_000)
    assert stored > 0
    assert calls(tmp_path).total() == stored + 1


def test_a_full_disk_refuses_the_append_and_loses_nothing(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    mounted = subprocess.run(mount, check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("a small file system can only be mounted by root")
    try:
        stored = fills_up(small / "home", 0)
        assert stored > 0
        with open_log(small / "home") as log:
            assert log.verify().ok
            assert log.head() == stored
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_writer_that_hangs_with_the_lock_is_told_after_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "LOCK_SECONDS", 0.2)
    hanging = checkpoint.Checkpoint(tmp_path / "log.checkpoint")
    with open_log(tmp_path) as log:
        with hanging.locked(), pytest.raises(LogUnavailable, match="has held the log's lock"):
            log.observe([witnessed(e.SessionStarted(source="user", session="a", product="p"))])
        log.observe([witnessed(e.SessionStarted(source="user", session="a", product="p"))])
        assert log.head() == 1
    hanging.close()


def test_a_follower_wakes_when_another_process_appends(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        process = writer(tmp_path, "w", 1, 1)
        assert log.wait(0, 60)
        finished(process)
        assert log.head() == 2


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def test_a_follower_of_a_quiet_log_hardly_uses_the_processor(tmp_path: Path) -> None:
    with open_log(tmp_path) as log:
        log.wait(0, 0.1)
        before = cpu_seconds()
        assert not log.wait(0, 2)
        assert cpu_seconds() - before < 0.02, "an idle follower takes more than 1 % of a core"


def test_a_follower_wakes_even_if_the_writer_died_before_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_log(tmp_path) as log, open_log(tmp_path) as dying:
        recorder: Any = dying._recorder
        monkeypatch.setattr(recorder.checkpoint, "write", lambda seal: None)
        dying.observe([witnessed(e.SessionStarted(source="user", session="a", product="p"))])
        assert log.wait(0, 5)
        assert log.verify().ok


def test_a_killed_first_opener_leaves_a_home_that_opens(tmp_path: Path) -> None:
    for round_ in range(6):
        home = tmp_path / str(round_)
        process = writer(home, "w", 1, 1)
        until = time.monotonic() + 30
        while not home.exists() and time.monotonic() < until and process.poll() is None:
            time.sleep(0.001)
        time.sleep(round_ * 0.002)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        acknowledged = finished(process)
        assert acknowledged <= set(calls(home))
