"""What one agent leaves to the next: built from the log, held against the workspace, taken or turned down."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Limits, Plan
from orchestrion.agents.package import build_package, problems_of
from orchestrion.domain import events as e

SPECIFIED = {
    "from": ..., "to": ..., "urgency": ..., "requiresValidation": ..., "blockingIssues": ..., "mcpData": ...,
    "executionContext": {
        "task", "filesModified", "filesRead", "searchResults", "decisions", "warnings", "discoveries"
    },
    "recommendations": {"nextActions", "potentialIssues", "optimizations", "testingNeeded", "securityReview"},
    "dependencies": {"completedTasks", "requiredInputs", "optionalInputs"},
}  # fmt: skip


def said(kind: e.MessageType, payload: dict[str, object], **fields: object) -> e.MessageSent:
    about = {"sender": "a", "recipient": "all", "run": "r1", "source": "conductor", "message": "m"}
    return e.MessageSent(**{**about, "type": kind, "payload": payload, **fields})


def package(facts: list[e.Event]) -> dict[str, object]:
    built = build_package(facts, run="r1", giver="a", taker="b", completed=["task-1"], validated_later=True)
    return built.as_json()


def test_the_package_has_every_field_of_the_specification() -> None:
    built = package([])
    assert set(built) == set(SPECIFIED)
    for part, fields in SPECIFIED.items():
        if fields is not ...:
            assert set(built[part]) == fields


def test_the_package_is_built_from_what_the_log_knows() -> None:
    finding = {
        "severity": "high",
        "issue": "SQL in text",
        "file": "x.py",
        "line": 3,
        "rule": "S608",
        "recommendation": "bind",
    }
    built = package(
        [
            e.AgentStarted(source="conductor", run="r1", task="look"),
            e.ToolCalled(source="conductor", run="r1", call="1", tool="Grep", params={"pattern": "sql"}),
            e.ToolReturned(source="conductor", run="r1", call="1", status="ok", result="x.py:3"),
            e.ToolCalled(
                source="conductor", run="r1", call="2", tool="query", mcp_server="postgres", params="select 1"
            ),
            e.ToolReturned(source="conductor", run="r1", call="2", status="ok", result=[1]),
            said("finding_report", finding, priority="high"),
            said("finding_report", {**finding, "severity": "low", "file": "z.py"}, run="another run"),
            said("warning", {"warning": "sessions will end"}),
            said("optimization_tip", {"tip": "cache it"}),
            e.AgentCompleted(
                source="conductor",
                run="r1",
                outputs={"fixed": 2, "remaining": 1, "files_deleted": ["old.py"]},
                files_modified=("y.py", "old.py"),
                files_read=("x.py",),
            ),
        ]
    )
    assert built["executionContext"] == {
        "task": "look",
        "filesModified": ["y.py", "old.py"],
        "filesRead": ["x.py"],
        "searchResults": [{"tool": "Grep", "params": {"pattern": "sql"}, "result": "x.py:3"}],
        "decisions": ["Fixed 2 findings automatically", "Left 1 findings that need a person's judgement"],
        "warnings": ["sessions will end"],
        "discoveries": ["x.py:3 S608 SQL in text"],
    }
    assert built["mcpData"] == {"postgresQueries": [{"tool": "query", "params": "select 1", "result": [1]}]}
    assert built["recommendations"]["nextActions"] == ["x.py:3: bind"]
    assert built["recommendations"]["optimizations"] == ["cache it"]
    assert built["recommendations"]["testingNeeded"] is True
    assert built["recommendations"]["securityReview"] is True
    assert (built["urgency"], built["requiresValidation"]) == ("high", True)
    assert built["dependencies"] == {
        "completedTasks": ["task-1"],
        "requiredInputs": ["x.py", "y.py"],
        "optionalInputs": [],
    }


def test_a_package_of_a_giver_that_died_says_what_blocks() -> None:
    built = package([e.AgentFailed(source="conductor", run="r1", reason="killed by signal 9")])
    assert built["blockingIssues"] == ["killed by signal 9"]


def test_a_package_that_does_not_hold_up_is_turned_down_with_every_reason(tmp_path: Path) -> None:
    built = package([])
    built["dependencies"] = {
        "completedTasks": ["task-1", "task-9"],
        "requiredInputs": ["gone.py", "../../etc/passwd"],
        "optionalInputs": [],
    }
    assert problems_of(built, tmp_path, ["task-1"]) == (
        "gone.py: is not in the workspace",
        "../../etc/passwd: lies outside the workspace",
        "task-9: is not complete",
    )


@pytest.mark.parametrize("wrong", [{}, {"from": "a"}, {"urgency": "panic"}])
def test_a_package_that_misses_its_schema_is_turned_down(wrong: dict[str, object], tmp_path: Path) -> None:
    built = {**package([]), **wrong} if "urgency" in wrong else wrong
    assert problems_of(built, tmp_path, ["task-1"])


def test_a_handoff_is_offered_accepted_and_completed_with_what_was_used(
    agent: Callable[..., Path], play: Callable[..., object]
) -> None:
    script = (
        "import json; print(json.dumps({'runs': [{'results': [{'ruleId': 'R1', 'message': {'text': 'bad'},"
        "'locations': [{'physicalLocation': {'artifactLocation': {'uri': 'app.py'}}}]}]}]}))"
    )
    agent("alpha", script, step={"reads": "sarif"})
    write = "import sys, pathlib; [pathlib.Path(p).write_text('new') for p in sys.argv[1:]]"
    step = {"name": "write", "run": ["python3", "-c", write, "{files}"]}
    agent("beta", steps=[step], writes=True, after=["alpha-work"])
    played = play("alpha beta")
    (offered,) = played.of(e.HandoffOffered)
    assert offered.package["dependencies"]["requiredInputs"] == ["app.py"]
    (accepted,) = played.of(e.HandoffAccepted)
    assert accepted.taker_run == played.of(e.AgentStarted, agent="beta")[0].run
    (completed,) = played.of(e.HandoffCompleted)
    assert completed.used == ("app.py",)
    (notice,) = played.of(e.MessageSent, type="handoff")
    assert notice.payload["handoff"] == offered.handoff
    assert [f.message for f in played.of(e.MessageDelivered, agent="beta")][-1] == notice.message


def test_two_pending_handoffs_to_one_agent_are_two(agent: Callable[..., Path], play: Callable[..., object]) -> None:
    agent("alpha")
    agent("beta")
    agent("gamma", after=["alpha-work", "beta-work"])
    played = play("alpha beta gamma")
    offered = played.of(e.HandoffOffered, taker="gamma")
    assert {f.giver for f in offered} == {"alpha", "beta"}
    assert len({f.handoff for f in offered}) == 2
    assert len(played.of(e.HandoffAccepted)) == len(played.of(e.HandoffCompleted)) == 2
    assert {row["status"] for row in played.result.handoffs} == {"completed"}


def test_a_handoff_that_does_not_hold_up_is_rejected_and_its_taker_does_not_run(
    agent: Callable[..., Path], play: Callable[..., object]
) -> None:
    script = (
        "import json, pathlib; pathlib.Path('app.py').unlink(); print(json.dumps({'runs': [{'results':"
        "[{'ruleId': 'R1', 'message': {'text': 'bad'},"
        "'locations': [{'physicalLocation': {'artifactLocation': {'uri': 'app.py'}}}]}]}]}))"
    )
    agent("alpha", script, step={"reads": "sarif"})
    agent("beta", after=["alpha-work"])
    played = play("alpha beta", limits=Limits(reworks=0))
    (rejected,) = played.of(e.HandoffRejected)
    assert rejected.problems == ("app.py: is not in the workspace",)
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("beta", "refused")
    assert "app.py: is not in the workspace" in failed.reason


LOOK = (
    "import json, pathlib; print(json.dumps({'runs': [{'results': [{'ruleId': 'R1', 'level': 'error',"
    " 'message': {'text': 'bad'}, 'locations': [{'physicalLocation': {'artifactLocation': {'uri': 'app.py'}}}]}"
    "] if pathlib.Path('app.py').exists() else []}]}))"
)


def test_what_does_not_hold_up_goes_back_to_its_giver_as_work_and_is_handed_over_anew(
    agent: Callable[..., Path], play: Callable[..., object], workspace: Path
) -> None:
    (workspace / "other.py").write_text("x = 1\n")
    agent("alpha", LOOK, step={"reads": "sarif"})
    agent("beta", "import pathlib; pathlib.Path('app.py').unlink()", writes=True, after=["alpha-work"])
    agent("gamma", after=["alpha-work", "beta-work"])
    waits = {"alpha": (), "beta": ("alpha",), "gamma": ("alpha", "beta")}
    tasks = tuple(e.PlannedTask(id=name, agent=name, task="work", depends_on=after) for name, after in waits.items())
    played = play("work", plan=Plan("work", tasks, (("alpha",), ("beta",), ("gamma",)), "test"))
    assert played.result.status == "completed", played.result.reason
    (rejected,) = played.of(e.HandoffRejected)
    assert (rejected.taker, rejected.problems) == ("gamma", ("app.py: is not in the workspace",))
    (judged,) = played.of(e.OutcomeJudged)
    first, second = played.of(e.AgentStarted, agent="alpha")
    assert (judged.subject, judged.rework, judged.by) == (first.run, True, "gamma")
    assert "gamma rejected what you handed over. Put this right:\n- app.py: is not in the workspace" in second.task
    (again,) = played.of(e.HandoffOffered, run=second.run)
    assert (again.taker, again.package["dependencies"]["requiredInputs"]) == ("gamma", [])
    assert sorted(row["status"] for row in played.result.handoffs) == ["completed"] * 3 + ["rejected"]


def test_it_goes_back_only_so_often_and_then_the_taker_is_refused(
    agent: Callable[..., Path], play: Callable[..., object]
) -> None:
    stubborn = LOOK.replace(" if pathlib.Path('app.py').exists() else []", "")
    agent(
        "alpha", "import pathlib; pathlib.Path('app.py').unlink(missing_ok=True); " + stubborn, step={"reads": "sarif"}
    )
    agent("beta", after=["alpha-work"])
    played = play("alpha beta", limits=Limits(reworks=2))
    assert len(played.of(e.AgentStarted, agent="alpha")) == len(played.of(e.HandoffRejected)) == 3
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("beta", "refused")
    assert failed.reason.count("app.py: is not in the workspace") == 1


def test_what_a_taker_read_or_named_to_a_tool_counts_as_used_and_what_it_was_only_told_does_not(
    agent: Callable[..., Path], play: Callable[..., object], workspace: Path
) -> None:
    (workspace / "other.py").write_text("x = 1\n")
    both = (
        LOOK.replace("'R1'", "name")
        .replace("[{'ruleId'", "[{'ruleId'")
        .replace("'uri': 'app.py'}}}]}]", "'uri': name}}}]} for name in ('app.py', 'other.py')]")
    )
    agent("alpha", both, step={"reads": "sarif"})
    agent("beta", steps=[{"name": "read", "run": ["cat", "app.py"]}], after=["alpha-work"])
    agent("gamma", command=["cat"], prompt="stdin", after=["alpha-work"])
    played = play("alpha beta gamma")
    used = {f.taker: f.used for f in played.of(e.HandoffCompleted)}
    assert used == {"beta": ("app.py",), "gamma": ()}
