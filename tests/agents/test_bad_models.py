"""Models that misbehave, over the wire and not: each ends in a typed fact and a sentence, and the others go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra 'llm' is not there")

from openai_server import Wire, limited, refusal, serving
from scripted import Say, Script, call, finish

from orchestrion.agents.limits import Limits
from orchestrion.agents.minds import Minds
from orchestrion.domain import events as e
from orchestrion.domain.errors import CannotRun

QUICK = Limits(retry_seconds=0.01, model_seconds=30.0)
GOOD = {"beta": [finish(summary="well")]}
Play = Callable[..., Any]


@pytest.fixture
def team(agent: Callable[..., Path]) -> Path:
    agent("alpha", runner="llm", writes=True)
    return agent("beta", runner="llm", writes=False)


def played_over_the_wire(play: Play, *lines: Any, limits: Limits = QUICK) -> Any:
    with serving({"alpha": list(lines), **GOOD}) as server:
        played = play("alpha beta", minds=Minds("openai:loopback-1", url=server.url), limits=limits)
    assert [f.agent for f in played.of(e.AgentCompleted) if f.agent == "beta"] == ["beta"]
    played.server = server
    return played


@pytest.mark.parametrize(
    ("wire", "status", "said"),
    [
        (Wire(body=b"\x00<html>nonsense"), "failed", "gave no usable answer"),
        (Wire(body=b'{"choices": []}'), "failed", "gave no usable answer"),
        (Wire(500, b'{"error": {"message": "boom"}}'), "failed", "answered with an error (2 times)"),
        (Wire(401, b'{"error": {"message": "who are you"}}'), "failed", "does not take the key"),
        (Wire(404, b'{"error": {"message": "?", "code": "model_not_found"}}'), "failed", "there is no model"),
        (limited(), "failed", "is over its rate limit (2 times)"),
        (refusal("I will not do that"), "refused", "refused to answer: I will not do that"),
        (Say(text="Sure! Here is a poem."), "failed", "gave no usable answer"),
    ],
    ids=["rubbish", "nothing", "broken", "key", "model", "limit", "refusal", "chat"],
)  # fmt: skip
def test_a_model_that_does_not_answer_as_it_must_ends_its_run_with_a_reason(
    wire: Any, status: str, said: str, team: Path, play: Play
) -> None:
    played = played_over_the_wire(play, wire, limits=Limits(retry_seconds=0.01, retries=1))
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("alpha", status)
    assert said in failed.reason
    assert "Traceback" not in failed.reason
    if not isinstance(wire, Say):
        assert played.of(e.ModelAnswered, agent="alpha")[-1].status in {"error", "ok"}


def test_a_rate_limit_that_passes_is_waited_for_and_is_a_fact(team: Path, play: Play) -> None:
    played = played_over_the_wire(play, limited(), limited(), finish(summary="at last"))
    assert {f.summary for f in played.of(e.AgentCompleted)} == {"at last", "well"}
    retries = played.of(e.IncidentObserved, type="retry")
    assert [f.detail["retry"] for f in retries] == [1, 2]
    assert "slow down" in retries[0].detail["error"]
    assert len(played.of(e.ModelAnswered, agent="alpha")) == 1


def test_a_model_that_hangs_is_cut_off_and_tried_again(team: Path, play: Play) -> None:
    limits = Limits(retry_seconds=0.01, retries=1, model_seconds=0.5)
    played = played_over_the_wire(play, Wire(silent=True), limits=limits)
    (failed,) = played.of(e.AgentFailed)
    assert (failed.status, failed.reason) == (
        "timed_out",
        "the model openai:loopback-1 did not answer within 0.5 s (2 times)",
    )
    assert played.of(e.ModelAnswered, agent="alpha")[0].status == "timed_out"


def test_a_tool_that_does_not_exist_is_a_failed_call_and_the_agent_may_go_on(team: Path, play: Play) -> None:
    played = played_over_the_wire(play, call("delete_everything", path="/"), finish(summary="never mind"))
    (returned,) = (f for f in played.of(e.ToolReturned) if f.agent == "alpha")
    assert (returned.status, returned.error[:49]) == ("error", "there is no tool called 'delete_everything'; ther")
    assert {f.summary for f in played.of(e.AgentCompleted)} == {"never mind", "well"}


def test_wrong_parameters_are_answered_with_what_is_wrong(team: Path, play: Play) -> None:
    played = played_over_the_wire(play, call("read_file", file="app.py"), finish(summary="ok"))
    (returned,) = (f for f in played.of(e.ToolReturned) if f.agent == "alpha")
    assert returned.status == "error"
    assert "path: Field required" in returned.error


def test_a_model_that_repeats_itself_is_stopped_as_a_loop(team: Path, play: Play) -> None:
    script = Script({"alpha": [call("list_files")], **GOOD})
    played = play("alpha beta", minds=Minds(script.model()), limits=QUICK)
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("alpha", "loop")


def test_a_budget_of_tokens_stops_before_the_next_request(team: Path, play: Play) -> None:
    script = Script({"alpha": [call("list_files", pattern=f"{n}*") for n in range(50)], **GOOD})
    limits = Limits(agent_tokens=300)
    played = play("alpha beta", minds=Minds(script.model()), limits=limits)
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("alpha", "budget")
    (reached,) = played.of(e.LimitReached)
    assert (reached.limit, reached.allowed) == ("agentTokens", 300)
    spent = [f.input_tokens + f.output_tokens for f in played.of(e.UsageRecorded, agent="alpha")]
    assert sum(spent[:-1]) < 300 <= sum(spent) == reached.reached
    assert script.asked["alpha"] == len(spent)


def test_a_model_nobody_knows_is_refused_before_anything_happens(team: Path, play: Play, log: Any) -> None:
    for name, said in (("gpt-x", "names no provider"), ("nonsense:x", "cannot be used: Unknown provider")):
        with pytest.raises(CannotRun, match=said):
            play("alpha beta", minds=Minds(name))
    with pytest.raises(CannotRun, match=r"alpha has no model: give --model"):
        play("alpha beta")
    assert log.head() == 0


def test_a_key_that_is_missing_is_named(team: Path, play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(CannotRun, match="OPENAI_API_KEY"):
        play("alpha beta", minds=Minds("openai:gpt-5"))


def test_without_the_extra_the_command_that_installs_it_is_said(
    team: Path, play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pydantic_ai" else there(name))
    with pytest.raises(CannotRun, match=r"needs the extra 'llm'; run: pip install 'orchestrion\[llm\]'"):
        play("alpha beta", minds=Minds("openai:gpt-5"))
