"""Removes working copies that nobody needs any more: of sessions that ended or never began."""

import shutil
from pathlib import Path

from orchestrion.agents.identity import is_alive
from orchestrion.agents.workspace import OWNER, git
from orchestrion.domain.events import SessionEnded
from orchestrion.domain.ports import Log


def sweep(home: Path, log: Log) -> list[str]:
    """Remove the leftovers below `home`; the sessions they were of. One that can be resumed keeps its place."""
    removed = []
    folders = home.absolute() / "workspaces"
    for folder in sorted(folders.iterdir()) if folders.is_dir() else ():
        if _is_left(folder, log):
            repository = _repository_of(folder / "work")
            shutil.rmtree(folder, ignore_errors=True)
            if repository is not None and repository.is_dir():
                git(repository, "worktree", "prune")
            removed.append(folder.name)
    return removed


def _is_left(folder: Path, log: Log) -> bool:
    records = log.read_stream(f"session-{folder.name}")
    ended = any(isinstance(record.event, SessionEnded) for record in records)
    try:
        pid, born, host = (folder / OWNER).read_text(encoding="utf-8").split("\n")
        lives = is_alive(int(pid), born, host)
    except (OSError, ValueError):
        return ended  # else it is being made this moment, or is not ours; a removal that was cut off has no owner left
    return lives is False and (ended or not records)


def _repository_of(work: Path) -> Path | None:
    """The user's repository that `work` is a worktree of."""
    try:
        gitdir = (work / ".git").read_text(encoding="utf-8").removeprefix("gitdir: ").strip()
    except OSError:
        return None
    return Path(gitdir).parents[2]
