"""Coding agents run by us, from the command line: nothing of their own sessions is in the log twice."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

NATIVE = "0d0f6b1e-0000-4000-8000-000000000001"
USAGE = {"input_tokens": 10, "output_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5}


def lines() -> list[dict[str, object]]:
    """One call and one answer, as both the stream and the transcript tell them."""
    call = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"file_path": "app.py"}}
    back = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "an app"}
    told = {"role": "assistant", "id": "msg_1", "model": "claude-test", "usage": USAGE}
    return [
        {"type": "user", "uuid": "u0", "message": {"role": "user", "content": "look"}},
        {"type": "assistant", "uuid": "u1", "message": told | {"content": [{"type": "text", "text": "I look."}]}},
        {"type": "assistant", "uuid": "u2", "message": told | {"content": [call]}},
        {"type": "user", "uuid": "u3", "message": {"role": "user", "content": [back]}},
    ]


def test_a_session_that_we_ran_and_that_is_imported_later_counts_once(speak, tmp_path: Path) -> None:
    home, team = tmp_path / "home", tmp_path / "team"
    team.mkdir()
    stream = [{"type": "system", "subtype": "init"}, *lines(), {"type": "result", "subtype": "success", "result": "ok"}]
    told = tmp_path / "told.jsonl"
    told.write_text("".join(json.dumps({**line, "session_id": NATIVE}) + "\n" for line in stream))
    command = [sys.executable, "-c", f"print(open({str(told)!r}).read())"]
    (team / "coder.md").write_text(f"---\nname: coder\nrunner: process\ncommand: {json.dumps(command)}\n---\n")
    ran = speak("run", "--agent", "coder", "look", "--team", team, "--home", home, "--format", "json")
    assert ran.code == 0, ran.err
    assert "coder → Read: ✅ ok" in ran.err

    def counted() -> object:
        calls = speak("tools", "--home", home, "--format", "json").json
        used = speak("sql", "SELECT request_id, session, output_tokens FROM usage", "--home", home, "--format", "json")
        said = speak("messages", "--type", "response", "--home", home, "--format", "json").json
        return [(c["call"], c["session"], c["status"]) for c in calls], used.json, len(said)

    before = counted()
    assert before[2] == 1
    assert before[1] == [{"request_id": "msg_1", "session": ran.json["session"], "output_tokens": 20}]
    transcript = tmp_path / f"{NATIVE}.jsonl"
    more = {"sessionId": NATIVE, "version": "2.1.0", "cwd": "/p", "isSidechain": False, "parentUuid": None}
    dated = [{**line, **more, "timestamp": f"2026-01-30T10:00:0{n}.000Z"} for n, line in enumerate(lines())]
    transcript.write_text("".join(json.dumps(line) + "\n" for line in dated))
    assert speak("import", "claude-code", transcript, "--home", home).code == 0
    assert counted() == before


def test_a_thread_of_codex_that_we_ran_and_that_is_imported_later_counts_once(speak, tmp_path: Path) -> None:
    home, team = tmp_path / "home", tmp_path / "team"
    team.mkdir()
    shell = {"id": "item_0", "type": "command_execution", "command": "ls", "aggregated_output": "app.py"}
    stream = [
        {"type": "thread.started", "thread_id": NATIVE},
        {"type": "turn.started"},
        {"type": "item.completed", "item": shell | {"exit_code": 0, "status": "completed"}},
        {"type": "item.completed", "item": {"id": "item_1", "type": "agent_message", "text": "There is an app."}},
        {"type": "turn.completed", "usage": {"input_tokens": 110, "cached_input_tokens": 100, "output_tokens": 20}},
    ]
    told = tmp_path / "told.jsonl"
    told.write_text("".join(json.dumps(line) + "\n" for line in stream))
    command = [sys.executable, "-c", f"print(open({str(told)!r}).read())"]
    (team / "coder.md").write_text(f"---\nname: coder\nrunner: process\ncommand: {json.dumps(command)}\n---\n")
    ran = speak("run", "--agent", "coder", "look", "--team", team, "--home", home, "--format", "json")
    assert ran.code == 0, ran.err

    def counted() -> object:
        calls = speak("tools", "--home", home, "--format", "json").json
        used = speak("sql", "SELECT session, output_tokens FROM usage", "--home", home, "--format", "json").json
        said = speak("messages", "--type", "response", "--home", home, "--format", "json").json
        return [(c["tool"], c["session"], c["status"]) for c in calls], used, len(said)

    before = counted()
    assert before[1] == [{"session": ran.json["session"], "output_tokens": 20}]
    assert before[2] == 1
    [began] = speak("sql", "SELECT started_at FROM tool_calls WHERE tool <> 'shell'", "--home", home,
                    "--format", "json").json  # fmt: skip
    during = datetime.fromisoformat(began["started_at"]) + timedelta(milliseconds=1)
    rollout = tmp_path / "rollout-1.jsonl"
    rollout.write_text(_lines(NATIVE, during))
    imported = speak("import", "codex", rollout, "--home", home)
    assert "a run of ours heard this session while it was written" in imported.out + imported.err
    assert counted() == before
    ledger = speak("sql", "SELECT lines, ignored, rules FROM imports", "--home", home, "--format", "json").json
    assert [(each["lines"], each["ignored"]) for each in ledger] == [(6, 6)]
    assert "heard-while-run" in str(ledger[0]["rules"])

    # What its subagent took its stream does not tell, nor what a person went on to say in that session.
    child = tmp_path / "rollout-2.jsonl"
    child.write_text(_lines("0d0f6b1e-0000-4000-8000-000000000002", during, parent=NATIVE))
    assert speak("import", "codex", child, "--home", home).code == 0
    with rollout.open("a") as more:
        more.write(_lines(NATIVE, during + timedelta(days=1), call="later", output_tokens=50))
    assert speak("import", "codex", rollout, "--home", home).code == 0
    _, used, _ = counted()
    assert sorted(each["output_tokens"] for each in used) == [20, 20, 30]


def _lines(thread: str, at: datetime, *, parent: str | None = None, call: str = "c", output_tokens: int = 20) -> str:
    """A call, an answer and tokens as Codex itself writes them down."""
    usage = {"input_tokens": 110, "cached_input_tokens": 100, "output_tokens": output_tokens}
    meta = {"id": thread, "cwd": "/p", "cli_version": "1"} | ({"parent_thread_id": parent} if parent else {})
    ls = {"type": "function_call", "name": "shell", "call_id": f"{call}-{thread}", "arguments": '{"command": ["ls"]}'}
    parts = [
        ("session_meta", meta),
        ("event_msg", {"type": "user_message", "message": f"look {call}"}),
        ("response_item", ls),
        ("response_item", {"type": "function_call_output", "call_id": f"{call}-{thread}", "output": "app.py"}),
        ("event_msg", {"type": "agent_message", "message": "There is an app."}),
        ("event_msg", {"type": "token_count", "info": {"total_token_usage": usage}}),
    ]
    moment = at.replace(tzinfo=UTC).isoformat()
    return "".join(json.dumps({"timestamp": moment, "type": k, "payload": p}) + "\n" for k, p in parts)


@pytest.mark.parametrize("name", ["claude", "opencode"])
def test_a_ready_made_agent_that_is_missing_says_how_to_get_it(
    name: str, speak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    said = speak("run", "--agent", name, "say hello", "--home", tmp_path / "home")
    assert said.code == 4
    assert "npm install -g" in said.err
    assert not (tmp_path / "home").exists()


def test_a_ready_made_agent_is_called_for_by_name_alone(speak) -> None:
    request = "Fix the authentication endpoint of the claude and opencode integration"
    phases = speak("plan", request, "--format", "json").json["phases"]
    assert not {"claude", "opencode"} & {name for phase in phases for name in phase}
    assert speak("plan", "Ask Claude for a poem", "--format", "json").json["phases"] == [["claude"]]
