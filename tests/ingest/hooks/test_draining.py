"""The spool on its way into the log: in order, once each, whatever happens in between."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.hook import keep
from orchestrion.domain import events as e
from orchestrion.domain.errors import LogUnavailable
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Appended, Fact, Record
from orchestrion.eventstore import MemoryLog, SQLiteLog, open_log
from orchestrion.ingest.hooks import Drained, bad, drain, spooled
from orchestrion.ingest.hooks.spool import LEFTOVER_SECONDS

DRAINER = """
import sys
from pathlib import Path
from orchestrion.eventstore import open_log
from orchestrion.ingest.hooks import drain, draining
draining.BATCH_FILES = 3
home = Path(sys.argv[1])
with open_log(home) as log:
    print("open", flush=True)
    drain(log, home / "spool")
"""


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SQLiteLog]:
    with open_log(tmp_path) as opened:
        yield opened


def arrive(home: Path, payload: Any) -> Path:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Path(keep(str(home / "spool"), raw))


def asked(number: int, **more: Any) -> dict[str, Any]:
    return {
        "session_id": "s1", "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_input": {"command": f"echo {number}"}, "tool_use_id": f"t{number}", **more,
    }  # fmt: skip


def of_kind(log: Log, kind: str) -> list[Any]:
    return [r.event for r in log.read() if isinstance(r, Record) and r.event.kind == kind]


def test_payloads_enter_in_the_order_of_their_arrival_and_their_files_go(tmp_path: Path, log: SQLiteLog) -> None:
    files = [arrive(tmp_path, asked(number)) for number in range(300)]
    assert spooled(tmp_path) == 300
    assert drain(log, tmp_path / "spool") == Drained(payloads=300, events=301)
    assert [call.call for call in of_kind(log, "tool.called")] == [f"t{number}" for number in range(300)]
    assert spooled(tmp_path) == 0
    assert not any(file.exists() for file in files)


def test_without_a_spool_there_is_nothing_to_do(tmp_path: Path, log: SQLiteLog) -> None:
    assert drain(log, tmp_path / "spool") == Drained()


def test_the_time_of_a_fact_is_that_of_its_arrival(tmp_path: Path, log: SQLiteLog) -> None:
    before = time.time()
    arrive(tmp_path, asked(1))
    after = time.time()
    drain(log, tmp_path / "spool")
    (call,) = of_kind(log, "tool.called")
    assert before - 0.001 <= call.happened_at.timestamp() <= after


def test_what_is_no_payload_is_put_aside_and_the_rest_goes_on(tmp_path: Path, log: SQLiteLog) -> None:
    rubbish = [b"", b"{", b"[1]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"a": 1} {"b": 2}']
    for raw in rubbish:
        arrive(tmp_path, raw)
    (tmp_path / "spool" / "notes.txt").write_text("hello")
    arrive(tmp_path, asked(1))
    assert drain(log, tmp_path / "spool") == Drained(payloads=1, events=2, bad=len(rubbish) + 1)
    assert (spooled(tmp_path), bad(tmp_path)) == (0, len(rubbish) + 1)
    assert {path.read_bytes() for path in (tmp_path / "spool" / "bad").iterdir()} == {*rubbish, b"hello"}


def test_strange_values_enter_the_log(tmp_path: Path, log: SQLiteLog) -> None:
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    strange = b'{"session_id":"s\\u0000","hook_event_name":"PreToolUse","tool_use_id":"t\\ud800","tool_name":"B\xff",'
    strange += b'"tool_input":{"a":NaN,"b":123456789012345678901234567890,"c":"\xff\\ud800","d":%s}}'
    arrive(tmp_path, strange % json.dumps(deep).encode())
    assert drain(log, tmp_path / "spool") == Drained(payloads=1, events=2)
    assert log.verify().ok


def test_no_depth_of_nesting_holds_the_spool_up(tmp_path: Path, log: SQLiteLog) -> None:
    depths = [*range(100, 900, 200), *range(900, 1010, 5), 5000]
    for depth in depths:
        deep = b"[" * depth + b"]" * depth
        for number in range(3):  # a call, another content under its key, and calls without an id
            given = b'"tool_use_id":"t%d",' % depth if number < 2 else b""
            said = b'{"session_id":"s1","hook_event_name":"PreToolUse",%s"tool_name":"B%d","tool_input":%s}'
            arrive(tmp_path, said % (given, number, deep))
    drained = drain(log, tmp_path / "spool")
    assert drained.payloads + drained.bad == 3 * len(depths)
    assert drained.payloads > 3 * 10
    assert drained.conflicts > 10
    assert (spooled(tmp_path), bad(tmp_path)) == (0, drained.bad)
    assert log.verify().ok


def test_a_secret_in_a_payload_does_not_reach_the_log(tmp_path: Path) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    arrive(tmp_path, asked(1, tool_input={"command": f"curl -H 'Authorization: Bearer {secret}' example.org"}))
    arrive(tmp_path, {"session_id": "s1", "hook_event_name": "New", "token": secret})
    with open_log(tmp_path) as log:
        drain(log, tmp_path / "spool")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


def test_the_same_payload_twice_is_a_duplicate(tmp_path: Path, log: SQLiteLog) -> None:
    for _ in range(2):
        arrive(tmp_path, asked(1))
    assert drain(log, tmp_path / "spool") == Drained(payloads=2, events=2, duplicates=1)
    arrive(tmp_path, asked(1))
    assert drain(log, tmp_path / "spool") == Drained(payloads=1, duplicates=1)


def test_large_and_secret_payloads_twice_are_duplicates_too(tmp_path: Path, log: SQLiteLog) -> None:
    secret = "ghp_" + "a1B2c3D4e5" * 3 + "f6G7h8"
    for _ in range(2):
        arrive(tmp_path, asked(1, tool_input={"content": f"token {secret} " + "x" * 500_000}))
    assert drain(log, tmp_path / "spool") == Drained(payloads=2, events=2, duplicates=1)


def test_another_content_under_the_same_key_is_a_counted_conflict_and_kept(tmp_path: Path, log: SQLiteLog) -> None:
    arrive(tmp_path, asked(1))
    arrive(tmp_path, asked(1, tool_input={"command": "rm -r"}))
    assert drain(log, tmp_path / "spool") == Drained(payloads=2, events=3, conflicts=1)
    (kept,) = of_kind(log, "incident.observed")
    assert kept.type == "conflict:tool.called"
    assert kept.detail["event"]["params"] == {"command": "rm -r"}


def test_a_payload_drained_again_after_a_crash_adds_nothing(tmp_path: Path, log: SQLiteLog) -> None:
    payloads: list[dict[str, Any]] = [
        {"hook_event_name": "SessionStart", "source": "startup", "model": "m"},
        {"hook_event_name": "UserPromptSubmit", "prompt": "go on"},
        {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}},
        {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}},
        {"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}},
        {"hook_event_name": "PostToolUse", "tool_name": "Read", "tool_input": {}, "tool_use_id": "t1"},
        {"hook_event_name": "PreToolUse", "tool_name": "Read", "tool_input": {"x": 1}, "tool_use_id": "t1"},
        {"hook_event_name": "SessionEnd", "reason": "logout"},
        {"hook_event_name": "SessionStart", "source": "resume"},
        {"hook_event_name": "SessionEnd", "reason": "other"},
    ]
    files = [arrive(tmp_path, {"session_id": "s1", **payload}) for payload in payloads]
    contents = [file.read_bytes() for file in files]
    assert drain(log, tmp_path / "spool").conflicts == 1  # a call told after its return, with other parameters
    head = log.head()
    for file, content in zip(files, contents, strict=True):
        file.write_bytes(content)
    again = drain(log, tmp_path / "spool")
    assert (again.payloads, again.events, log.head()) == (len(payloads), 0, head)


def test_what_a_killed_hook_left_is_taken_when_it_is_whole(tmp_path: Path, log: SQLiteLog) -> None:
    (tmp_path / "spool").mkdir()
    old = time.time() - LEFTOVER_SECONDS - 60
    for number, raw in enumerate([json.dumps(asked(1)).encode(), b'{"half": ', json.dumps(asked(2)).encode()]):
        part = tmp_path / "spool" / f".{number + 1:020d}-77-0.json.part"
        part.write_bytes(raw)
        if number < 2:
            os.utime(part, (old, old))
    assert drain(log, tmp_path / "spool") == Drained(payloads=1, events=2, bad=1)
    assert [path.name[0] for path in (tmp_path / "spool").iterdir() if path.is_file()] == ["."]  # still being written


class Failing(MemoryLog):
    """A log that cannot be written to."""

    def observe(self, facts: Sequence[Fact], *, blobs: Sequence[bytes] = (), clean: bool = False) -> Appended:
        raise LogUnavailable("the disk is full")


def test_when_the_log_cannot_be_written_everything_stays_in_the_spool(tmp_path: Path) -> None:
    for number in range(3):
        arrive(tmp_path, asked(number))
    with Failing() as log, pytest.raises(LogUnavailable):
        drain(log, tmp_path / "spool")
    assert spooled(tmp_path) == 3


def drainer(home: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", DRAINER, str(home)], stdout=subprocess.PIPE)


def test_drainers_at_once_bring_each_payload_once(tmp_path: Path, log: SQLiteLog) -> None:
    for number in range(60):
        arrive(tmp_path, asked(number))
    drainers = [drainer(tmp_path) for _ in range(3)]
    for process in drainers:
        process.communicate(timeout=120)
        assert process.returncode == 0
    assert sorted(call.call for call in of_kind(log, "tool.called")) == sorted(f"t{n}" for n in range(60))
    assert len(of_kind(log, "session.started")) == 1
    assert of_kind(log, "incident.observed") == []
    assert (spooled(tmp_path), bad(tmp_path)) == (0, 0)


def killed_at_random(home: Path, kills: int, payloads: int, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311  moments to kill at
    for number in range(payloads):
        arrive(home, asked(number))
    for _ in range(kills):
        with drainer(home) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it has the log open
            try:
                process.wait(timeout=chance.uniform(0, 0.05))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
    with open_log(home) as log:
        drain(log, home / "spool")
        assert [call.call for call in of_kind(log, "tool.called")] == [f"t{n}" for n in range(payloads)]
        assert len(of_kind(log, "session.started")) == 1
        assert of_kind(log, "incident.observed") == []
        assert log.verify().ok
    assert (spooled(home), bad(home)) == (0, 0)


def test_a_drainer_killed_at_random_loses_and_doubles_nothing(tmp_path: Path) -> None:
    killed_at_random(tmp_path, kills=4, payloads=120, seed=1)


@pytest.mark.slow
def test_a_drainer_killed_at_random_fifty_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    killed_at_random(tmp_path, kills=50, payloads=3000, seed=2)


def hooks_while_the_log_is_locked(home: Path, hooks: int) -> None:
    """`hooks` processes of the shipped command at once, while a writer holds the log until all have ended."""
    holder = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read(); c.execute('ROLLBACK')"
    )
    open_log(home).close()
    command = [sys.executable, "-m", "orchestrion.cli.hook", "--home", str(home)]
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", holder, str(home / "log.db")], stdin=pipe, stdout=pipe) as held:
        assert held.stdout is not None
        held.stdout.readline()
        running = []
        for number in range(hooks):  # each with its input at hand: a client does not let its hook wait for it
            (payload := home / f"payload-{number}.json").write_text(json.dumps(asked(number)))
            with payload.open("rb") as stdin:
                running.append(subprocess.Popen(command, stdin=stdin))
        assert [process.wait(timeout=60) for process in running] == [0] * hooks
        assert spooled(home) == hooks
    with open_log(home) as log:
        assert drain(log, home / "spool").payloads == hooks
        assert sorted(call.call for call in of_kind(log, "tool.called")) == sorted(f"t{n}" for n in range(hooks))


def test_hooks_at_once_while_the_log_is_locked_come_once_each(tmp_path: Path) -> None:
    hooks_while_the_log_is_locked(tmp_path, hooks=30)


@pytest.mark.slow
def test_a_hundred_hooks_while_the_log_is_locked_come_once_each(tmp_path: Path) -> None:
    hooks_while_the_log_is_locked(tmp_path, hooks=100)


def test_subagents_that_stop_twice_with_another_result_keep_both(tmp_path: Path, log: SQLiteLog) -> None:
    stop = {"session_id": "s1", "hook_event_name": "SubagentStop", "agent_id": "a1", "agent_type": "x"}
    arrive(tmp_path, {**stop, "last_assistant_message": "one"})
    arrive(tmp_path, {**stop, "last_assistant_message": "two"})
    assert drain(log, tmp_path / "spool").conflicts == 1
    assert [ended.summary for ended in of_kind(log, "agent.completed")] == ["one"]
    (kept,) = of_kind(log, "incident.observed")
    assert isinstance(kept, e.IncidentObserved)
    assert kept.detail["event"]["summary"] == "two"
