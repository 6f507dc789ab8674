"""One scenario by every kind of runner: audit, handoff, fix, rejected, fixed, approved, then tests and documentation.

The log of each tells the same story. Compared are the facts by which a team works together: sessions, plans, runs,
handoffs, verdicts, and messages that report a finding or ask for and give a validation. How an agent does its own work
(calls, processes, model requests, tokens, approvals, its words to whoever reads along, when it looks at its messages)
is its runner's affair and is left out; a cause among those stands for the nearest compared fact that led to it.

The story is every run's facts in their order, and for each fact the one that caused it. Of runs that work side by side
neither is before the other.
"""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from scripted import Script, call, finish

from orchestrion.agents import Conductor
from orchestrion.agents.commanding import plan_request
from orchestrion.agents.minds import Minds
from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.domain.streams import stream_of
from orchestrion.eventstore import MemoryLog

SUPPORT = Path(__file__).parents[1] / "support"
AUDITOR, FIXER, TESTER, WRITER = "security-auditor", "backend-api-developer", "test-suite-developer", "docs-writer"
APP = '"""An app."""\n\n\ndef run(code: str) -> object:\n    """Run it."""\n    return eval(code)\n'
BAD, GOOD = APP.replace("eval(code)", "exec(code)"), APP.replace("eval(code)", '__import__("ast").literal_eval(code)')
TEST = "from app import run\n\n\ndef test_it() -> None:\n    assert run('1') == 1\n"
FOUND = {"severity": "high", "issue": "It runs text as code", "file": "app.py", "line": 6, "rule": "S307"}
RUFF = ["{own_python}", "-m", "ruff", "check", "--no-cache", "--isolated", "--select", "S", "--output-format", "sarif"]

KEYS: Mapping[str, dict[str, Any]] = {
    AUDITOR: {"capabilities": ["security-audit"], "order": 1},
    FIXER: {"capabilities": ["api-development"], "writes": ["app.py"], "validation": "security-audit", "order": 2},
    TESTER: {"capabilities": ["testing"], "order": 3},
    WRITER: {"capabilities": ["documentation"], "order": 4},
}
COMMAND = f"---\nplan:\n- {AUDITOR}\n- {FIXER}\n- [{TESTER}, {WRITER}]\n---\nMake it safe.\n"

PLAIN = f"""
import json, pathlib, sys
def work(name, prompt):
    "What the agent called `name` does and says, by the files and its prompt alone."
    app = pathlib.Path("app.py")
    if name == {AUDITOR!r} and "# Task\\n\\nValidate the changes of" in prompt:
        bad = "exec(" in app.read_text()
        return json.dumps({{"approved": not bad, "reasons": ["new finding: S102 in app.py"] * bad}})
    if name == {AUDITOR!r}:
        found = [{FOUND!r}] * ("eval(" in app.read_text())
        return "I looked.\\n```json\\n" + json.dumps({{"findings": found}}) + "\\n```"
    if name == {FIXER!r}:
        app.write_text({GOOD!r} if "Rework 1" in prompt else {BAD!r})
        return json.dumps({{"summary": "I changed it.", "fixed": [{FOUND!r}]}})
    return "Done."
"""


def steps(name: str) -> dict[str, Any]:
    """Real tools: ruff looks and judges, pytest tests; only the fix is a script."""
    fix = "import pathlib, sys; pathlib.Path('app.py').write_text(sys.argv[2 if 'Rework 1' in sys.argv[1] else 3])"
    look = {"run": [*RUFF, "app.py"], "reads": "sarif", "ok": [0, 1], "severities": {"S307": "high", "S102": "high"}}
    return {
        "runner": "steps",
        "steps": {
            AUDITOR: [{"name": "ruff", **look}],
            FIXER: [
                {"name": "before", "role": "before", "announce": "none", **look},
                {"name": "fix", "run": ["{own_python}", "-c", fix, "{request}", GOOD, BAD]},
                {"name": "after", "role": "after", "announce": "none", **look},
            ],
            TESTER: [
                {"name": "pytest", "run": ["{own_python}", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                 "--junit-xml", "{out}/t.xml"], "reads": "junit", "file": "{out}/t.xml", "ok": [0, 1]}
            ],
            WRITER: [
                {"name": "measure", "run": ["{own_python}", "{agents}/docstring_coverage.py", "{workspace}",
                 "{out}/d.sarif"]}
            ],
        }[name],
    }  # fmt: skip


def process(name: str) -> dict[str, Any]:
    """A command that reads its prompt and prints its conclusion."""
    code = f"{PLAIN}\nprint(work({name!r}, sys.stdin.read()))"
    return {"runner": "process", "command": [sys.executable, "-c", code], "prompt": "stdin"}


def acp(name: str) -> dict[str, Any]:
    """An agent of the protocol that does the same, and tells of it as one call."""
    code = (
        f"{PLAIN}\nsys.path.insert(0, {str(SUPPORT)!r})\nfrom acp_raw import speak\n"
        "async def turn(me, prompt):\n    await me.tool('work', 'Work', 'think')\n"
        f"    said = work({name!r}, prompt)\n    await me.update('work', status='completed')\n"
        "    await me.say(said)\nspeak(turn)"
    )
    return {"runner": "acp", "command": [sys.executable, "-c", code]}


def llm(_: str) -> dict[str, Any]:
    """A scripted model with the workspace's tools."""
    return {"runner": "llm", "tools": "Read, Write"}


MIND = Script(
    {
        AUDITOR: [
            call("read_file", path="app.py"),
            finish(summary="I looked.", findings=[FOUND]),
            finish(approved=False, reasons=["new finding: S102 in app.py"]),
            finish(approved=True),
        ],
        FIXER: [
            call("write_file", path="app.py", text=BAD),
            finish(summary="I changed it.", fixed=[FOUND]),
            call("write_file", path="app.py", text=GOOD),
            finish(summary="I changed it.", fixed=[FOUND]),
        ],
        TESTER: [finish(summary="Done.")],
        WRITER: [finish(summary="Done.")],
    }
)
WAYS: Mapping[str, Callable[[str], dict[str, Any]]] = {"steps": steps, "process": process, "acp": acp, "llm": llm}
STORY = {
    "": ["session.started", "plan.made", "session.ended completed"],
    f"{AUDITOR}-1": [
        f"agent.started {AUDITOR}-1 ← plan.made",
        f"finding_report S307 app.py ← agent.started {AUDITOR}-1",
        f"agent.completed {AUDITOR}-1 completed",
        f"handoff.offered {FIXER} ← agent.completed {AUDITOR}-1 completed",
    ],
    f"{FIXER}-1": [
        f"handoff.accepted {FIXER}",
        f"agent.started {FIXER}-1 ← handoff.accepted {FIXER}",
        f"validation_request app.py ← agent.started {FIXER}-1",
        f"validation_request app.py ← agent.started {FIXER}-1",
        f"agent.completed {FIXER}-1 completed",
        f"handoff.completed {FIXER}",
        f"handoff.offered {TESTER} ← agent.completed {FIXER}-1 completed",
        f"handoff.offered {WRITER} ← agent.completed {FIXER}-1 completed",
    ],
    f"{AUDITOR}-2": [
        f"agent.started {AUDITOR}-2 ← validation_request app.py",
        f"validation_result new finding: S102 in app.py ← agent.started {AUDITOR}-2",
        f"agent.completed {AUDITOR}-2 completed",
        f"outcome.judged rejected by {AUDITOR} ← agent.completed {AUDITOR}-2 completed",
    ],
    f"{AUDITOR}-3": [
        f"agent.started {AUDITOR}-3 ← validation_request app.py",
        f"validation_result approved ← agent.started {AUDITOR}-3",
        f"agent.completed {AUDITOR}-3 completed",
    ],
    **{
        f"{name}-1": [
            f"handoff.accepted {name}",
            f"agent.started {name}-1 ← handoff.accepted {name}",
            f"agent.completed {name}-1 completed",
            f"handoff.completed {name}",
        ]
        for name in (TESTER, WRITER)
    },
}
"""What each must tell: by run, its compared facts in order, each with what led to it."""


def tell(fact: e.Event) -> str | None:  # noqa: PLR0911 - a table of words
    """A compared fact in words; None for one that is not compared."""
    match fact:
        case e.SessionStarted() | e.PlanMade():
            return fact.kind
        case e.SessionEnded():
            return f"{fact.kind} {fact.status}"
        case e.AgentStarted():
            return f"{fact.kind} {(fact.run or '').rpartition('/')[2]}"
        case e.AgentCompleted() | e.AgentFailed():
            return f"{fact.kind} {(fact.run or '').rpartition('/')[2]} {fact.status}"
        case e.MessageSent(type="finding_report"):
            return f"{fact.type} {fact.payload['rule']} {fact.payload['file']}"
        case e.MessageSent(type="validation_request"):
            return f"{fact.type} {', '.join(fact.payload['files'])}"
        case e.MessageSent(type="validation_result"):
            return f"{fact.type} {'approved' if fact.payload['approved'] else fact.payload['reasons'][0]}"
        case e.HandoffOffered() | e.HandoffAccepted() | e.HandoffRejected() | e.HandoffCompleted():
            return f"{fact.kind} {fact.taker}"
        case e.OutcomeJudged():
            return f"{fact.kind} {fact.verdict} by {fact.by}"
        case _:
            return None


def story(log: MemoryLog, session: str) -> dict[str, list[str]]:
    """By run (the session's own facts under ""), its compared facts in order, each with what led to it."""
    records = [r for r in log.read() if isinstance(r, Record) and r.event.session == session]
    by_place = {record.place: record.event for record in records}
    told: dict[str, list[str]] = {}
    for record in records:
        words = tell(record.event)
        if words is None:
            continue
        cause = record.event.cause
        while cause and cause in by_place and tell(by_place[cause]) is None:
            cause = by_place[cause].cause
        why = tell(by_place[cause]) if cause in by_place else None
        run = "" if stream_of(record.event).startswith("session-") else (record.event.run or "").rpartition("/")[2]
        told.setdefault(run, []).append(f"{words} ← {why}" if why else words)
    return told


@pytest.fixture
def perform(tmp_path: Path, log: MemoryLog, home: Path) -> Callable[..., Any]:
    """The scenario by a team whose agents have these runners; the log's story of it, and its result."""

    def run(ways: Mapping[str, Callable[[str], dict[str, Any]]]) -> Any:
        project = tmp_path / "project"
        (project / ".claude/commands").mkdir(parents=True)
        (project / ".claude/commands/secure.md").write_text(COMMAND)
        (project / ".claude/agents").mkdir()
        (project / "app.py").write_text(APP)
        (project / "test_app.py").write_text(TEST)
        for name, way in ways.items():
            keys = {"name": name, **KEYS[name], **way(name)}
            front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
            (project / f".claude/agents/{name}.md").write_text(f"---\n{front}\n---\nBe {name}.\n")
        roster, plan = plan_request("/secure", project)
        MIND.asked.clear()
        conductor = Conductor(log, home=home, minds=Minds(MIND.model()))
        result = asyncio.run(conductor.execute(plan.request, project, roster, plan=plan))
        return result, story(log, result.session)

    return run


@pytest.mark.parametrize("way", WAYS)
def test_the_scenario_tells_the_same_story_whoever_plays_it(way: str, perform: Any) -> None:
    result, told = perform(dict.fromkeys(KEYS, WAYS[way]))
    assert result.status == "completed", result.reason
    assert "literal_eval" in result.diff
    assert way != "steps" or result.tests["passed"] == 1, "these are real tools"
    assert told == STORY


def test_a_team_of_all_four_kinds_tells_it_too(perform: Any) -> None:
    result, told = perform({AUDITOR: steps, FIXER: acp, TESTER: process, WRITER: llm})
    assert result.status == "completed", result.reason
    assert told == STORY
