"""The security fix with full communication, by the shipped program: what each command says of it is the same story."""

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrion import example_repository

REQUEST = "Fix security vulnerability in authentication endpoint"
EVERYTHING = ("--session", "last", "--limit", "1000", "--format", "json")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Callable[..., str]]:
    """What `run` answered, and a way to ask the log it left."""
    folder = tmp_path_factory.mktemp("agreement")
    project = shutil.copytree(example_repository(), folder / "project")
    program = Path(sys.executable).parent / "orchestrion"

    def ask(*arguments: str) -> str:
        command = [program, *arguments, "--home", str(folder / "home")]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return json.loads(ask("run", REQUEST, "--workspace", str(project), "--format", "json")), ask


@pytest.fixture(scope="module")
def told(played: tuple[dict[str, Any], Callable[..., str]]) -> dict[str, Any]:
    """What the commands say of the session."""
    _, ask = played
    rows = {name: json.loads(ask(name, *EVERYTHING)) for name in ("messages", "handoffs", "agents", "tools")}
    return rows | {"report": json.loads(ask("report", "last", "--format", "json")), "log": ask("log", "last")}


def test_the_scenario_of_the_specification_happens_in_its_order(told: dict[str, Any]) -> None:
    said = [(m["sender"], m["recipient"], m["type"]) for m in told["messages"]]
    auditor, developer = "security-auditor", "backend-api-developer"
    steps = [
        (auditor, "all", "finding_report"),
        (auditor, developer, "handoff"),
        (developer, auditor, "validation_request"),
        (auditor, developer, "validation_result"),
        (developer, "test-suite-developer", "handoff"),
    ]
    assert [said.index(step) for step in steps] == sorted(said.index(step) for step in steps)
    (verdict,) = [m["payload"] for m in told["messages"] if m["type"] == "validation_result"]
    assert verdict["approved"] is True
    tests, docs = (
        next(run for run in told["agents"] if run["agent"] == name) for name in ("test-suite-developer", "docs-writer")
    )
    assert tests["started_at"] < docs["ended_at"], "they work side by side"
    assert docs["started_at"] < tests["ended_at"]
    assert all(run["status"] == "completed" for run in told["agents"])
    assert all(call["status"] == "ok" for call in told["tools"])


def test_all_are_told_what_the_auditor_found(
    told: dict[str, Any], played: tuple[dict[str, Any], Callable[..., str]]
) -> None:
    found = [m["message"] for m in told["messages"] if m["type"] == "finding_report"]
    query = "SELECT message, recipient, state FROM deliveries"
    rows = json.loads(played[1]("sql", query, "--format", "json"))
    got = {name: {row["recipient"] for row in rows if row["message"] == name} for name in found}
    assert set(map(frozenset, got.values())) == {
        frozenset({"backend-api-developer", "test-suite-developer", "docs-writer"})
    }
    assert {row["state"] for row in rows if row["message"] in found} == {"delivered"}


def test_run_messages_handoffs_and_agents_name_the_same_things(
    told: dict[str, Any], played: tuple[dict[str, Any], Callable[..., str]]
) -> None:
    run, _ = played
    assert [m["message"] for m in run["messages"]] == [m["message"] for m in told["messages"]]
    pairs = [(h["handoff"], h["giver"], h["taker"], h["status"]) for h in told["handoffs"]]
    assert [(h["handoff"], h["giver"], h["taker"], h["status"]) for h in run["handoffs"]] == pairs
    assert {status for *_, status in pairs} == {"completed"}
    assert {(a["run"], a["status"], a["duration_ms"]) for a in run["agents"]} == {
        (a["run"], a["status"], a["duration_ms"]) for a in told["agents"]
    }
    notices = {m["payload"]["handoff"] for m in told["messages"] if m["type"] == "handoff"}
    assert notices == {handoff for handoff, *_ in pairs}


def test_the_report_counts_what_the_lists_hold(told: dict[str, Any]) -> None:
    report = told["report"]
    assert report["header"]["status"]["value"] == "completed"
    assert report["summary"]["messages"]["value"] == len(told["messages"])
    assert report["metrics"]["tool_calls"]["value"] == len(told["tools"])
    assert {line["run"] for line in report["agents"]} == {run["run"] for run in told["agents"]}
    for line in report["agents"]:
        run = next(run for run in told["agents"] if run["run"] == line["run"])
        assert (line["status"], line["duration_ms"]["value"]) == (run["status"], run["duration_ms"])
        assert line["tool_calls"]["value"] == sum(call["run"] == line["run"] for call in told["tools"])
    assert {h["handoff"] for h in report["handoffs"]} == {h["handoff"] for h in told["handoffs"]}
    flows = {(f["sender"], f["recipient"]): f["messages"]["value"] for f in report["flows"] if f["messages"]["value"]}
    assert flows == Counter((m["sender"], m["recipient"]) for m in told["messages"])


def test_the_log_tells_as_many_as_the_lists_hold(told: dict[str, Any]) -> None:
    story = told["log"]
    counted = re.search(r"∑ (\d+) agents?, (\d+) calls?, (\d+) messages?, (\d+) handoffs?", story)
    assert counted is not None, story[-500:]
    lists = tuple(len(told[name]) for name in ("agents", "tools", "messages", "handoffs"))
    assert tuple(map(int, counted.groups())) == lists
    assert len(re.findall(r"💬 \[", story)) == len(told["messages"])
    assert len(re.findall(r"🤝 \[\S+\] HANDOFF: ", story)) == len(told["handoffs"])
    assert len(re.findall(r"AGENT COMPLETED: ", story)) == len(told["agents"])
