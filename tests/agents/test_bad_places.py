"""Places that vanish and plans that cannot be: each a typed fact or a clear refusal, and the others go on."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Conductor, Plan, load_roster
from orchestrion.domain import events as e
from orchestrion.domain.errors import BadPlan
from orchestrion.domain.events import PlannedTask
from orchestrion.eventstore import MemoryLog

Agent = Callable[..., Path]


def test_a_cyclic_plan_is_refused_before_anything_is_written(
    agent: Agent, log: MemoryLog, home: Path, workspace: Path
) -> None:
    agent("alpha")
    roster = load_roster(workspace, team=agent("beta"))
    tasks = (
        PlannedTask(id="1", agent="alpha", task="x", depends_on=("2",)),
        PlannedTask(id="2", agent="beta", task="y", depends_on=("1",)),
    )
    plan = Plan("x", tasks, (("alpha",), ("beta",)), "user")
    with pytest.raises(BadPlan, match="alpha"):
        asyncio.run(Conductor(log, home=home).execute("x", workspace, roster, plan=plan))
    assert log.head() == 0
    assert not (home / "workspaces").exists()


def test_a_tree_deleted_under_its_agent_fails_that_agent_alone(agent: Agent, play: Callable[..., object]) -> None:
    agent(
        "alpha",
        steps=[
            {"name": "destroy", "run": ["python3", "-c", "import os, shutil; shutil.rmtree(os.getcwd())"]},
            {"name": "next", "run": ["echo", "x"]},
        ],
        writes=True,
    )
    agent("beta", "open('b', 'w').write('b')", writes=True)
    played = play("alpha beta")
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("alpha", "failed")
    assert "the workspace is gone" in failed.reason
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["beta"]
    assert "+b" in played.result.diff


def test_a_tree_that_is_deleted_as_a_whole_is_no_change_to_apply(
    agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    (workspace / "app.py").write_text("x = 1\n")
    agent("alpha", "import os, shutil; shutil.rmtree(os.getcwd())", writes=True)
    played = play("alpha", apply=True)
    assert played.result.status == "failed"
    assert played.of(e.AgentFailed)[0].reason == "its working copy was deleted while it worked"
    assert (workspace / "app.py").read_text() == "x = 1\n"


def test_a_working_copy_that_one_who_only_reads_deletes_is_not_applied(
    agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    (workspace / "app.py").write_text("x = 1\n")
    agent("alpha", "import os, shutil; shutil.rmtree(os.getcwd())")
    played = play("alpha", apply=True)
    assert played.result.status == "failed"
    assert "its working copy was deleted while it ran" in played.result.reason
    assert (workspace / "app.py").read_text() == "x = 1\n"


def test_a_session_whose_whole_place_is_deleted_ends_with_facts(agent: Agent, play: Callable[..., object]) -> None:
    script = "import os, pathlib, shutil; shutil.rmtree(pathlib.Path(os.getcwd()).parents[0])"
    agent("alpha", script)
    agent("beta", "print('x')", after=["alpha-work"], writes=True)
    agent("gamma", after=["beta-work"])
    played = play("alpha beta gamma")
    assert played.result.status == "failed"
    ends = {f.agent: f.status for f in (*played.of(e.AgentFailed), *played.of(e.AgentCompleted))}
    assert ends["alpha"] == "completed"
    assert ends.keys() == {"alpha", "beta", "gamma"}
    assert [f.status for f in played.of(e.SessionEnded)] == ["failed"]
