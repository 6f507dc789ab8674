"""A command that prints the stream of Claude Code or of Codex: what it tells becomes facts while it works."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import Limits
from orchestrion.agents.conclusion import concluded
from orchestrion.agents.streams.stream import MAX_LINE_BYTES, Stream
from orchestrion.domain import events as e

Agent = Callable[..., Path]
NATIVE = "0d0f6b1e-0000-4000-8000-000000000001"
USAGE = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 5}


def line(kind: str, message: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"type": kind, "session_id": NATIVE, **({"message": message} if message else {}), **more}


def assistant(number: int, *blocks: dict[str, Any], **usage: int) -> dict[str, Any]:
    message = {"id": f"msg_{number}", "model": "claude-test", "role": "assistant", "content": list(blocks)}
    return line("assistant", message | {"usage": USAGE | usage}, uuid=f"uuid-{number}-{len(blocks)}")


def answer(call: str, said: Any, **more: Any) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": call, "content": said, **more}
    return line("user", {"role": "user", "content": [block]})


def use(call: str, tool: str, **asked: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": tool, "input": asked}


INIT = line("system", subtype="init", tools=["Read"], model="claude-test")
CLAUDE = [
    INIT,
    assistant(1, {"type": "text", "text": "I look."}),
    assistant(1, use("toolu_1", "Read", file_path="app.py"), output_tokens=20),
    answer("toolu_1", [{"type": "text", "text": "an app"}]),
    assistant(2, use("toolu_2", "mcp__git__status")),
    answer("toolu_2", "Permission to use mcp__git__status has been denied.", is_error=True),
    assistant(3, use("toolu_3", "Task", prompt="look deeper")),
    {**assistant(4, use("toolu_4", "Bash", command="false")), "parent_tool_use_id": "toolu_3"},
    answer("toolu_4", "Exit code 1", is_error=True),
    answer("toolu_3", "nothing deeper"),
    line("system", subtype="compact_boundary", compact_metadata={"trigger": "auto"}),
    line("stream_event", event={}),
    line(
        "result",
        subtype="success",
        is_error=False,
        result="All is well.",
        num_turns=4,
        total_cost_usd=0.5,
        usage={"input_tokens": 40, "output_tokens": 90},
        modelUsage={"claude-test": {"inputTokens": 40, "outputTokens": 90, "cacheReadInputTokens": 400}},
    ),
]
CODEX = [
    {"type": "thread.started", "thread_id": "thread-7"},
    {"type": "turn.started"},
    {"type": "item.started", "item": {"id": "item_0", "type": "command_execution", "command": "ls",
     "status": "in_progress"}},
    {"type": "item.completed", "item": {"id": "item_0", "type": "command_execution", "command": "ls",
     "aggregated_output": "app.py", "exit_code": 0, "status": "completed"}},
    {"type": "item.completed", "item": {"id": "item_1", "type": "reasoning", "text": "hm"}},
    {"type": "item.completed", "item": {"id": "item_2", "type": "file_change", "status": "completed",
     "changes": [{"path": "app.py", "kind": "update"}]}},
    {"type": "item.completed", "item": {"id": "item_3", "type": "mcp_tool_call", "server": "git", "tool": "status",
     "arguments": {"a": 1}, "status": "failed", "error": {"message": "no git"}}},
    {"type": "item.completed", "item": {"id": "item_4", "type": "command_execution", "command": "rm -rf /",
     "status": "declined"}},
    {"type": "item.completed", "item": {"id": "item_5", "type": "agent_message", "text": "Done, I think."}},
    {"type": "turn.completed", "usage": {"input_tokens": 120, "cached_input_tokens": 100, "output_tokens": 7}},
]  # fmt: skip


@pytest.fixture
def prints(agent: Agent, tmp_path: Path) -> Callable[..., Path]:
    """An agent whose command prints these lines, then runs `script`."""

    def write(lines: list[Any], script: str = "", name: str = "coder", **keys: Any) -> Path:
        told = tmp_path / f"{name}.jsonl"
        told.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
        code = f"import sys, time, pathlib\nsys.stdout.write(open({str(told)!r}).read())\nsys.stdout.flush()\n{script}"
        return agent(name, command=[sys.executable, "-c", code], prompt="stdin", **keys)

    return write


def test_claude_codes_stream_becomes_facts_of_the_run(prints: Any, play: Any) -> None:
    prints(CLAUDE)
    played = play("coder")
    assert played.result.status == "completed"
    outer, *calls = played.of(e.ToolCalled)
    assert [(c.call, c.tool, c.mcp_server) for c in calls] == [
        ("toolu_1", "Read", None),
        ("toolu_2", "mcp__git__status", "git"),
        ("toolu_3", "Task", None),
        ("toolu_4", "Bash", None),
    ]
    assert {c.cause for c in calls[:3]} == {f"tool-{outer.call}@1"}
    assert calls[3].cause == "tool-toolu_3@1"
    ends = {r.call: (r.status, r.result, r.error) for r in played.of(e.ToolReturned)}
    assert ends["toolu_1"] == ("ok", "an app", None)
    assert ends["toolu_2"][0] == "denied"
    assert ends["toolu_4"] == ("error", None, "Exit code 1")
    (said,) = played.of(e.MessageSent, type="response")
    assert (said.payload, said.message, said.agent) == ({"text": "I look."}, "uuid-1-1", "coder")
    (incident,) = played.of(e.IncidentObserved)
    assert incident.type == "compact_boundary"
    (completed,) = played.of(e.AgentCompleted)
    assert completed.summary == "All is well."
    assert completed.outputs["claude"]["total_cost_usd"] == 0.5
    assert completed.outputs["stream"] == {
        "format": "claude-code",
        "lines": len(CLAUDE),
        "ignored": {"system/init": 1, "stream_event": 1},
    }


def test_usage_of_claude_code_is_counted_once_whatever_its_lines_repeat(prints: Any, play: Any) -> None:
    prints(CLAUDE)
    most: dict[str, e.UsageRecorded] = {}
    for fact in play("coder").of(e.UsageRecorded):
        most[fact.request_id] = fact
    assert most["msg_1"].output_tokens == 20
    total = {
        n: sum(getattr(f, n) for f in most.values()) for n in ("input_tokens", "output_tokens", "cache_read_tokens")
    }
    assert total == {"input_tokens": 40, "output_tokens": 90, "cache_read_tokens": 400}
    assert most[f"{NATIVE}/rest-claude-test"].output_tokens == 90 - 23


def test_codexs_stream_becomes_facts_of_the_run(prints: Any, play: Any) -> None:
    prints(CODEX)
    played = play("coder")
    _, *calls = played.of(e.ToolCalled)
    assert [(c.call, c.tool, c.mcp_server, c.params) for c in calls] == [
        ("thread-7/item_0", "shell", None, {"command": "ls"}),
        ("thread-7/item_2", "apply_patch", None, {"changes": [{"path": "app.py", "kind": "update"}]}),
        ("thread-7/item_3", "status", "git", {"a": 1}),
        ("thread-7/item_4", "shell", None, {"command": "rm -rf /"}),
    ]
    ends = {r.call: (r.status, r.result, r.error, r.exit_code) for r in played.of(e.ToolReturned)}
    assert ends["thread-7/item_0"] == ("ok", "app.py", None, 0)
    assert ends["thread-7/item_2"][0] == "ok"
    assert ends["thread-7/item_3"] == ("error", None, "no git", None)
    assert ends["thread-7/item_4"][0] == "denied"
    (used,) = played.of(e.UsageRecorded)
    assert (used.input_tokens, used.cache_read_tokens, used.output_tokens) == (20, 100, 7)
    assert played.of(e.AgentCompleted)[0].summary == "Done, I think."


def test_a_thread_of_codex_that_a_second_run_takes_up_is_told_anew(prints: Any, play: Any) -> None:
    prints(CODEX)
    first, second = play("coder"), play("coder")
    assert second.result.status == "completed"
    calls = [[fact.call for fact in played.of(e.ToolCalled)] for played in (first, second)]
    outer = calls[1][0]
    assert calls[1][1:] == [f"{outer}/{call.removeprefix('thread-7/')}" for call in calls[0][1:]]
    assert [fact.status for fact in first.of(e.ToolReturned)] == [fact.status for fact in second.of(e.ToolReturned)]
    assert {fact.call for fact in second.of(e.ToolReturned)} == set(calls[1])
    ((one,), (other,)) = (played.of(e.UsageRecorded) for played in (first, second))
    assert (one.output_tokens, other.output_tokens) == (7, 7)
    assert one.request_id != other.request_id


def test_what_a_session_of_claude_code_tells_again_to_a_second_run_counts_once(prints: Any, play: Any) -> None:
    prints(CLAUDE)
    first = play("coder")
    new = {"type": "tool_use", "id": "toolu_new", "name": "Read", "input": {"file_path": "b.py"}}
    usage = {"input_tokens": 1, "output_tokens": 2}
    said = {"role": "assistant", "id": "msg_new", "model": "claude-test", "content": [new], "usage": usage}
    more = {"type": "assistant", "uuid": "u-new", "session_id": NATIVE, "message": said}
    prints([*CLAUDE[:-1], more, CLAUDE[-1]])
    second = play("coder")
    assert second.result.status == "completed"
    assert [fact.call for fact in second.of(e.ToolCalled)][1:] == ["toolu_new"]
    told = {fact.request_id for fact in second.of(e.UsageRecorded)}
    program = second.of(e.ToolCalled)[0].call
    assert "msg_new" in told
    assert told.isdisjoint(fact.request_id for fact in first.of(e.UsageRecorded))
    assert told - {"msg_new"} <= {f"{program}/rest-claude-test"}
    texts = [fact.message for played in (first, second) for fact in played.of(e.MessageSent)]
    assert len(texts) == len(set(texts))


def test_facts_come_while_the_agent_works_not_at_its_end(prints: Any, play: Any, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    wait = (
        f"end = time.monotonic() + 30\nwhile not pathlib.Path({str(seen)!r}).exists():\n"
        "    sys.exit('nobody heard me') if time.monotonic() > end else time.sleep(0.01)\n"
        f"print({json.dumps(json.dumps(CLAUDE[-1]))})"
    )
    prints(CLAUDE[:3], wait)
    hear = lambda fact: seen.touch() if isinstance(fact, e.ToolCalled) and fact.call == "toolu_1" else None  # noqa: E731
    played = play("coder", observer=hear)
    assert played.result.status == "completed"
    (left,) = played.of(e.ToolReturned, call="toolu_1")
    assert left.status == "interrupted", "it never answered"


@pytest.mark.parametrize(
    ("lines", "script", "reason"),
    [
        (
            [*CLAUDE[:-1], line("result", subtype="success", is_error=True, result="API Error: 529")],
            "",
            "API Error: 529",
        ),
        ([*CLAUDE[:-1], line("result", subtype="error_max_turns", is_error=False)], "", "error_max_turns"),
        (CLAUDE[:3], "sys.exit('lost my key')", "failed with exit code 1: lost my key"),
        (CLAUDE[:3], "", "ended before it said how its work ended"),
        ([*CODEX[:3], {"type": "turn.failed", "error": {"message": "rate limited"}}], "", "rate limited"),
    ],
)
def test_an_end_that_is_none_is_the_runs_failure(lines: Any, script: str, reason: str, prints: Any, play: Any) -> None:
    prints(lines, script)
    played = play("coder")
    (failed,) = played.of(e.AgentFailed)
    assert reason in failed.reason
    called, ended = played.of(e.ToolCalled), played.of(e.ToolReturned)
    assert {c.call for c in called} == {r.call for r in ended}, "no call is left open"


def test_a_limit_stops_an_agent_that_acts_by_itself(prints: Any, play: Any) -> None:
    prints(CLAUDE[:3] + [assistant(n, use(f"toolu_{n}", "Read", n=n)) for n in range(10, 20)], "time.sleep(60)")
    played = play("coder", limits=Limits(agent_tool_calls=4))
    (failed,) = played.of(e.AgentFailed)
    assert failed.status == "budget"
    assert [limit.limit for limit in played.of(e.LimitReached)] == ["agentToolCalls"]
    assert len(played.of(e.ToolCalled)) == 5, "the one too many was made already, and is told"
    assert {r.status for r in played.of(e.ToolReturned)} == {"interrupted"}


def test_an_agent_in_a_loop_is_stopped(prints: Any, play: Any) -> None:
    prints([INIT, *(assistant(n, use(f"toolu_{n}", "Read", file="x")) for n in range(30))], "time.sleep(60)")
    assert play("coder", limits=Limits(loop_calls=3)).of(e.AgentFailed)[0].status == "loop"


def test_anything_else_stays_text(prints: Any, play: Any) -> None:
    prints(['{"type": "system"}', "[1, 2]", '{"type": "assistant", "message": {}}', "hello"])
    played = play("coder")
    (completed,) = played.of(e.AgentCompleted)
    assert completed.outputs["text"].endswith("hello\n")
    assert "stream" not in completed.outputs
    assert len(played.of(e.ToolCalled)) == 1


def test_broken_and_hostile_lines_are_counted_and_the_rest_is_read(prints: Any, play: Any) -> None:
    odd = ["a banner", CLAUDE[0], '{"torn": ', "NaN", "\x1b]0;x\x07", '{"type": {"a": 1}, "session_id": "x"}']
    prints([*odd, answer("toolu_unknown", "to nothing"), *CLAUDE[1:4], *CLAUDE[1:4], CLAUDE[-1]])
    played = play("coder")
    assert played.result.status == "completed"
    assert [c.call for c in played.of(e.ToolCalled)[1:]] == ["toolu_1"]
    assert played.of(e.AgentCompleted)[0].outputs["stream"]["ignored"]["unparseable"] == 4


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    stream = Stream(lambda value: None)
    for _ in range(5):
        stream.feed(b"x" * MAX_LINE_BYTES)
    stream.feed(b'\n{"a": 1}\n')
    stream.close()
    assert (stream.lines, dict(stream.ignored)) == (1, {"too-long": 1})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"approved": false, "reasons": ["no"]}', {"approved": False, "reasons": ["no"]}),
        ('I looked.\n```json\n{"findings": []}\n```\nBye', {"findings": []}),
        ('```\n{"approved": true}\n```\n```json\n{"other": 1}\n```', {"approved": True}),
        ("plain words", None),
        ('{"unrelated": 1}', None),
        ("[" * 100_000, None),
    ],
)
def test_a_conclusion_is_the_json_a_text_ends_with(text: str, value: Any) -> None:
    assert concluded(text) == value


def test_findings_of_a_command_are_told_and_a_validators_reasons_go_back_to_the_author(
    agent: Agent, play: Any, workspace: Path
) -> None:
    (workspace / "app.py").write_text("bad")
    code = (
        "import json, pathlib\n"
        "found = [{'severity': 'high', 'issue': 'bad', 'file': 'app.py', 'line': 1, 'rule': 'BAD'}, 7]\n"
        "bad = 'bad' in pathlib.Path('app.py').read_text()\n"
        "print(json.dumps({'approved': not bad, 'reasons': ['still bad'] * bad, 'findings': found * bad}))"
    )
    agent("alpha", command=[sys.executable, "-c", code], capabilities=["looking"])
    fix = (
        "import pathlib, sys\nagain = 'still bad' in sys.argv[1]\n"
        "pathlib.Path('app.py').write_text('good' if again else 'bad bad')\nprint('{\"fixed\": []}')"
    )
    agent("beta", command=[sys.executable, "-c", fix, "{prompt}"], writes=True, validation="looking", after=["looking"])
    played = play("alpha beta")
    assert played.result.status == "completed", played.result.reason
    (report,) = played.of(e.MessageSent, type="finding_report")
    assert report.payload == {"severity": "high", "issue": "bad", "file": "app.py", "line": 1, "rule": "BAD"}
    assert played.of(e.AgentCompleted, agent="alpha")[0].outputs["not_understood"] == 1
    verdicts = [m.payload for m in played.of(e.MessageSent, type="validation_result")]
    assert [(v["approved"], v["reasons"]) for v in verdicts] == [(False, ["still bad"]), (True, [])]
    assert "+good" in played.result.diff
