"""Recorded hooks played through the shipped command, and a session that hooks and its transcript both witnessed."""

import json
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.wiring import Home, opened, written_log
from orchestrion.domain.record import Record
from orchestrion.eventstore import open_log
from orchestrion.ingest import import_paths
from orchestrion.ingest.hooks import drain, spooled
from orchestrion.ingest.hooks.transcripts import answer_in

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "sessions" / "claude-hooks-operator-use"
AT_ONCE = 8


def send(home: Path, payloads: Iterable[dict[str, Any]], at_once: int = 1) -> None:
    """Each payload through a process of its own, so many of them at a time."""
    script = Path(sys.executable).with_name("orchestrion-hook")
    command = [str(script)] if script.exists() else [sys.executable, "-P", "-m", "orchestrion.cli.hook"]

    def one(payload: dict[str, Any]) -> None:
        raw = json.dumps(payload).encode()
        done = subprocess.run([*command, "--home", str(home)], input=raw, capture_output=True, timeout=60, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, payloads))


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded hook payloads are not beside the checkout")
def test_recorded_payloads_come_once_each_from_processes_at_once(tmp_path: Path) -> None:
    payloads = [entry for file in sorted(RECORDED.glob("*.json")) for entry in json.loads(file.read_bytes())]
    send(tmp_path, payloads, at_once=AT_ONCE)
    assert spooled(tmp_path) == len(payloads) == 138
    with open_log(tmp_path) as log:
        drained = drain(log, tmp_path / "spool")
        assert (drained.payloads, drained.conflicts, drained.bad) == (138, 0, 0)
        events = [record.event for record in log.read() if isinstance(record, Record)]
        assert log.verify().ok
    calls = [event for event in events if event.kind == "tool.called"]
    asked = {p["tool_use_id"] for p in payloads if p["hook_event_name"] in ("PreToolUse", "PostToolUse")}
    assert {(call.model_dump()["call"], call.session) for call in calls} == {
        (p["tool_use_id"], p["session_id"]) for p in payloads if "tool_use_id" in p
    }
    assert len(calls) == len(asked)
    assert sum(event.kind == "tool.returned" for event in events) == 58
    assert sum(event.kind == "agent.completed" for event in events) == 23
    assert sum(event.kind == "message.sent" for event in events) == 6
    assert sum(event.kind == "session.started" for event in events) == 2


SESSION = "7d0c9a52-1111-4222-8333-944455566677"


def transcript() -> list[dict[str, Any]]:
    """A small session of our own: a prompt, a command, an answer."""
    common = {"sessionId": SESSION, "cwd": "/home/ann/shop", "version": "2.1.100", "isSidechain": False}

    def line(number: int, kind: str, message: dict[str, Any], **more: Any) -> dict[str, Any]:
        ids = {"uuid": f"u{number}", "parentUuid": f"u{number - 1}" if number else None}
        return {
            **common,
            **ids,
            "timestamp": f"2026-03-01T12:00:0{number}.000Z",
            "type": kind,
            "message": message,
        } | more

    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    back = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "shop.py"}
    said = {"type": "text", "text": "a shop"}
    return [
        line(0, "user", {"role": "user", "content": "what is here?"}),
        line(1, "assistant", {"id": "m1", "role": "assistant", "model": "x", "content": [call], "usage": {}}),
        line(2, "user", {"role": "user", "content": [back]}, toolUseResult={"stdout": "shop.py", "interrupted": False}),
        line(3, "assistant", {"id": "m2", "role": "assistant", "model": "x", "content": [said]}),
    ]


def hooks() -> list[dict[str, Any]]:
    """The same session as its hooks tell it."""
    common = {"session_id": SESSION, "cwd": "/home/ann/shop"}
    call = {"tool_name": "Bash", "tool_input": {"command": "ls"}, "tool_use_id": "toolu_1"}
    told: list[dict[str, Any]] = [
        {"hook_event_name": "SessionStart", "source": "startup", "model": "x"},
        {"hook_event_name": "PreToolUse", **call},
        {"hook_event_name": "PostToolUse", **call, "tool_response": {"stdout": "shop.py"}, "duration_ms": 41},
        {"hook_event_name": "SessionEnd", "reason": "other"},
    ]
    return [{**common, **each} for each in told]


@pytest.mark.parametrize("hooks_first", [True, False])
def test_hook_and_transcript_of_one_call_are_one_call_with_two_witnesses(tmp_path: Path, hooks_first: bool) -> None:
    home = Home(tmp_path / "home", "test")
    file = tmp_path / f"{SESSION}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in transcript()))
    if hooks_first:
        send(home.path, hooks())
    with written_log(home) as (log, redactor):
        import_paths(log, redactor, "claude-code", [file])
    if not hooks_first:
        send(home.path, hooks())
    with opened(home) as (log, store):
        calls = store.query("SELECT call, tool, run, agent, status, duration_ms FROM tool_calls").rows
        assert calls == [("toolu_1", "Bash", f"{SESSION}/main", "main", "ok", 41)]
        witnesses = store.query("SELECT kind, source FROM events WHERE kind LIKE 'tool.%' ORDER BY ALL").rows
        assert witnesses == [(kind, by) for kind in ("tool.called", "tool.returned") for by in ("hook", "transcript")]
        assert store.query("SELECT run, parent_run FROM agent_runs").rows == [(f"{SESSION}/main", None)]
        assert store.query("SELECT session, source, status, tool_calls FROM sessions").rows == [
            (SESSION, "claude-code", "completed", 1)
        ]
        assert store.query("SELECT count(*) FROM events WHERE kind = 'incident.observed'").rows == [(0,)]
    assert list((home.path / "spool").iterdir()) == []


@pytest.mark.parametrize("hooks_first", [True, False])
def test_prompt_and_answer_of_hook_and_transcript_are_one_message_each(tmp_path: Path, hooks_first: bool) -> None:
    home = Home(tmp_path / "home", "test")
    file = tmp_path / f"{SESSION}.jsonl"
    lines = transcript()
    lines[0]["promptId"] = lines[2]["promptId"] = "p1"  # a tool's return carries it as well, and is no prompt
    lines.append({**lines[0], "uuid": "u9", "message": {"role": "user", "content": "and behind it?"}})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    common = {"session_id": SESSION, "cwd": "/home/ann/shop", "prompt_id": "p1", "transcript_path": str(file)}
    told: list[dict[str, Any]] = [
        {**common, "hook_event_name": "UserPromptSubmit", "prompt": "what is here?"},
        {**common, "hook_event_name": "Stop", "last_assistant_message": "a shop"},
    ]
    if hooks_first:
        send(home.path, told)
        with opened(home):
            pass
    with written_log(home) as (log, redactor):
        import_paths(log, redactor, "claude-code", [file])
    if not hooks_first:
        send(home.path, told)
    with opened(home) as (log, store):
        messages = store.query("SELECT message, type, payload->>'text' FROM messages ORDER BY ALL").rows
        assert messages == [
            ("p1", "prompt", "what is here?"),
            ("u3", "response", "a shop"),
            ("u9", "prompt", "and behind it?"),
        ]
        witnesses = store.query("SELECT source, count(*) FROM events WHERE kind = 'message.sent' GROUP BY ALL").rows
        assert sorted(witnesses) == [("hook", 2), ("transcript", 3)]


@pytest.mark.parametrize("path", [None, "/proc/self/mem", "no.jsonl", "/dev/zero.jsonl", "\0.jsonl"])
def test_a_transcript_that_is_none_names_no_answer(path: str | None) -> None:
    assert answer_in(path, "a shop") is None
