"""What the hand-written samples become: one story a format."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.eventstore.redaction import SecretRedactor
from orchestrion.ingest import import_paths
from orchestrion.projections import Store

SAMPLES = Path(__file__).parent / "samples"
REDACTOR = SecretRedactor(b"k" * 32, {})


def told(name: str) -> list[Any]:
    log = MemoryLog(REDACTOR)
    import_paths(log, REDACTOR, "auto", [SAMPLES / name])
    return [record.event for record in log.read()]


def rules(name: str) -> dict[str, int]:
    log = MemoryLog(REDACTOR)
    return import_paths(log, REDACTOR, "auto", [SAMPLES / name]).as_json()["ledger"][0]["rules"]


def of(events: list[Any], kind: str) -> list[Any]:
    return [event for event in events if event.kind == kind]


def tokens(events: list[Any]) -> list[tuple[int, int, int, int]]:
    return [
        (u.input_tokens, u.cache_read_tokens, u.cache_write_tokens, u.output_tokens)
        for u in of(events, "usage.recorded")
    ]


def talk(events: list[Any]) -> list[tuple[str, str, str]]:
    return [(m.type, m.sender, m.recipient) for m in of(events, "message.sent")]


def test_codex_says_each_text_once_and_reads_the_exit_from_the_output():
    events = told("codex.jsonl")
    said = [(m.type, m.payload["text"]) for m in of(events, "message.sent")]
    assert said == [
        ("prompt", "Count the tills"),
        ("response", "I look."),
        ("task", "Count the coins"),
        ("result", "Nine coins"),
    ]
    back = {r.call: r for r in of(events, "tool.returned") if r.parser}
    assert (back["call_x1"].status, back["call_x1"].exit_code, back["call_x1"].duration_ms) == ("error", 2, 750)
    assert (back["call_x2"].status, back["call_x2"].exit_code) == ("ok", 0)
    assert {c.call for c in of(events, "tool.called")} - {r.call for r in of(events, "tool.returned")} == {"call_x5"}
    assert sum(c.tool == "web_search" for c in of(events, "tool.called")) == 1
    assert tokens(events) == [(60, 40, 0, 7), (30, 50, 0, 13)]
    assert {u.model for u in of(events, "usage.recorded")} == {"model-b"}
    assert rules("codex.jsonl")["unknown:brand_new"] == 1


def test_codex_hands_work_to_a_subagent_and_sees_it_done():
    events = told("codex.jsonl")
    run = "c0de0000-1111/c0de0000-2222"
    started = {e.run: e for e in of(events, "agent.started")}
    assert (started[run].agent, started[run].parent_run) == ("Till", "c0de0000-1111/main")
    assert [(h.giver, h.taker, h.taker_run) for h in of(events, "handoff.offered")] == [("main", "Till", run)]
    assert [h.taker for h in of(events, "handoff.completed")] == ["Till"]
    assert [(e.run, e.summary) for e in of(events, "agent.completed")] == [(run, "Nine coins")]


def test_a_codex_subagents_own_file_joins_its_parents_session(tmp_path):
    child = (SAMPLES / "codex.jsonl").read_text().splitlines()
    head = '"payload": {"id": "c0de0000-2222", "parent_thread_id": "c0de0000-1111", "agent_nickname": "Till",'
    lines = [child[0].replace('"payload": {"id": "c0de0000-1111",', head), child[8], child[-1]]
    path = tmp_path / "child.jsonl"
    path.write_text("\n".join(lines))
    for order in ([SAMPLES / "codex.jsonl", path], [path, SAMPLES / "codex.jsonl"]):
        log = MemoryLog(REDACTOR)
        for each in order:
            report = import_paths(log, REDACTOR, "codex", [each]).as_json()
            assert report["ledger"][0]["conflicts"] == 0
        events = [record.event for record in log.read()]
        ends = {e.parser: e.summary for e in of(events, "agent.completed")}
        assert ends == {0: "Nine coins", 1: "Nine."}
        assert {e.session for e in events if e.session} == {"c0de0000-1111"}
        mains = {e.run for e in of(events, "agent.started") if e.parent_run is None}
        assert mains == {"c0de0000-1111/main"}


def test_copilot_counts_what_the_shutdown_knows_beyond_the_messages():
    events = told("copilot.jsonl")
    assert tokens(events) == [(0, 0, 0, 9), (0, 0, 0, 4), (30, 20, 0, 2)]
    assert [(r.status, r.error) for r in of(events, "tool.returned")] == [("error", "no such folder")]
    assert talk(events) == [("prompt", "human", "main"), ("response", "main", "human")]
    assert [i.type for i in of(events, "incident.observed")] == ["interruption"]


@pytest.mark.parametrize("name", ["gemini.json", "gemini.jsonl"])
def test_gemini_is_the_same_as_document_and_as_lines(name):
    events = told(name)
    assert talk(events) == [("prompt", "human", "main"), ("response", "main", "human")]
    assert tokens(events) == [(70, 30, 0, 10)]
    assert [(c.tool, c.params) for c in of(events, "tool.called")] == [("run_shell_command", {"command": "ls"})]
    assert [(r.status, r.result) for r in of(events, "tool.returned")] == [("ok", "one two")]
    assert rules(name)["unknown:brand-new"] == 1


def test_pi_tells_what_the_person_ran_and_what_was_broken_off():
    events = told("pi.jsonl")
    assert [(c.tool, c.agent) for c in of(events, "tool.called")] == [("read", "main"), ("bash", "human")]
    assert [r.status for r in of(events, "tool.returned")] == ["error", "ok"]
    assert tokens(events) == [(5, 7, 8, 6)]
    assert [i.type for i in of(events, "incident.observed")] == ["compaction", "interruption"]


def test_openhands_tells_both_versions():
    new, old = told("openhands.jsonl"), told("openhands.json")
    assert [(r.status, r.exit_code) for r in of(new, "tool.returned")] == [("error", 2)]
    assert tokens(new) == [(60, 40, 0, 10)]
    assert [c.tool for c in of(old, "tool.called")] == ["run", "delegate"]
    assert [(h.taker, h.task) for h in of(old, "handoff.offered")] == [("BrowsingAgent", "find more")]
    assert len(of(old, "tool.returned")) == 1


def test_trajectories_tell_their_steps_and_their_ends_and_have_no_times():
    mini, swe, history = told("mini-swe-agent.json"), told("swe-agent.traj"), told("swe-agent-history.traj")
    assert [(r.status, r.exit_code) for r in of(mini, "tool.returned")] == [("error", 2)]
    assert [c.params["command"] for c in of(mini, "tool.called")] == ["ls tills", "echo DONE"]
    assert [e.summary for e in of(mini, "agent.completed")] == ["diff"]
    assert [c.tool for c in of(swe, "tool.called")] == ["open", "bash"]
    assert [(r.status, r.duration_ms) for r in of(swe, "tool.returned")] == [("ok", 250), ("timed_out", None)]
    assert [(e.status, e.reason) for e in of(swe, "agent.failed")] == [("budget", "exit_cost")]
    assert tokens(swe) == [(100, 0, 0, 20)]
    assert [(c.tool, c.params) for c in of(history, "tool.called")] == [("open", {"path": "till.py"})]
    assert not of(history, "agent.completed")
    assert {e.happened_at for e in [*mini, *swe, *history]} == {None}


def test_a_transfer_is_a_call_and_a_handoff_and_a_reward_is_a_verdict():
    events = told("tau-bench.json")
    assert [h.taker for h in of(events, "handoff.offered")] == ["human_agents"]
    assert [r.status for r in of(events, "tool.returned")] == ["error", "ok"]
    assert [(o.verdict, o.quality) for o in of(events, "outcome.judged")] == [("passed", 100)]
    assert [m[0] for m in talk(told("tau-bench.jsonl"))] == [
        "prompt", "response", "prompt", "context_share", "response",
    ]  # fmt: skip


def test_the_role_of_a_step_says_who_hands_work_to_whom():
    events = told("who-and-when.json")
    assert talk(events) == [
        ("prompt", "human", "all"),
        ("progress_update", "Orchestrator", "all"),
        ("task", "Orchestrator", "Surfer"),
        ("result", "Surfer", "Orchestrator"),
        ("progress_update", "Orchestrator", "all"),
    ]
    assert [(h.giver, h.taker) for h in of(events, "handoff.offered")] == [("Orchestrator", "Surfer")]
    assert [h.taker for h in of(events, "handoff.completed")] == ["Surfer"]
    assert [o.verdict for o in of(events, "outcome.judged")] == ["incorrect"]
    assert talk(told("who-and-when-group.json")) == [("response", "Counter", "all"), ("response", "Checker", "all")]


def test_a_letter_goes_to_whom_the_mailbox_belongs(tmp_path):
    inbox = tmp_path / "shop" / "inboxes" / "coins.json"
    inbox.parent.mkdir(parents=True)
    inbox.write_bytes((SAMPLES / "claude-teams.json").read_bytes())
    other = inbox.with_name("notes.json")
    other.write_bytes(inbox.read_bytes())
    log = MemoryLog(REDACTOR)
    import_paths(log, REDACTOR, "claude-teams", [inbox, other])
    events = [record.event for record in log.read()]
    assert talk(events) == [
        ("task", "team-lead", "coins"),
        ("context_share", "coins", "coins"),
        ("task", "team-lead", "notes"),
        ("context_share", "coins", "notes"),
    ]
    assert {e.session for e in events if e.session} == {"team:shop"}
    assert next((h.giver, h.taker, h.task) for h in of(events, "handoff.offered")) == (
        "team-lead",
        "coins",
        "Count the tills",
    )
    roster = of(told("claude-teams-config.json"), "agent.started")
    assert [(r.agent, r.run, r.parent_run) for r in roster] == [
        ("team-lead", "team:shop/main", None),
        ("coins", "team:shop/coins", "team:shop/main"),
    ]


def test_an_issue_changes_hands():
    events = told("beads.jsonl")
    assert [(h.giver, h.taker) for h in of(events, "handoff.offered")] == [("mayor", "ada"), ("ada", "bob")]
    assert [h.taker for h in of(events, "handoff.completed")] == ["bob"]
    assert rules("beads.jsonl") == {"unknown:exploded": 1}


@pytest.mark.parametrize("name", ["traces.json", "traces.jsonl", "traces-tempo.json", "traces-jaeger.json"])
def test_a_trace_tells_the_same_whoever_exported_it(name):
    events = told(name)
    agents = {e.agent: e for e in of(events, "agent.started")}
    assert agents["coins"].parent_run == agents["lead"].run
    assert agents["lead"].parent_run == agents["main"].run
    assert [(h.giver, h.taker) for h in of(events, "handoff.offered")] == [("lead", "coins")]
    ((call, tool, params),) = [(c.call, c.tool, c.params) for c in of(events, "tool.called")]
    assert (call.rpartition(":")[2], tool, params) == ("00000000000000a5", "count", {"of": "coins"})
    assert [(r.status, r.error, r.duration_ms) for r in of(events, "tool.returned")] == [("error", "lost count", 1000)]
    assert tokens(events) == [(50, 0, 0, 6)]
    assert {e.source for e in events if e.session} == {"otlp"}


def test_a_langfuse_trace_tells_agents_tools_and_tokens():
    events = told("traces-langfuse.json")
    assert [e.agent for e in of(events, "agent.completed")] == ["lead"]
    assert [(r.status, r.error) for r in of(events, "tool.returned")] == [("error", "lost count")]
    assert tokens(events) == [(50, 0, 0, 6)]
    assert rules("traces-langfuse.json") == {"plumbing": 1}


def test_claude_codes_stream_tells_calls_words_tokens_and_its_end():
    events = told("claude-stream.jsonl")
    calls = {c.call: c for c in of(events, "tool.called")}
    assert [(r.call, r.status) for r in of(events, "tool.returned")] == [
        ("toolu_s1", "ok"), ("toolu_s3", "error"), ("toolu_s2", "ok"),
    ]  # fmt: skip
    assert calls["toolu_s3"].run.endswith("/ab12")
    agents = {e.agent: e for e in of(events, "agent.started")}
    assert (agents["counter"].parent_call, agents["counter"].task) == ("toolu_s2", "count them")
    assert {(e.agent, e.summary, e.duration_ms) for e in of(events, "agent.completed")} == {
        ("counter", "seven", 41), ("main", "There are seven.", 5200),
    }  # fmt: skip
    said = {(m.sender, m.recipient, m.type) for m in of(events, "message.sent")}
    assert said >= {("human", "main", "prompt"), ("main", "counter", "task"), ("counter", "main", "result")}
    assert {u.request_id: u.output_tokens for u in of(events, "usage.recorded")} == {
        "msg_1": 9, "msg_2": 3, "msg_3": 3, "msg_4": 3, "msg_5": 3,
    }  # fmt: skip
    assert rules("claude-stream.jsonl") == {
        "rate_limit_event": 1, "system/hook_started": 1, "system/init": 1, "system/task_progress": 1,
        "task-prompt": 1, "unknown:surprise": 1,
    }  # fmt: skip


def test_what_a_stream_and_its_transcript_both_tell_counts_once_and_the_transcript_is_believed(tmp_path):
    lines = [json.loads(line) for line in (SAMPLES / "claude-stream.jsonl").read_text().splitlines()]
    written = []
    for number, line in enumerate(each for each in lines if each["type"] in ("user", "assistant")):
        if line["parent_tool_use_id"] is None:
            at = f"2026-03-01T12:00:{number:02d}.000Z"
            extra = {"toolUseResult": line["tool_use_result"]} if "tool_use_result" in line else {}
            named = {"sessionId": line["session_id"], "cwd": "/home/ann/shop", "timestamp": at}
            written.append({**line, **extra, **named})
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text("".join(json.dumps(line) + "\n" for line in written))
    log = MemoryLog(REDACTOR)
    for format, path in (("claude-stream", SAMPLES / "claude-stream.jsonl"), ("claude-code", transcript)):
        assert import_paths(log, REDACTOR, format, [path]).as_json()["ledger"][0]["conflicts"] == 0
    with Store(log, tmp_path / "projections") as store:
        store.catch_up()
        calls = store.query("SELECT call, started_at IS NULL FROM tool_calls ORDER BY ALL").rows
        assert calls == [("toolu_s1", False), ("toolu_s2", False), ("toolu_s3", True)]
        assert store.query("SELECT count(*), count(DISTINCT type) FROM messages").rows == [(6, 4)]
        assert store.query("SELECT sum(output_tokens), count(*) FROM usage").rows == [(21, 5)]
        assert store.query("SELECT status FROM agent_runs ORDER BY ALL").rows == [("completed",)] * 2
