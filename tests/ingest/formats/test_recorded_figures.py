"""Figures of the recordings: those that came with them, and those counted here from the raw lines."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain.codec import decode
from orchestrion.eventstore import MemoryLog
from orchestrion.eventstore.redaction import SecretRedactor
from orchestrion.ingest import import_paths

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "sessions"
CODEX = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.glob("codex-agentv/*/full.jsonl"))
REDACTOR = SecretRedactor(b"k" * 32, {})
CLIENTS_OWN = ("web_search", "tool_search")
"""Calls that the counts beside the recordings leave out."""

pytestmark = pytest.mark.skipif(not CODEX, reason=f"no recordings beside the checkout: {FOLDER} is not there")


def events(name: str, *paths: str) -> list[Any]:
    log = MemoryLog(REDACTOR)
    import_paths(log, REDACTOR, name, [FOLDER / path for path in paths])
    return [record.event for record in log.read()]


def of(told: list[Any], kind: str) -> list[Any]:
    return [event for event in told if event.kind == kind]


def spent(told: list[Any]) -> dict[str, int]:
    usage = of(told, "usage.recorded")
    names = ("input_tokens", "cache_read_tokens", "output_tokens")
    return {name: sum(getattr(event, name) for event in usage) for name in names}


@pytest.mark.parametrize("path", CODEX)
def test_a_codex_thread_has_the_figures_counted_beside_it(path):
    counted = json.loads((FOLDER / "COUNTS.json").read_text())[path]
    told = events("codex", path)
    total = counted["final_total_token_usage"]
    assert spent(told) == {
        "input_tokens": total["input_tokens"] - total["cached_input_tokens"],
        "cache_read_tokens": total["cached_input_tokens"],
        "output_tokens": total["output_tokens"],
    }
    best = {call.call: call for call in sorted(of(told, "tool.called"), key=lambda call: call.parser)}
    own = [call for call in best.values() if call.parser and call.tool not in CLIENTS_OWN]
    assert Counter(call.tool for call in own) == counted["tools"]
    returned = {back.call: back for back in of(told, "tool.returned") if back.parser}
    assert len([call for call in own if call.call not in returned]) == counted["unresolved"]
    assert sum(bool(returned[c.call].exit_code) for c in own if c.call in returned) == counted["nonzero_exit"]
    said = Counter(message.type for message in of(told, "message.sent"))
    assert said == {"prompt": counted["turns"]["user_message"], "response": counted["turns"]["agent_message"]}
    aborted = [each for each in of(told, "incident.observed") if each.type == "interruption"]
    assert len(aborted) == counted["turns"].get("turn_aborted", 0)
    assert {u.model for u in of(told, "usage.recorded")} <= set(counted["models"])


@pytest.mark.parametrize("path", CODEX)
def test_the_totals_beside_a_codex_thread_are_reached_where_they_say_how_far_they_go(path):
    """They are those of a part of the file: after so many requests, at most the whole."""
    beside = json.loads((FOLDER / path).with_name("metadata.json").read_text())["token_usage"]
    whole = spent(events("codex", path))
    assert beside["input_tokens"] <= whole["input_tokens"]
    assert beside["cache_read_tokens"] <= whole["cache_read_tokens"]
    assert beside["output_tokens"] <= whole["output_tokens"]


def test_snapshots_of_a_codex_thread_tell_in_any_order_what_the_last_tells():
    first, second, last = (f"codex-agentv/019ed50c-snapshot{number}/full.jsonl" for number in (1, 2, 3))
    alone = set(map(repr, events("codex", last)))
    for order in ((first, second, last), (last, second, first), (second, last, first)):
        told = [event for event in events("codex", *order) if event.kind != "import.completed"]
        assert set(map(repr, told)) == {each for each in alone if not each.startswith("ImportCompleted")}
        assert len(told) == len(alone) - 1


def test_copilot_messages_cost_what_the_recorder_counted_up_to_its_last_request():
    beside = json.loads((FOLDER / "copilot-cli-agentv/10fb4666-permission/metadata.json").read_text())["token_usage"]
    usage = of(events("copilot", "copilot-cli-agentv/10fb4666-permission/full.jsonl"), "usage.recorded")
    assert sum(each.output_tokens for each in usage[: beside["api_call_count"]]) == beside["output_tokens"]


def test_a_pi_session_costs_what_its_messages_say():
    path = "pi-sessions/large-session.jsonl"
    counted: Counter[str] = Counter()
    calls = 0
    for line in (FOLDER / path).read_text().splitlines():
        message = json.loads(line).get("message", {})
        counted.update({name: n for name, n in message.get("usage", {}).items() if isinstance(n, int)})
        calls += message.get("role") == "assistant" and sum(b["type"] == "toolCall" for b in message["content"])
    told = events("pi", path)
    assert spent(told) == {
        "input_tokens": counted["input"],
        "cache_read_tokens": counted["cacheRead"],
        "output_tokens": counted["output"],
    }
    assert len(of(told, "tool.called")) == calls


@pytest.mark.parametrize("number", [1, 3, 8])
def test_a_hand_crafted_log_shows_who_stood_at_the_step_of_the_mistake(number):
    log = json.loads((FOLDER / f"who-and-when/Hand-Crafted/{number}.json").read_text())
    told = events("who-and-when", f"who-and-when/Hand-Crafted/{number}.json")
    messages = {event.payload["step"]: event for event in of(told, "message.sent")}
    assert len(messages) == len(log["history"])
    step = int(log["mistake_step"])
    assert messages[step].sender == log["mistake_agent"]
    routed = [each for each in log["history"] if "(->" in each["role"]]
    assert len(of(told, "handoff.offered")) == len(routed)
    assert [event.taker for event in of(told, "handoff.offered")] == [
        each["role"].partition("-> ")[2].rstrip(")") for each in routed
    ]


def test_beads_assignments_are_handoffs():
    lines = (FOLDER / "beads-events-gastown/events-first400.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assigned = 0
    for row in rows:
        old, new = ((row[name] or "").strip() for name in ("old_value", "new_value"))
        if new.startswith("{") and json.loads(new).get("assignee"):
            assigned += json.loads(new)["assignee"] != json.loads(old or "{}").get("assignee")
    told = events("beads", "beads-events-gastown/events-first400.jsonl")
    assert len(of(told, "handoff.offered")) == assigned > 0
    assert len(of(told, "incident.observed")) == len(rows)


@pytest.mark.parametrize(("name", "tools", "tokens"), [("helm.json", 1, 1), ("helm_2.json", 0, 1)])
def test_of_a_trace_with_doubled_requests_the_innermost_count(name, tools, tokens):
    told = events("traces", f"otel-agentevals/{name}")
    spans = json.loads((FOLDER / "otel-agentevals" / name).read_text())["data"][0]["spans"]
    tags = [
        {tag["key"]: tag["value"] for tag in span["tags"]} for span in spans if span["operationName"] == "openai.chat"
    ]
    assert len(of(told, "usage.recorded")) == len(tags) >= tokens
    assert sum(u.input_tokens + u.cache_read_tokens for u in of(told, "usage.recorded")) == sum(
        tag["gen_ai.usage.prompt_tokens"] for tag in tags
    )
    assert len({call.call for call in of(told, "tool.called")}) == tools


def test_stored_facts_can_be_read_again():
    log = MemoryLog(REDACTOR)
    import_paths(log, REDACTOR, "auto", [FOLDER / "framework-traces-langfuse"])
    for _, _, _, kind, _, state in log.rows(after=0, limit=10_000):
        decode(kind, json.loads(state))
