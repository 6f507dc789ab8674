"""A model plans: the same type of plan, held against the same rules; what it may not do is put right or not taken."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra 'llm' is not there")

from scripted import Say, Script, call, finish

from orchestrion.agents import Limits, Plan, load_roster, make_plan
from orchestrion.agents.minds import Minds
from orchestrion.agents.thinking.planning import Unplanned, plan_by_model, plan_or_fall_back
from orchestrion.domain import events as e

Agent = Callable[..., Path]


def plan(*tasks: dict[str, Any], why: str = "") -> Say:
    return call("plan", tasks=list(tasks), rationale=why)


def task(agent: str, *after: str, text: str = "Do it") -> dict[str, Any]:
    return {"agent": agent, "task": text, "after": list(after)}


@pytest.fixture
def made(agent: Agent, workspace: Path) -> Callable[..., Plan]:
    """The plan of a model that says `lines`, for a team of three."""
    for name in ("alpha", "beta", "gamma"):
        folder = agent(name)
    roster = load_roster(workspace, team=folder)

    def by(*lines: Any) -> Plan:
        script = Script({"planner": list(lines)})
        other = lambda: make_plan("alpha and beta", roster)  # noqa: E731
        return asyncio.run(plan_or_fall_back("alpha and beta", roster, script.model(), None, Limits(), other=other))

    by.roster = roster  # type: ignore[attr-defined]
    return by


def test_a_models_plan_is_a_plan(made: Callable[..., Plan]) -> None:
    got = made(plan(task("gamma"), task("beta", "gamma", text="Then this"), why="gamma first"))
    assert got.phases == (("gamma",), ("beta",))
    assert [(t.id, t.agent, t.task, t.depends_on) for t in got.tasks] == [
        ("task-1", "gamma", "Do it", ()),
        ("task-2", "beta", "Then this", ("task-1",)),
    ]
    assert (got.planner, got.rationale) == ("function:script", "gamma first")
    assert [fact.kind for fact in got.facts] == ["model.requested", "model.answered", "usage.recorded"]


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (plan(task("nobody")), "nobody who can work is called 'nobody'"),
        (plan(task("database-optimizer")), "nobody who can work is called 'database-optimizer'"),
        (plan(task("alpha"), task("alpha")), "stands in the plan twice"),
        (plan(task("alpha", "beta")), "waits for 'beta', who is not in the plan"),
        (plan(task("alpha", "beta"), task("beta", "alpha")), "wait for each other"),
    ],
    ids=["unknown", "cannot run", "twice", "missing", "cycle"],
)
def test_what_cannot_be_carried_out_is_said_to_the_model_which_may_put_it_right(
    bad: Say, why: str, made: Callable[..., Plan]
) -> None:
    told: list[str] = []

    def again(conversation: str) -> Say:
        told.append(conversation)
        return plan(task("alpha"))

    got = made(bad, again)
    assert got.phases == (("alpha",),)
    assert why in told[0]
    assert len([f for f in got.facts if isinstance(f, e.UsageRecorded)]) == 2


@pytest.mark.parametrize(
    "line",
    [plan(task("nobody")), Say(text="I would start with alpha."), call("plan", tasks=[]), RuntimeError("no wire")],
    ids=["never right", "chat", "empty", "error"],
)
def test_without_a_plan_that_holds_the_words_decide_and_it_is_said(line: Any, made: Callable[..., Plan]) -> None:
    if isinstance(line, RuntimeError):
        from pydantic_ai.exceptions import ModelHTTPError

        line = ModelHTTPError(500, "script", "no wire")
    got = made(line)
    assert got.phases == (("alpha", "beta"),)
    assert got.planner.startswith("vocabulary")
    assert "made no plan that can be carried out" in got.rationale
    assert got.facts


def test_a_model_that_makes_no_plan_is_refused_where_nothing_else_is_wanted(made: Callable[..., Plan]) -> None:
    script = Script({"planner": [Say(text="no")]})
    with pytest.raises(Unplanned, match="function:script made no plan"):
        asyncio.run(plan_by_model("x", made.roster, script.model(), None, Limits()))  # type: ignore[attr-defined]


def test_what_the_planner_asked_stands_in_the_log_of_the_session(
    made: Callable[..., Plan], play: Callable[..., Any]
) -> None:
    got = made(plan(task("beta"), why="beta suffices"))
    played = play("alpha and beta", plan=got)
    (fact,) = played.of(e.PlanMade)
    assert (fact.planner, fact.rationale) == ("function:script", "beta suffices")
    (usage,) = played.of(e.UsageRecorded)
    assert (usage.agent, usage.request_id) == ("planner", f"{played.result.session}/planner/request-1")
    assert [f.status for f in played.of(e.ModelAnswered)] == ["ok"]


def test_agents_without_a_runner_think_where_there_is_a_model(
    agent: Agent, play: Callable[..., Any], workspace: Path
) -> None:
    folder = workspace / ".claude/agents"
    folder.mkdir(parents=True)
    (folder / "delta.md").write_text("---\nname: delta\ndescription: Deltas.\ntools: Read\n---\nBe delta.\n")
    script = Script({"delta": [call("write_file", path="x", text="y"), finish(summary="thought")]})
    roster = load_roster(workspace).as_taking_part(Minds(script.model()))
    assert (roster["delta"].runner, roster["delta"].writes) == ("llm", False)
    from orchestrion.domain.events import PlannedTask

    alone = Plan("delta", (PlannedTask(id="task-1", agent="delta", task="delta"),), (("delta",),))
    played = play("delta", plan=alone, minds=Minds(script.model()))
    assert played.of(e.AgentCompleted)[0].summary == "thought"
    assert played.of(e.ToolReturned)[0].status == "error"  # it has no such tool: its file names Read alone
