"""Real recordings: every one imports, its ledger adds up, and its numbers are those of two independent counts.

One count came with the recordings (COUNTS.json), the other is made here, from the raw lines, by other code than ours.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "sessions"
FILES = sorted(str(p.relative_to(FOLDER)) for p in FOLDER.glob("claude-code*/**/*.jsonl"))
SESSIONS = [name for name in FILES if "gemini" not in name]
SNAPSHOTS = [name for name in FILES if "163396cf" in name]
FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
OURS = "coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0), coalesce(sum(cache_read_tokens), 0), \
coalesce(sum(cache_write_tokens), 0)"

if not FILES:
    pytest.skip(f"no recordings beside the checkout: {FOLDER} is not there", allow_module_level=True)


def values_of(path: Path) -> list[dict[str, Any]]:
    """All JSON objects of a file, by a decoder that steps over what is glued together."""
    decoder, found = json.JSONDecoder(), []
    for line in path.read_text().split("\n"):
        rest = line.strip()
        while rest:
            value, end = decoder.raw_decode(rest)
            found.append(value)
            rest = rest[end:].lstrip()
    return found


def recount(path: Path) -> dict[str, Any]:
    """What a file's own lines say, counted naively."""
    calls: dict[str, str] = {}
    errors: set[str] = set()
    returned: set[str] = set()
    usage: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    texts: set[str] = set()
    for value in values_of(path):
        message = value.get("message")
        if value.get("type") not in ("user", "assistant") or not isinstance(message, dict):
            continue
        for block in message["content"] if isinstance(message["content"], list) else ():
            if block["type"] == "tool_use":
                calls[block["id"]] = block["name"]
            elif block["type"] == "tool_result":
                returned.add(block["tool_use_id"])
                if block.get("is_error"):
                    errors.add(block["tool_use_id"])
            elif block["type"] == "text" and value["type"] == "assistant" and block["text"].strip():
                texts.add(value["uuid"])
        if message.get("usage"):
            seen = [message["usage"].get(name, 0) for name in FIGURES]
            usage[message["id"]] = list(map(max, usage[message["id"]], seen))
    return {
        "tools": dict(Counter(calls.values())),
        "errors": len(errors),
        "unresolved": len(calls.keys() - returned),
        "usage": [sum(column) for column in zip(*usage.values(), strict=True)] or [0, 0, 0, 0],
        "responses": len(texts),
    }


@pytest.fixture(scope="module")
def counts(recordings):
    return json.loads((recordings / "COUNTS.json").read_text())


@pytest.mark.parametrize("name", SESSIONS)
def test_a_recording_has_the_numbers_of_both_counts(workshop, recordings, counts, whole, name):
    path = recordings / name
    report = workshop.bring(path).as_json()
    row, count, ours = report["ledger"][0], counts[name], recount(path)
    raw = path.read_bytes()
    assert whole(report)
    assert row["lines"] == raw.count(b"\n") + (not raw.endswith(b"\n"))
    assert (row["types"], row["unparseable"], row["conflicts"]) == (count["types"], count["unparsable"], 0)
    assert set(row["sessions"]) == set(count["sessions"])
    own = "run LIKE '%/main'" if "subagents" not in name else "run NOT LIKE '%/main'"
    told = workshop.rows(
        "SELECT (SELECT map_from_entries(list((tool, n))) FROM "  # noqa: S608
        f"(SELECT tool, count(*) AS n FROM tool_calls WHERE {own} GROUP BY tool)) AS tools,"
        f"(SELECT count(*) FROM tool_calls WHERE {own} AND error IS NOT NULL) AS errors,"
        f"(SELECT count(*) FROM tool_calls WHERE {own} AND status = 'unresolved') AS unresolved,"
        f"(SELECT [{OURS}] FROM usage WHERE {own}) AS usage,"
        f"(SELECT count(*) FROM messages WHERE {own} AND type = 'response') AS responses,"
        f"(SELECT count(*) FROM incidents WHERE {own} AND type = 'interruption') AS interrupts"
    )[0]
    told["tools"] = dict(told["tools"] or {})
    assert told == {**ours, "interrupts": count["interrupts"]}
    assert (told["tools"], told["unresolved"]) == (count["tools"], count["tool_unresolved"])
    assert told["errors"] == count["tool_errors"]
    assert told["usage"] == [count["usage_dedup_by_message_id_max"].get(name, 0) for name in FIGURES]
    assert workshop.bring(path).as_json()["events_appended"] == 0


@pytest.mark.parametrize("name", [name for name in SESSIONS if "subagents" not in name])
def test_its_agents_are_those_that_the_recording_names(workshop, recordings, counts, name):
    workshop.bring_bytes((recordings / name).read_bytes())  # without its subagents' files
    count = counts[name]
    runs = {e.run for e in workshop.events("agent.started") if e.parent_run}
    named = {agent for agent, _ in count["spawn_results"].values()} | set(count["agent_ids_in_progress"])
    assert {run.rpartition("/")[2] for run in runs} == named
    started = {e.parent_call for e in workshop.events("agent.started") if e.parent_run}
    assert started >= set(count["spawn_results"])
    spawns = Counter(
        e.params.get("subagent_type") for e in workshop.events("tool.called") if e.tool in ("Task", "Agent")
    )
    assert spawns == count["spawns"]
    ended = {e.run for e in workshop.events("agent.completed")}
    assert len(ended) == len(count["spawn_results"])
    mains = [e.run for e in workshop.events("agent.started") if e.parent_run is None]
    assert len(mains) == len(count["sessions"])


@pytest.mark.parametrize("name", [name for name in FILES if "gemini" in name])
def test_a_recording_of_something_else_is_named_and_ignored(workshop, recordings, name):
    report = workshop.bring(recordings / name).as_json()
    assert report["ignored"] == report["lines"] > 0
    assert "JSON document" in report["ledger"][0]["note"]


def test_a_trunk_with_its_subagents_is_one_session_in_any_order(workshop, recordings):
    folder = recordings / "claude-code-spotter" / "-home-USER-projects-spotter"
    files = sorted(folder.rglob("*.jsonl"))
    told = []
    for number, order in enumerate((files, files[::-1])):
        shop = workshop.fresh(f"order{number}")
        for path in order:
            assert all(row["conflicts"] == 0 for row in shop.bring(path).as_json()["ledger"])
        told.append(shop.tables())
    assert told[0] == told[1]
    runs = shop.rows(
        "SELECT session, count(*) FILTER (parent_run IS NULL) AS roots, count(*) AS n FROM agent_runs GROUP BY ALL"
    )
    assert sorted((row["roots"], row["n"]) for row in runs) == [(1, 3), (1, 4)]
    once = defaultdict(lambda: [0, 0, 0, 0])
    for path in files:
        for value in values_of(path):
            message = value.get("message") or {}
            if value["type"] == "assistant" and message.get("usage"):
                seen = [message["usage"].get(name, 0) for name in FIGURES]
                once[message["id"]] = list(map(max, once[message["id"]], seen))
    total = shop.rows(f"SELECT [{OURS}] AS total FROM usage")[0]["total"]  # noqa: S608
    assert total == [sum(column) for column in zip(*once.values(), strict=True)]


def test_growing_snapshots_tell_in_any_order_what_the_last_tells(workshop, recordings):
    first, second, last = (recordings / name for name in SNAPSHOTS)
    alone = workshop.fresh("alone")
    alone.bring(last)
    for number, order in enumerate([(first, second, last), (last, second, first), (second, first, last)]):
        shop = workshop.fresh(f"order{number}")
        for path in order:
            shop.bring(path)
        assert shop.facts() == alone.facts()
    assert shop.tables() == alone.tables()


@pytest.mark.parametrize("name", SESSIONS)
def test_a_recording_that_is_cut_and_grown_tells_the_same_facts(workshop, recordings, name):
    raw = (recordings / name).read_bytes()
    lines = raw.splitlines(keepends=True)
    at_once = workshop.fresh("at-once")
    at_once.bring_bytes(raw)
    cuts = range(0, len(lines), max(1, len(lines) // (20 if len(raw) < 50_000 else 2)))
    for cut in cuts:
        shop = workshop.fresh(f"cut-{cut}")
        shop.bring_bytes(b"".join(lines[:cut]))
        shop.bring_bytes(raw)
        assert shop.facts() == at_once.facts()
