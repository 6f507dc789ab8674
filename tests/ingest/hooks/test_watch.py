"""Sessions that grow while they are watched: each line once, and in the end what an import of the whole would give."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.record import Record
from orchestrion.eventstore import SQLiteLog, open_log, secret_redactor
from orchestrion.ingest import import_paths
from orchestrion.ingest.watch import SWEEP_SECONDS, Looked, Watch, usual_places

SESSION = "0b8c1f9e-2222-4333-8444-955566677788"


class Clock:
    """A clock that this test winds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def line(number: int, session: str = SESSION) -> bytes:
    """A line of a session of our own: calls, their returns and texts by turns."""
    block: dict[str, Any] = [
        {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": f"echo {number}"}},
        {"type": "tool_result", "tool_use_id": f"toolu_{number - 1}", "content": "ok"},
        {"type": "text", "text": f"done {number}"},
    ][number % 3]
    kind = "user" if block["type"] == "tool_result" else "assistant"
    told = {
        "type": kind, "uuid": f"u{number}", "sessionId": session, "cwd": "/home/ann/shop", "version": "2.1.100",
        "timestamp": f"2026-03-01T12:{number // 60:02d}:{number % 60:02d}.000Z",
        "message": {"role": kind, "id": f"m{number}", "model": "x", "content": [block]},
    }  # fmt: skip
    return json.dumps(told).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SQLiteLog]:
    with open_log(tmp_path / "home") as opened:
        yield opened


class Watched:
    """A folder under watch, with a clock of its own; a day passes between two sweeps if the test says so."""

    def __init__(self, log: SQLiteLog, home: Path, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.clock, self.folder = Clock(), folder
        redactor = secret_redactor(home, os.environ)
        self.watch = Watch(log, redactor, [("claude-code", folder)], home / "watch.json", clock=self.clock)

    def look(self, after: float = SWEEP_SECONDS) -> Looked:
        self.clock.now += after
        return self.watch.look()


@pytest.fixture
def watched(log: SQLiteLog, tmp_path: Path) -> Watched:
    return Watched(log, tmp_path / "home", tmp_path / "sessions")


def facts(log: SQLiteLog) -> dict[tuple[str, int], Any]:
    """All facts but the ledgers, by their place."""
    records = [r for r in log.read() if isinstance(r, Record) and r.event.kind != "import.completed"]
    assert len({(r.stream, r.version) for r in records}) == len(records)
    return {(r.stream, r.version): r.event for r in records}


def imported(tmp_path: Path, file: Path) -> dict[tuple[str, int], Any]:
    """What an import of `file` into a log of its own gives."""
    home = tmp_path / "other"
    with open_log(home) as log:
        import_paths(log, secret_redactor(home, os.environ), "claude-code", [file])
        return facts(log)


def ledgers(log: SQLiteLog) -> list[Any]:
    return [r.event for r in log.read() if isinstance(r, Record) and r.event.kind == "import.completed"]


def test_a_growing_file_is_followed_line_by_line_and_gets_its_ledger_when_it_rests(
    log: SQLiteLog, watched: Watched, tmp_path: Path
) -> None:
    file = watched.folder / f"{SESSION}.jsonl"
    for number in range(12):
        with file.open("ab") as stream:
            stream.write(line(number))
        assert watched.look(1 if number else SWEEP_SECONDS).appended > 0
        assert watched.look(1).appended == 0
    assert facts(log) == imported(tmp_path, file)
    assert ledgers(log) == []
    assert watched.look(60).settled == 1
    (ledger,) = ledgers(log)
    assert (ledger.lines, ledger.recorded) == (12, 12)
    assert watched.look() == Looked()


def test_half_a_line_waits_for_its_end(log: SQLiteLog, watched: Watched, tmp_path: Path) -> None:
    file = watched.folder / f"{SESSION}.jsonl"
    whole = line(0) + line(1)
    for cut in (len(line(0)) + 10, len(whole) - 1, len(whole)):
        file.write_bytes(whole[:cut]) if not file.exists() else os.truncate(file, 0) or file.write_bytes(whole[:cut])
        watched.look(1 if cut > len(line(0)) + 10 else SWEEP_SECONDS)
    assert facts(log) == imported(tmp_path, file)


def test_a_file_that_shrinks_or_is_replaced_is_read_anew(log: SQLiteLog, watched: Watched) -> None:
    file = watched.folder / f"{SESSION}.jsonl"
    file.write_bytes(line(0) + line(1) + line(2))
    watched.look()
    file.write_bytes(line(0))
    watched.look(1)
    other = watched.folder / "new"
    other.write_bytes(b"".join(line(n, "another") for n in range(6)))
    other.replace(file)
    assert watched.look(1).appended > 0
    sessions = {event.session for event in facts(log).values()}
    assert sessions == {SESSION, "another"}


def test_files_that_rest_are_not_read_again_after_a_start(log: SQLiteLog, watched: Watched, tmp_path: Path) -> None:
    file = watched.folder / "deep" / f"{SESSION}.jsonl"
    file.parent.mkdir()
    file.write_bytes(line(0))
    os.utime(file, (1, 1))
    assert watched.look().settled == 1
    again = Watched(log, tmp_path / "home", watched.folder)
    assert again.look() == Looked()
    with file.open("ab") as stream:
        stream.write(line(1))
    assert again.look().appended > 0


def test_a_lost_or_damaged_memory_doubles_nothing(log: SQLiteLog, watched: Watched, tmp_path: Path) -> None:
    file = watched.folder / f"{SESSION}.jsonl"
    file.write_bytes(line(0) + line(1))
    os.utime(file, (1, 1))
    watched.look()
    head = log.head()
    for damage in (b"", b"{", b'{"version": 1, "resting": {"x": [1]}}', b"[]", b'{"version": 99}'):
        (tmp_path / "home" / "watch.json").write_bytes(damage)
        assert Watched(log, tmp_path / "home", watched.folder).look().appended == 0
    assert log.head() == head


def test_when_the_log_cannot_be_written_nothing_is_passed_over(
    log: SQLiteLog, watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = watched.folder / f"{SESSION}.jsonl"
    file.write_bytes(line(0))
    watched.look()
    with file.open("ab") as stream:
        stream.write(line(1) + line(2))

    def failing(*_: Any, **__: Any) -> Any:
        raise LogUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(log, "observe", failing)
        with pytest.raises(LogUnavailable):
            watched.look(1)
    watched.look()
    assert facts(log) == imported(tmp_path, file)


def _killed_at_random(tmp_path: Path, times: int) -> None:
    """Kill the shipped collector while a file grows, again and again; then let it catch up."""
    home, folder = tmp_path / "home", tmp_path / "sessions"
    folder.mkdir()
    file = folder / f"{SESSION}.jsonl"
    file.write_bytes(b"")
    command = [sys.executable, "-c", "from orchestrion.cli.main import main; main()"]
    command += ["collect", str(folder), "--watch", "--no-listen", "--home", str(home)]
    chance = random.Random(3)  # noqa: S311  moments to kill at
    number = 0
    for _ in range(times):
        with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            process.stderr.readline()  # it watches
            deadline = time.monotonic() + chance.uniform(0.1, 1.2)
            while time.monotonic() < deadline:
                with file.open("ab") as stream:
                    stream.write(line(number))
                number += 1
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
    with file.open("ab") as stream:
        stream.write(line(number))  # so that there is something to catch up with
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()
        said = process.stderr.readline()  # what it caught up with
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert b"Stopped" in said + process.stderr.read()
    with open_log(home) as log:
        assert facts(log) == imported(tmp_path, file)
        assert log.verify().ok


def test_a_collector_killed_at_random_goes_on_where_the_log_stands(tmp_path: Path) -> None:
    _killed_at_random(tmp_path, 3)


@pytest.mark.slow
def test_a_collector_killed_fifty_times_goes_on_where_the_log_stands(tmp_path: Path) -> None:
    _killed_at_random(tmp_path, 50)


def until(settled: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that other processes bring about."""
    deadline = time.monotonic() + seconds
    while not settled():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.1)


def test_two_collectors_at_once_double_nothing_and_take_subagents_forks_and_compaction(tmp_path: Path) -> None:
    """Two shipped collectors watch one folder while a session grows, spawns, is compacted and is forked."""
    folder, home = tmp_path / "sessions", tmp_path / "home"
    folder.mkdir()
    trunk, fork = folder / f"{SESSION}.jsonl", folder / "0b8c1f9e-3333.jsonl"
    agent = folder / SESSION / "subagents" / "agent-a1.jsonl"
    agent.parent.mkdir(parents=True)
    command = [sys.executable, "-c", "from orchestrion.cli.main import main; main()"]
    command += ["collect", str(folder), "--watch", "--no-listen", "--home", str(home)]

    def grown(path: Path, *lines: bytes) -> None:
        for each in lines:
            with path.open("ab") as stream:
                stream.write(each)
            time.sleep(0.03)

    def told(number: int, **more: Any) -> bytes:
        return json.dumps({**json.loads(line(number)), **more}).encode() + b"\n"

    trunk.touch()
    both = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
    for each in both:
        assert each.stderr is not None
        each.stderr.readline()
    grown(trunk, *map(line, range(9)))
    grown(agent, *(told(n, agentId="a1", isSidechain=True, uuid=f"a{n}") for n in range(30, 36)))
    boundary = {"type": "system", "subtype": "compact_boundary", "uuid": "c1", "content": "Conversation compacted"}
    grown(trunk, told(9, **boundary), *map(line, range(10, 20)))
    again = [told(n, sessionId="0b8c1f9e-3333") for n in range(9)]
    grown(fork, *again, *(told(n, sessionId="0b8c1f9e-3333", uuid=f"f{n}") for n in range(40, 46)))
    expected = open_log(tmp_path / "expected")
    import_paths(expected, secret_redactor(tmp_path / "expected", os.environ), "claude-code", [folder])
    with open_log(home) as log:
        wanted = {place for place, event in facts(expected).items() if event.kind != "session.forked"}
        until(lambda: wanted <= facts(log).keys())
    for each in both:
        each.send_signal(signal.SIGTERM)
        each.communicate(timeout=60)
        assert each.returncode == 0
    with open_log(home) as log:
        import_paths(log, secret_redactor(home, os.environ), "claude-code", [folder])  # what rests gets its ledger
        assert facts(log) == facts(expected)
        assert any(event.kind == "session.forked" for event in facts(log).values())
        assert any(getattr(event, "type", "") == "compaction" for event in facts(log).values())
        assert all(ledger.conflicts == 0 for ledger in ledgers(log))
        assert log.verify().ok
    expected.close()


def test_a_document_is_taken_whenever_it_was_left_alone_for_a_moment(log: SQLiteLog, tmp_path: Path) -> None:
    sample = json.loads((Path(__file__).parents[1] / "formats" / "samples" / "gemini.json").read_text())
    folder, clock = tmp_path / "tmp", Clock()
    (folder / "shop" / "chats").mkdir(parents=True)
    file = folder / "shop" / "chats" / "session.json"
    redactor = secret_redactor(tmp_path / "home", os.environ)
    watch = Watch(log, redactor, [("gemini", folder)], tmp_path / "home" / "watch.json", clock=clock)
    for cut in (1, len(sample["messages"])):
        file.write_text(json.dumps({**sample, "messages": sample["messages"][:cut]}))
        clock.now += SWEEP_SECONDS
        assert watch.look().settled == 0  # it may still be written
        os.utime(file, (time.time() - 10,) * 2)
        clock.now += SWEEP_SECONDS
        assert watch.look().settled == 1
        clock.now += SWEEP_SECONDS
        assert watch.look() == Looked()
    other = open_log(tmp_path / "other")
    import_paths(other, secret_redactor(tmp_path / "other", os.environ), "gemini", [file])
    assert facts(log) == facts(other)
    other.close()


def test_a_thousand_files_that_rest_cost_less_than_a_hundredth_of_a_core(log: SQLiteLog, watched: Watched) -> None:
    for number in range(1000):
        file = watched.folder / f"project-{number % 50}" / f"{number}.jsonl"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"")
        os.utime(file, (1, 1))
    watched.look()
    before = resource.getrusage(resource.RUSAGE_SELF)
    for _ in range(20):
        for _ in range(10):
            watched.look(SWEEP_SECONDS / 10)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used / (20 * SWEEP_SECONDS) < 0.01


def test_usual_places_are_where_the_agents_own_variables_say(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "claude"))
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    places = dict(usual_places())
    assert places["claude-code"] == tmp_path / "claude" / "projects"
    assert places["claude-teams"] == tmp_path / "claude" / "teams"
    assert places["codex"] == tmp_path / "codex" / "sessions"
    assert places["gemini"] == Path("~/.gemini/tmp").expanduser()
