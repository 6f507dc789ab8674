"""Working copies for agents that write: each has a tree of its own, whose changes are merged one after the other.

A tree is a git worktree when the working copy is one, else a plain copy. What two agents of a phase both changed is
merged line by line by git; what cannot be merged is a conflict, and then nothing of that tree is taken.
"""

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrion.agents.workspace import PRIVATE, Change, Workspace, bring, content, git, merged_by_git, paths_below

READY = "ready"


@dataclass(frozen=True)
class Tree:
    """One run's own copy `work` of the session's working copy.

    `since` names the moment it was taken: the phase's beginning, which its trees share, or the run's own.
    """

    place: Workspace
    name: str
    since: str

    @property
    def folder(self) -> Path:
        return self.place.folder / "trees" / self.name

    @property
    def work(self) -> Path:
        """Where the agent works."""
        return self.folder / "work"

    def prepare(self) -> None:
        """Take the copy, unless it was taken before a crash. Raises OSError."""
        if (self.folder / READY).exists():
            return
        self.close()
        self.folder.mkdir(mode=PRIVATE, parents=True)
        source = self.place.work
        if self.place.kind == "worktree":
            git(source, "worktree", "add", "--detach", "--no-checkout", str(self.work), "HEAD")
            git(self.work, "reset", "--quiet")
        self.work.mkdir(mode=PRIVATE, exist_ok=True)
        for path in paths_below(source):
            (self.work / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / path, self.work / path, follow_symlinks=False)
        (self.folder / READY).touch()

    def changes(self) -> list[Change]:
        """What is different from the working copy as it was then, by path. Raises OSError."""
        paths = sorted({*paths_below(self.place.work), *paths_below(self.work), *self._kept()})
        found = (Change(path, self._before(path), content(self.work / path)) for path in paths)
        return [change for change in found if change.before != change.after]

    def merge(self, changes: Iterable[Change]) -> list[str]:
        """Bring `changes` into the working copy; the paths in conflict, and then nothing was brought."""
        changes = [change for change in changes if content(self.place.work / change.path) != change.after]
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            results = {change.path: self._merged(change, Path(scratch)) for change in changes}
            conflicts = [path for path, source in results.items() if source is None]
            if not conflicts:
                for change in changes:
                    self._keep(change)
                    bring(self.place.work / change.path, results[change.path] or self.work / change.path, change)
        return conflicts

    def close(self) -> None:
        """Remove the tree."""
        if self.place.kind == "worktree" and self.work.exists():
            git(self.place.work, "worktree", "remove", "--force", str(self.work))
        shutil.rmtree(self.folder, ignore_errors=True)

    def _merged(self, change: Change, scratch: Path) -> Path | None:
        """The file to bring: the tree's, or one merged with what another tree of the phase brought; None if neither."""
        now = content(self.place.work / change.path)
        if now == change.before:
            return self.work / change.path
        if now is None or change.before is None or change.after is None:
            return None
        return merged_by_git(scratch, change.path, now, change.before, self.work / change.path)

    @property
    def _originals(self) -> Path:
        return self.place.folder / "originals" / self.since

    def _before(self, path: str) -> bytes | None:
        """The file as it was then, before other trees were merged."""
        if (self._originals / "absent" / path).exists():
            return None
        kept = self._originals / "kept" / path
        return content(kept if kept.exists() or kept.is_symlink() else self.place.work / path)

    def _kept(self) -> set[str]:
        return {path for name in ("kept", "absent") for path in paths_below(self._originals / name)}

    def _keep(self, change: Change) -> None:
        """Keep what the file is before the first merge into it; the same again after a crash."""
        if change.path in self._kept():
            return
        there = self.place.work / change.path
        exists = there.exists() or there.is_symlink()
        target = self._originals / ("kept" if exists else "absent") / change.path
        target.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        if not exists:
            target.touch()
            return
        temporary = target.with_name(f".{target.name}.orchestrion")
        shutil.copy2(there, temporary, follow_symlinks=False)
        temporary.replace(target)


class Phase:
    """Who of a phase is still at work, and whose turn it is to merge: in the plan's order, when all have worked."""

    def __init__(self, number: int, agents: tuple[str, ...]) -> None:
        self.number, self.agents = number, agents
        self.writing = asyncio.Lock()
        """Held by who writes what another of the phase writes too."""
        self._worked = {name: asyncio.Event() for name in agents}
        self._merged = {name: asyncio.Event() for name in agents}

    def worked(self, name: str) -> None:
        """`name` will not touch its tree any more."""
        self._worked[name].set()

    def merged(self, name: str) -> None:
        """What `name` did is in the working copy, or never will be."""
        self._worked[name].set()
        self._merged[name].set()

    async def turn_of(self, name: str) -> None:
        """Wait until everybody has worked, and those before `name` are merged."""
        for event in self._worked.values():
            await event.wait()
        for other in self.agents[: self.agents.index(name)]:
            await self._merged[other].wait()


def overlap(one: bool | tuple[str, ...], other: bool | tuple[str, ...]) -> bool:
    """Whether two agents may write the same file, by what they declare; in doubt they may."""
    if not one or not other:
        return False
    if isinstance(one, bool) or isinstance(other, bool):
        return True
    return any(_may_meet(left, right) for left in one for right in other)


def _may_meet(left: str, right: str) -> bool:
    """Two globs cannot meet if the parts before their first wildcard lead to different places."""
    fixed = [re.split(r"[*?\[]", glob, maxsplit=1)[0] for glob in (left, right)]
    if left == fixed[0] and right == fixed[1]:
        return left == right
    shorter, longer = sorted(fixed, key=len)
    return longer.startswith(shorter)
