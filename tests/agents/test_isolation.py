"""Agents of one phase that write have a tree each, merged in the plan's order; nothing is silently overwritten."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents.trees import overlap
from orchestrion.domain import events as e

Agent = Callable[..., Path]
LINES = "".join(f"line {n}\n" for n in range(1, 21))


def edit(number: int, text: str) -> str:
    return (
        "import pathlib; p = pathlib.Path('app.py');"
        f"p.write_text(p.read_text().replace('line {number}\\n', {text + chr(10)!r}))"
    )


@pytest.fixture
def git(workspace: Path) -> Path:
    (workspace / "app.py").write_text(LINES)
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "c"]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    return workspace


def test_each_has_a_git_worktree_of_its_own(agent: Agent, play: Callable[..., object], git: Path) -> None:
    look = (
        "import subprocess; asked = ['git', 'rev-parse', '--show-toplevel'];"
        "print(subprocess.run(asked, capture_output=True, text=True).stdout)"
    )
    agent("alpha", look, writes=True)
    agent("beta", look, writes=True)
    agent("gamma", look)
    played = play("alpha beta gamma", git)
    tops = {f.agent: f.result["stdout"].strip() for f in played.of(e.ToolReturned)}
    assert len(set(tops.values())) == 3
    assert tops["alpha"].endswith("/trees/alpha-1/work")
    assert str(git) not in tops.values()
    listed = subprocess.run(["git", "worktree", "list"], cwd=git, capture_output=True, text=True, check=True).stdout
    assert len(listed.splitlines()) == 1, "no worktree is left behind"


def test_what_two_change_in_different_places_is_merged(agent: Agent, play: Callable[..., object], git: Path) -> None:
    agent("alpha", edit(2, "alpha was here"), writes=True)
    agent("beta", edit(19, "beta was here") + "; open('new.txt', 'w').write('n')", writes=True)
    played = play("alpha beta", git, apply=True)
    assert played.result.status == "completed"
    text = (git / "app.py").read_text()
    assert "alpha was here\n" in text
    assert "beta was here\n" in text
    assert (git / "new.txt").read_text() == "n"
    assert [f.files_modified for f in played.of(e.AgentCompleted)] == [("app.py",), ("app.py", "new.txt")]


def test_a_conflict_fails_the_later_one_in_the_plan_and_overwrites_nothing(
    agent: Agent, play: Callable[..., object], git: Path
) -> None:
    agent("alpha", "import time; time.sleep(0.5)\n" + edit(2, "alpha was here"), writes=True)
    agent("beta", edit(2, "beta was here") + "; open('new.txt', 'w').write('n')", writes=True)
    agent("gamma")
    played = play("alpha beta gamma", git)
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["gamma", "alpha"]
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("beta", "failed")
    assert failed.reason == (
        "its changes conflict with those of an agent before it in the plan, so none was taken: app.py"
    )
    assert "+beta was here" in failed.outputs["diff"]
    assert "+alpha was here" in played.result.diff
    assert "beta" not in played.result.diff
    assert "new.txt" not in played.result.diff


def test_the_same_change_twice_is_no_conflict(agent: Agent, play: Callable[..., object], git: Path) -> None:
    for name in ("alpha", "beta"):
        agent(name, edit(2, "both were here"), writes=True)
    assert play("alpha beta", git).result.status == "completed"


def test_deleted_by_one_and_changed_by_another_is_a_conflict(
    agent: Agent, play: Callable[..., object], git: Path
) -> None:
    agent("alpha", "import os; os.remove('app.py')", writes=True)
    agent("beta", edit(2, "beta was here"), writes=True)
    played = play("alpha beta", git)
    assert [f.agent for f in played.of(e.AgentFailed)] == ["beta"]
    assert "+++ /dev/null" in played.result.diff


def test_nobody_sees_another_ones_unfinished_work(
    agent: Agent, play: Callable[..., object], git: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "written"
    agent("alpha", f"open('half', 'w').write('h'); import pathlib; pathlib.Path({str(mark)!r}).touch()", writes=True)
    wait = (
        "import os, sys, time\nend = time.monotonic() + 20\n"
        f"while not os.path.exists({str(mark)!r}) and time.monotonic() < end: time.sleep(0.01)\n"
        "sys.exit(os.path.exists('half'))"
    )
    agent("beta", wait)
    agent("gamma", "import os, sys; sys.exit(not os.path.exists('half'))", after=["alpha-work", "beta-work"])
    played = play("alpha beta gamma", git)
    assert played.result.status == "completed", played.result.reason


def overlapping(played: object) -> bool:
    starts = {f.agent: f.happened_at for f in played.of(e.AgentStarted)}
    ends = {f.agent: f.happened_at for f in played.of(e.ToolReturned)}
    return max(starts.values()) < min(ends.values())


SLOW = "import time; time.sleep(0.5)\nopen({file!r}, 'a').write({text!r})"


def test_without_git_those_who_write_the_same_go_one_after_the_other(agent: Agent, play: Callable[..., object]) -> None:
    for name in ("alpha", "beta"):
        agent(name, SLOW.format(file="notes.txt", text=name), writes=["notes.txt"])
    played = play("alpha beta")
    assert played.result.status == "completed"
    assert not overlapping(played)
    assert "+alphabeta" in played.result.diff


def test_without_git_those_who_write_apart_go_side_by_side(agent: Agent, play: Callable[..., object]) -> None:
    for name in ("alpha", "beta"):
        agent(name, SLOW.format(file=f"{name}.txt", text=name), writes=[f"{name}*"])
    played = play("alpha beta")
    assert played.result.status == "completed"
    assert overlapping(played)
    assert all(f"+{name}" in played.result.diff for name in ("alpha", "beta"))


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        (True, True, True),
        (True, False, False),
        (True, ("a",), True),
        (("docs/**",), ("src/**",), False),
        (("docs/**",), ("docs/api/*.md",), True),
        (("*.md",), ("docs/x",), True),
        (("a.txt",), ("a.txt",), True),
        (("a.txt",), ("a.txt.bak",), False),
        ((), ("a",), False),
    ],
)
def test_what_is_declared_may_meet_or_not(one: object, other: object, meet: bool) -> None:
    assert overlap(one, other) is meet
    assert overlap(other, one) is meet
