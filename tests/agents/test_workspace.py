"""A session works on a copy or a worktree; the user's folder changes only when asked, and never over other changes."""

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents.workspace import prepare
from orchestrion.domain import events as e
from orchestrion.domain.errors import Conflict, NotFound, OrchestrionError, Refused

Agent = Callable[..., Path]
EDIT = (
    "import pathlib; pathlib.Path('app.py').write_text('changed\\n'); pathlib.Path('new.py').write_text('new\\n');"
    "pathlib.Path('old.py').unlink(missing_ok=True)"
)
LIMIT = 10**9


@pytest.fixture
def repository(workspace: Path) -> Path:
    """The workspace as a git repository with a commit, an uncommitted change, an untracked and an ignored file."""
    (workspace / ".gitignore").write_text("*.log\n")
    (workspace / "old.py").write_text("old\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.org"]
    for command in (["init", "-q"], ["add", "."], [*identity, "commit", "-q", "-m", "first"]):
        subprocess.run(["git", *command], cwd=workspace, check=True)
    (workspace / "app.py").write_text('"""Not committed yet."""\n')
    (workspace / "untracked.py").write_text("mine\n")
    (workspace / "noise.log").write_text("noise\n")
    return workspace


def state(folder: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and ".git" not in p.relative_to(folder).parts
    }


def test_the_original_is_untouched_unless_asked(agent: Agent, play: Callable[..., object], workspace: Path) -> None:
    before = state(workspace)
    agent("alpha", EDIT, writes=True)
    played = play("alpha")
    assert state(workspace) == before
    assert "+changed" in played.result.diff
    assert played.result.applied is None
    (completed,) = played.of(e.AgentCompleted)
    assert completed.files_modified == ("app.py", "new.py")
    assert completed.outputs["diff"] == played.result.diff


def test_apply_brings_the_changes_back(agent: Agent, play: Callable[..., object], workspace: Path) -> None:
    (workspace / "old.py").write_text("old\n")
    (workspace / "app.py").chmod(0o755)
    agent("alpha", EDIT, writes=True)
    played = play("alpha", apply=True)
    assert played.result.applied == ["app.py", "new.py", "old.py"]
    assert state(workspace) == {"app.py": b"changed\n", "new.py": b"new\n"}
    assert stat.S_IMODE((workspace / "app.py").stat().st_mode) == 0o755


def test_apply_refuses_as_a_whole_when_the_original_changed_meanwhile(
    agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    agent("alpha", f"{EDIT}; pathlib.Path({str(workspace / 'app.py')!r}).write_text('mine')", writes=True)
    played = play("alpha", apply=True)
    assert played.result.applied is None
    assert played.result.status == "failed"
    assert "app.py was changed meanwhile; nothing was applied" in (played.result.reason or "")
    assert state(workspace) == {"app.py": b"mine"}


def test_nothing_is_applied_when_an_agent_failed(agent: Agent, play: Callable[..., object], workspace: Path) -> None:
    before = state(workspace)
    agent("alpha", f"{EDIT}; raise SystemExit('no')", writes=True)
    played = play("alpha", apply=True)
    assert played.result.status == "failed"
    assert "nothing was applied" in (played.result.reason or "")
    assert played.result.diff == ""
    assert "+changed" in played.of(e.AgentFailed)[0].outputs["diff"]
    assert state(workspace) == before


def test_a_git_repository_is_worked_on_in_a_worktree_with_the_users_uncommitted_changes(
    agent: Agent, play: Callable[..., object], repository: Path, home: Path
) -> None:
    look = (
        "import pathlib, subprocess; print(pathlib.Path('app.py').read_text(), sorted(p.name for p in"
        " pathlib.Path('.').iterdir()), subprocess.run(['git', 'log', '--format=%s'], capture_output=True, text=True)"
        ".stdout, pathlib.Path('.git').is_file())"
    )
    agent("alpha", look)
    played = play("alpha", repository)
    (returned,) = played.of(e.ToolReturned)
    text = returned.result["stdout"]
    assert "Not committed yet" in text
    assert "untracked.py" in text
    assert "noise.log" not in text
    assert "first" in text
    assert "True" in text
    assert played.result.workspace["kind"] == "worktree"


def test_the_users_repository_is_left_as_it_was(agent: Agent, play: Callable[..., object], repository: Path) -> None:
    def git(*args: str) -> str:
        return subprocess.run(["git", *args], cwd=repository, check=True, capture_output=True, text=True).stdout

    before = (state(repository), git("status", "--porcelain"), git("rev-parse", "HEAD"), git("branch", "-a"))
    agent("alpha", EDIT, writes=True)
    assert "-old" in play("alpha", repository).result.diff
    assert (state(repository), git("status", "--porcelain"), git("rev-parse", "HEAD"), git("branch", "-a")) == before
    assert len(git("worktree", "list").splitlines()) == 1


def test_apply_in_a_repository_keeps_the_users_other_changes(
    agent: Agent, play: Callable[..., object], repository: Path
) -> None:
    agent("alpha", EDIT, writes=True)
    assert play("alpha", repository, apply=True).result.applied == ["app.py", "new.py", "old.py"]
    assert (repository / "untracked.py").read_text() == "mine\n"
    assert (repository / "app.py").read_text() == "changed\n"


def test_junk_is_not_taken_along(workspace: Path, home: Path) -> None:
    for junk in (".venv/lib/x.py", "node_modules/x.js", "__pycache__/x.pyc", ".git/HEAD", "env/pyvenv.cfg", "env/x.py"):
        (workspace / junk).parent.mkdir(parents=True, exist_ok=True)
        (workspace / junk).write_text("x")
    place = prepare(workspace, home, "s", limit_bytes=LIMIT)
    assert set(state(place.work)) == {"app.py"}
    place.close()


def test_a_home_inside_the_workspace_is_not_copied_into_itself(workspace: Path) -> None:
    home = workspace / "deep/home"
    home.mkdir(parents=True)
    (home / "log.db").write_text("x")
    place = prepare(workspace, home, "s", limit_bytes=LIMIT)
    assert set(state(place.work)) == {"app.py"}
    place.close()


def test_links_that_lead_out_are_not_taken_along(workspace: Path, home: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("x")
    (workspace / "out").symlink_to("../outside")
    (workspace / "absolute").symlink_to(workspace / "app.py")
    (workspace / "inside").symlink_to("app.py")
    place = prepare(workspace, home, "s", limit_bytes=LIMIT)
    assert sorted(p.name for p in place.work.iterdir()) == ["app.py", "inside"]
    place.close()


def test_the_copy_is_private(workspace: Path, home: Path) -> None:
    old = os.umask(0)
    try:
        place = prepare(workspace, home, "s", limit_bytes=LIMIT)
    finally:
        os.umask(old)
    for folder in (place.folder, place.work, place.base):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    place.close()


def test_a_folder_too_large_to_copy_is_refused(workspace: Path, home: Path) -> None:
    with pytest.raises(Refused, match="give a subfolder"):
        prepare(workspace, home, "s", limit_bytes=3)
    assert not home.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, home: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        prepare(tmp_path / "nowhere", home, "s", limit_bytes=LIMIT)


def test_a_home_that_cannot_be_made_is_named(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OrchestrionError, match="choose another --home"):
        prepare(workspace, tmp_path / "file", "s", limit_bytes=LIMIT)


def test_the_diff_can_be_applied_by_git(workspace: Path, home: Path, tmp_path: Path) -> None:
    (workspace / "plain.txt").write_text("one\ntwo\nno end")
    (workspace / "gone.txt").write_text("gone\n")
    place = prepare(workspace, home, "s", limit_bytes=LIMIT)
    (place.work / "plain.txt").write_text("one\n2\nno end")
    (place.work / "gone.txt").unlink()
    (place.work / "sub").mkdir()
    (place.work / "sub/new.txt").write_text("ünïcode\x0cpage\n")
    (place.work / "picture").write_bytes(b"\0\1")
    diff = place.diff()
    assert "Binary files /dev/null and b/picture differ" in diff
    text = diff.replace("Binary files /dev/null and b/picture differ\n", "")
    target = tmp_path / "target"
    shutil.copytree(workspace, target)
    subprocess.run(["git", "apply", "-"], cwd=target, input=text.encode(), check=True)
    assert state(target) == {k: v for k, v in state(place.work).items() if k != "picture"}
    place.close()


def test_a_file_in_the_way_of_a_new_one_is_a_conflict(workspace: Path, home: Path) -> None:
    place = prepare(workspace, home, "s", limit_bytes=LIMIT)
    (place.work / "new.py").write_text("ours")
    (workspace / "new.py").write_text("theirs")
    with pytest.raises(Conflict, match=r"new\.py was changed meanwhile"):
        place.apply()
    place.close()
