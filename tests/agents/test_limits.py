"""Limits are checked before each call: budgets, loops and retries, each with a fact that says which."""

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Limits
from orchestrion.agents.budget import RunBudget, SessionBudget
from orchestrion.agents.limits import backoff_seconds
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.agents.running import RUNNERS
from orchestrion.domain import events as e
from orchestrion.domain.spending import Stopped

Agent = Callable[..., Path]


def steps(*scripts: str) -> list[dict[str, object]]:
    return [{"name": f"step-{n}", "run": ["python3", "-c", script]} for n, script in enumerate(scripts, 1)]


def reached(played: object) -> list[tuple[str, str, float, float]]:
    return [(f.agent, f.limit, f.allowed, f.reached) for f in played.of(e.LimitReached)]


def test_a_run_has_a_budget_of_tool_calls(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", steps=steps("1", "2", "3"))
    agent("beta")
    played = play("alpha beta", limits=Limits(agent_tool_calls=2))
    assert reached(played) == [("alpha", "agentToolCalls", 2, 2)]
    (failed,) = played.of(e.AgentFailed)
    assert (failed.status, failed.reason) == ("budget", "it has made all of its 2 tool calls")
    assert len(played.of(e.ToolCalled, agent="alpha")) == 2
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["beta"]


def test_a_session_has_a_budget_of_tool_calls_and_who_comes_after_is_not_begun(
    agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", steps=steps("1", "2"))
    agent("beta", after=["alpha-work"])
    played = play("alpha beta", limits=Limits(session_tool_calls=2))
    assert reached(played) == [("beta", "sessionToolCalls", 2, 2)]
    assert [(f.agent, f.status) for f in played.of(e.AgentFailed)] == [("beta", "budget")]
    assert (played.result.status, [f.status for f in played.of(e.SessionEnded)]) == ("budget", ["budget"])
    assert "the session has made all of its 2 tool calls" in played.result.reason


def test_the_same_call_over_and_over_is_a_loop(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", steps=[{"name": "again", "run": ["echo", "x"]}] * 4)
    played = play("alpha", limits=Limits(loop_calls=3))
    assert reached(played) == [("alpha", "loopCalls", 3, 4)]
    (failed,) = played.of(e.AgentFailed)
    assert failed.status == "loop"
    assert "called again 3 times in a row with the same parameters" in failed.reason
    assert len(played.of(e.ToolCalled)) == 3


def test_calls_that_differ_are_no_loop() -> None:
    budget = RunBudget("r", SessionBudget("s", Limits(loop_calls=2)))
    for _ in range(10):
        budget.spend("read", {"file": "a"})
        budget.spend("read", {"file": "b"})
    budget.spend("read", {"file": "b"})
    with pytest.raises(Stopped):
        budget.spend("read", {"file": "b"})


def test_the_end_of_an_agents_time_is_a_limit(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import time; time.sleep(60)", timeout=0.5)
    played = play("alpha")
    assert reached(played) == [("alpha", "agentTimeout", 0.5, 0.5)]
    assert [f.status for f in played.of(e.AgentFailed)] == ["timed_out"]


FLAKY = (
    "import pathlib, sys; p = pathlib.Path({mark!r}); n = len(p.read_text()) if p.exists() else 0\n"
    "p.write_text('x' * (n + 1)); sys.exit({code} if n < {bad} else 0)"
)


def test_a_failure_that_may_pass_is_tried_again(agent: Agent, play: Callable[..., object], tmp_path: Path) -> None:
    agent("alpha", FLAKY.format(mark=str(tmp_path / "m"), code=75, bad=2), step={"retry_on": [75]})
    played = play("alpha", limits=Limits(retry_seconds=0.01))
    assert played.result.status == "completed"
    assert [f.status for f in played.of(e.ToolReturned)] == ["error", "error", "ok"]
    retries = played.of(e.IncidentObserved, type="retry")
    assert [f.detail["retry"] for f in retries] == [1, 2]
    assert all("exit code 75" in f.detail["error"] for f in retries)


def test_it_is_tried_only_so_often(agent: Agent, play: Callable[..., object], tmp_path: Path) -> None:
    agent("alpha", FLAKY.format(mark=str(tmp_path / "m"), code=75, bad=9), step={"retry_on": [75]})
    played = play("alpha", limits=Limits(retry_seconds=0.01, retries=1))
    assert len(played.of(e.ToolCalled)) == 2
    assert [f.status for f in played.of(e.AgentFailed)] == ["failed"]


def test_a_failure_that_is_not_declared_is_not_tried_again(
    agent: Agent, play: Callable[..., object], tmp_path: Path
) -> None:
    agent("alpha", FLAKY.format(mark=str(tmp_path / "m"), code=1, bad=1), step={"retry_on": [75]})
    assert len(play("alpha").of(e.ToolCalled)) == 1


def test_a_timeout_is_tried_again_if_it_is_declared(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import time; time.sleep(60)", step={"timeout": 0.2, "retry_on": ["timeout"]})
    played = play("alpha", limits=Limits(retry_seconds=0.01, retries=1))
    assert [f.status for f in played.of(e.ToolReturned)] == ["timed_out"] * 2
    assert [f.status for f in played.of(e.AgentFailed)] == ["timed_out"]


def test_the_wait_grows_is_bounded_and_follows_from_the_seed() -> None:
    limits = Limits(retry_seconds=1)
    waits = [[backoff_seconds(limits, n, seed=seed, call="c") for n in (1, 2, 3, 20)] for seed in range(200)]
    for n, most in enumerate((1, 2, 4, 30)):
        assert 0.9 * most < max(wait[n] for wait in waits) <= most
        assert min(wait[n] for wait in waits) < 0.1 * most
    assert waits[7] == [backoff_seconds(limits, n, seed=7, call="c") for n in (1, 2, 3, 20)]


def test_the_seed_a_session_began_with_is_in_the_log(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha")
    options = play("alpha", seed=11).of(e.SessionStarted)[0].options
    assert options["seed"] == 11
    assert Limits.of(options["limits"]) == Limits()


class Asking:
    """A runner that asks a model over and over, each time for a hundred tokens."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        for number in range(20):
            desk.asks_model()
            for size in (40, 60):  # the same request, seen twice while it was streamed
                desk.used(f"{work.run}/{number}", "gpt-x", input_tokens=40, output_tokens=size)
        return Outcome(summary="asked")


class Cents:
    """One cent a hundred tokens; only of one model is the price known."""

    def cost(self, usage: e.UsageRecorded) -> float | None:
        return (usage.input_tokens + usage.output_tokens) / 10_000 if usage.model == "gpt-x" else None


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RUNNERS, "steps", Asking())  # type: ignore[arg-type]


BUDGETS = [
    (Limits(agent_tokens=250), ("agentTokens", 250, 300, 3)),
    (Limits(session_tokens=500), ("sessionTokens", 500, 500, 5)),
    (Limits(agent_cost=0.02), ("agentCost", 0.02, 0.02, 2)),
    (Limits(session_cost=0.035), ("sessionCost", 0.035, 0.04, 4)),
]


@pytest.mark.parametrize(("limits", "expected"), BUDGETS)
@pytest.mark.usefixtures("asking")
def test_tokens_and_money_are_budgets_checked_before_each_model_request(
    limits: Limits, expected: tuple[str, float, float, int], agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha")
    played = play("alpha", limits=limits, prices=Cents())
    (fact,) = played.of(e.LimitReached)
    requests = len({f.request_id for f in played.of(e.UsageRecorded)})
    assert (fact.limit, fact.allowed, round(fact.reached, 6), requests) == expected
    (failed,) = played.of(e.AgentFailed)
    assert failed.status == "budget"
    assert played.result.status == ("budget" if fact.limit.startswith("session") else "failed")


def test_a_budget_of_money_is_not_kept_by_taking_an_unknown_price_for_nothing() -> None:
    for prices in (None, Cents()):
        budget = RunBudget("r", SessionBudget("s", Limits(agent_cost=1.0), prices))
        budget.allow()
        budget.use(e.UsageRecorded(source="conductor", request_id="q", model="new-model", input_tokens=1))
        with pytest.raises(Stopped, match="the price of the model new-model is not known") as stopped:
            budget.allow()
        assert stopped.value.limit == "agentCost"


def test_what_ended_runs_spent_counts_on_when_a_session_is_resumed() -> None:
    budget = SessionBudget("s", Limits(session_tokens=100, session_tool_calls=3))
    about = {"source": "conductor", "session": "s", "run": "s/a-1"}
    budget.recall([e.UsageRecorded(**about, request_id="q", output_tokens=99)])
    budget.recall([e.ToolCalled(**about, call=f"c{n}", tool="t") for n in range(2)])
    assert budget.stopped() is None
    budget.recall([e.ToolCalled(**about, call="c3", tool="t")])
    stopped = budget.stopped()
    assert stopped is not None
    assert (stopped.limit, stopped.reached) == ("sessionToolCalls", 3)
