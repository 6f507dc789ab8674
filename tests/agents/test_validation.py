"""Changes are approved when nothing new is found and all that was claimed is gone; else the author's run fails."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Limits
from orchestrion.agents.reports import Finding
from orchestrion.agents.validating import judge
from orchestrion.domain import events as e

Agent = Callable[..., Path]
CHECK = (
    "import json, pathlib, sys; found = [{'ruleId': 'BAD', 'level': 'error', 'message': {'text': 'bad'}, 'locations':"
    " [{'physicalLocation': {'artifactLocation': {'uri': f}, 'region': {'startLine': n}}}]}"
    " for f in sorted(map(str, pathlib.Path('.').glob('*.py')))"
    " for n, line in enumerate(pathlib.Path(f).read_text().split(), 1) if line == 'bad'];"
    "print(json.dumps({'runs': [{'results': found}]}))"
)


def found(rule: str, line: int, file: str = "x.py") -> Finding:
    return Finding("high", rule, file, line, rule)


def test_moved_lines_are_not_new_findings() -> None:
    assert judge([found("A", 1)], [found("A", 90)], [], ["x.py"]).approved


def test_a_new_finding_is_a_reason() -> None:
    verdict = judge([found("A", 1)], [found("A", 1), found("A", 2)], [], ["x.py"])
    assert (verdict.approved, verdict.reasons) == (False, ("new finding: A in x.py",))


def test_a_claim_that_is_still_there_is_a_reason() -> None:
    verdict = judge([found("A", 1)], [found("A", 1)], [found("A", 1)], ["x.py"])
    assert verdict.reasons == ("claimed as fixed but there: A in x.py",)


def test_what_was_there_before_and_is_not_claimed_may_stay_and_is_named() -> None:
    verdict = judge([found("A", 1), found("B", 2)], [found("B", 2)], [found("A", 1), found("E501", 3)], ["x.py"])
    assert verdict.approved
    assert verdict.evidence["confirmed_fixed"] == 1
    assert [finding["rule"] for finding in verdict.evidence["remaining"]] == ["B"]


@pytest.mark.parametrize("audited_before", [True, False])
@pytest.mark.parametrize(
    ("replacement", "approved"), [("good", True), ("bad good", True), ("bad bad bad", False), ("good bad bad", True)]
)
def test_the_validator_runs_its_own_check_again_on_the_changed_files(  # noqa: PLR0917
    audited_before: bool, replacement: str, approved: bool, agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    (workspace / "app.py").write_text("bad bad")
    (workspace / "other.py").write_text("bad")
    agent("alpha", CHECK, step={"reads": "sarif"}, capabilities=["looking"])
    fix = f"import pathlib; pathlib.Path('app.py').write_text({replacement!r})"
    agent("beta", fix, writes=True, validation="looking", after=["looking"])
    agent("gamma", after=["beta-work"])
    played = play("alpha beta gamma" if audited_before else "beta gamma", limits=Limits(reworks=0))

    (request,) = played.of(e.MessageSent, type="validation_request")
    assert (request.sender, request.recipient, request.priority) == ("beta", "alpha", "high")
    assert request.payload["files"] == ["app.py"]
    (answer,) = played.of(e.MessageSent, type="validation_result")
    assert answer.in_reply_to == request.message
    assert answer.payload["approved"] is approved
    assert answer.payload["evidence"]["before"] == 2
    check = played.of(e.AgentStarted, run=answer.run)[0]
    assert check.parent_run == request.run
    assert [f.message for f in played.of(e.MessageDelivered, run=request.run)][-1] == answer.message
    assert played.result.status == ("completed" if approved else "failed")
    assert [f.agent for f in played.of(e.AgentFailed)] == ([] if approved else ["beta", "gamma"])
    if not approved:
        assert "alpha rejected its changes: new finding: BAD in app.py" in played.of(e.AgentFailed)[0].reason


def test_a_claim_the_check_does_not_confirm_is_rejected(
    agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    (workspace / "app.py").write_text("bad")
    agent("alpha", CHECK, step={"reads": "sarif"}, capabilities=["looking"])
    lie = json.dumps({"runs": [{"results": []}]})
    steps = [
        {"name": "before", "role": "before", "reads": "sarif", "announce": "none", "run": ["python3", "-c", CHECK]},
        {"name": "edit", "run": ["python3", "-c", "open('app.py', 'a').write(' more')"]},
        {"name": "after", "role": "after", "reads": "sarif", "announce": "none", "run": ["echo", lie]},
    ]
    agent("beta", steps=steps, writes=True, validation="looking", after=["looking"])
    played = play("alpha beta")
    (failed,) = played.of(e.AgentFailed)
    assert "claimed as fixed but there: BAD in app.py" in failed.reason


def test_a_validator_that_cannot_check_makes_the_authors_run_fail(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", step={"run": ["no-such-checker"]}, capabilities=["looking"])
    agent("beta", "open('app.py', 'w').write('x')", writes=True, validation="looking")
    played = play("beta")
    assert [(f.agent, f.status) for f in played.of(e.AgentFailed)] == [("alpha", "failed"), ("beta", "failed")]
    assert "could not be validated: no-such-checker is not installed" in played.of(e.AgentFailed)[1].reason


def test_an_agent_that_changed_nothing_asks_for_no_validation(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", CHECK, step={"reads": "sarif"}, capabilities=["looking"])
    agent("beta", writes=True, validation="looking")
    played = play("beta")
    assert played.result.status == "completed"
    assert played.of(e.MessageSent, type="validation_request") == []


def test_rejected_work_goes_back_to_its_author_with_the_reasons_until_it_is_approved(
    agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    agent("alpha", CHECK, step={"reads": "sarif"}, capabilities=["looking"])
    learn = (
        "import pathlib, sys; p = pathlib.Path('app.py');"
        "p.write_text('good' if 'new finding: BAD in app.py' in sys.argv[1] else 'bad')"
    )
    agent("beta", runner="process", command=["python3", "-c", learn, "{prompt}"], writes=True, validation="looking")
    played = play("beta")
    assert played.result.status == "completed"
    verdicts = [m.payload["approved"] for m in played.of(e.MessageSent, type="validation_result")]
    assert verdicts == [False, True]
    (judged,) = played.of(e.OutcomeJudged)
    assert (judged.subject, judged.verdict, judged.rework, judged.by) == (
        f"{played.result.session}/beta-1",
        "rejected",
        True,
        "alpha",
    )
    assert judged.reason == "new finding: BAD in app.py"
    assert "+good" in played.result.diff
    assert len(played.of(e.AgentStarted, agent="beta")) == 1


@pytest.mark.parametrize("reworks", [0, 1, 2])
def test_work_that_stays_bad_ends_as_a_failure_after_so_many_reworks(
    reworks: int, agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", CHECK, step={"reads": "sarif"}, capabilities=["looking"])
    agent("beta", "import pathlib; pathlib.Path('app.py').write_text('bad')", writes=True, validation="looking")
    played = play("beta", limits=Limits(reworks=reworks))
    assert len(played.of(e.MessageSent, type="validation_request")) == reworks + 1
    assert len(played.of(e.OutcomeJudged)) == reworks
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("beta", "failed")
    assert failed.reason == "alpha rejected its changes: new finding: BAD in app.py"
    assert played.result.diff == "", "rejected work is not taken"
