"""A long import that is killed at any moment, or stopped: doing it again ends where one go would have ended."""

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrion.eventstore import open_log
from orchestrion.eventstore.bulk import SEPARATE_BYTES, cores

PROGRAM = Path(sys.executable).parent / "orchestrion"
ROUNDS = [pytest.param(12, marks=pytest.mark.slow, id="whole"), pytest.param(1, id="small")]


def transcript(path: Path, size: int) -> Path:
    """A session of about `size` bytes: an answer, a call and its return, again and again."""
    text = "the till adds up and rounds down where a coupon is used twice " * 60
    with path.open("w") as file:
        number = 0
        while file.tell() < size:
            number += 1
            envelope = {
                "sessionId": "long",
                "cwd": "/home/someone/shop",
                "version": "2.1.40",
                "timestamp": stamp(number),
            }
            use = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": text}}
            usage = {"input_tokens": 3, "output_tokens": number}
            message = {"id": f"msg_{number}", "model": "model-a", "usage": usage, "content": [use]}
            back = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": text * 2}
            for kind, said in (("assistant", message), ("user", {"content": [back]})):
                file.write(json.dumps({**envelope, "type": kind, "uuid": f"{kind}-{number}", "message": said}) + "\n")
    return path


def stamp(number: int) -> str:
    return f"2026-03-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"


def start(home: Path, path: Path) -> "subprocess.Popen[str]":
    command = [PROGRAM, "import", "claude-code", path, "--home", home, "--format", "json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def imported(home: Path, path: Path) -> Any:
    out, error = (process := start(home, path)).communicate(timeout=240)
    assert process.returncode == 0, error
    return json.loads(out)


def content(home: Path) -> tuple[list[Any], set[str]]:
    """The log's rows without their places and times, and the names of its blobs."""
    with open_log(home) as log:
        answer = log.verify()
        assert answer.ok, answer.problems
        rows = [(stream, version, kind) for _, stream, version, kind, _, _ in log.rows(after=0, limit=10**6)]
        return sorted(rows), set(log._recorder.blob_names("", 10**6))


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any], set[str]]:
    folder = tmp_path_factory.mktemp("long")
    path = transcript(folder / "long.jsonl", SEPARATE_BYTES + 1)
    imported(folder / "home", path)
    return path, *content(folder / "home")


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_import_ended_at_any_moment_goes_on_where_it_was(
    tmp_path: Path, long: tuple[Path, list[Any], set[str]], rounds: int, how: signal.Signals
) -> None:
    path, rows, blobs = long
    chance = random.Random(rounds)  # noqa: S311 - chance, not secrecy
    for number in range(rounds):
        home = tmp_path / str(number)
        process = start(home, path)
        while not (home / "log.db").exists() and process.poll() is None:
            time.sleep(0.01)  # before that there is nothing to lose
        time.sleep(chance.uniform(0.1, 1.5))
        process.send_signal(how)
        process.communicate(timeout=60)
        if process.returncode == -signal.SIGINT:  # Python, on its way out, has given the signal back: all was done
            assert content(home) == (rows, blobs)
        else:
            assert process.returncode in (0, -signal.SIGKILL, 130)
        imported(home, path)
        assert content(home) == (rows, blobs)


def test_a_killed_import_leaves_no_process_behind(tmp_path: Path, long: tuple[Path, list[Any], set[str]]) -> None:
    process = start(tmp_path, long[0])
    deadline = time.monotonic() + 60
    while not (children := writers(tmp_path)) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=60)
    while writers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert writers(tmp_path) == []
    assert children or cores() < 2


def writers(home: Path) -> list[int]:
    """The processes that write to the log of `home` for another."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"orchestrion.eventstore.bulk_writer" in words and str(home).encode() in words:
            found.append(int(entry.name))
    return found
