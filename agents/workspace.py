"""Where a session works: a git worktree or a copy of the user's files, whose changes come back only when asked for.

`base` keeps the files as they were taken and `work` is what the agents change. The user's folder is only read, until
`apply`, which refuses as a whole when one of the files to change is no longer what was taken.
"""

import difflib
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrion.agents.identity import myself
from orchestrion.domain.errors import Conflict, LogUnavailable, NotFound, Refused

JUNK = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache"}
    | {".pytest_cache", ".tox", ".nox", ".eggs", ".DS_Store", ".coverage"}
)
"""Names that are neither taken along nor brought back."""
PRIVATE = 0o700
GIT_SECONDS = 120
OWNER = "owner"
"""Names the process that made a session's folder: pid, birth and machine, a line each."""


@dataclass(frozen=True)
class Change:
    """One file that is not what it was; `None` where it was not, or is not any more."""

    path: str
    before: bytes | None
    after: bytes | None


@dataclass(frozen=True)
class Workspace:
    """The user's folder `origin`, the files as taken in `base`, and the working copy `work`."""

    origin: Path
    folder: Path
    kind: str
    """`worktree` or `copy`."""
    branch: str | None = None

    @property
    def base(self) -> Path:
        """The files as they were taken."""
        return self.folder / "base"

    @property
    def work(self) -> Path:
        """Where agents work."""
        return self.folder / "work"

    @property
    def is_gone(self) -> bool:
        """Whether the folders themselves were deleted, which is no change that anybody wanted."""
        return not (self.base.is_dir() and self.work.is_dir())

    def changes(self) -> list[Change]:
        """What is different from what was taken, by path; nothing if the working copy is gone as a whole."""
        if self.is_gone:
            return []
        before, after = set(paths_below(self.base)), set(paths_below(self.work))
        found = (Change(p, content(self.base / p), content(self.work / p)) for p in sorted(before | after))
        return [change for change in found if change.before != change.after]

    def diff(self, only: Collection[str] | None = None) -> str:
        """The changes, or those of the paths in `only`, as a unified diff."""
        return diff_of(change for change in self.changes() if only is None or change.path in only)

    def apply(self) -> list[str]:
        """Bring the changes back to the user's folder; the paths changed. Raises Conflict, having changed nothing."""
        changes = self.changes()
        for change in changes:
            if not _inside(self.origin, change.path):
                raise Conflict(f"{change.path}: leads out of {self.origin}; nothing was applied")
            if content(self.origin / change.path) not in {change.before, change.after}:
                raise Conflict(
                    f"{self.origin / change.path} was changed meanwhile; nothing was applied: "
                    "run again, or apply the diff by hand"
                )
        for change in changes:  # some may be there already, brought before a crash
            bring(self.origin / change.path, self.work / change.path, change)
        return [change.path for change in changes]

    def close(self) -> None:
        """Remove the copies, and the worktrees from the user's repository."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.kind == "worktree":
            git(self.origin, "worktree", "prune")


def prepare(origin: Path, home: Path, session: str, *, limit_bytes: int) -> Workspace:
    """A place for `session` to work on the files of `origin`. Raises NotFound, Refused and LogUnavailable (home)."""
    origin = origin.absolute()
    if not origin.is_dir():
        raise NotFound(f"{origin}: there is no such folder to work on")
    folder = home.absolute() / "workspaces" / session
    top = git(origin, "rev-parse", "--show-toplevel")
    whole = top is not None and Path(top.strip()).resolve() == origin.resolve()
    has_commit = whole and git(origin, "rev-parse", "--verify", "HEAD") is not None
    files = _to_take(origin, home.absolute(), in_git=top is not None)
    size = sum((origin / path).lstat().st_size for path in files)
    if size > limit_bytes:
        raise Refused(
            f"{origin}: {size} bytes of files are more than a session copies ({limit_bytes}); give a subfolder"
        )
    try:
        folder.parent.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        folder.mkdir(mode=PRIVATE)
        (folder / OWNER).write_text("\n".join(map(str, myself())), encoding="utf-8")
        kind = "copy"
        work = folder / "work"
        if has_commit and git(origin, "worktree", "add", "--detach", "--no-checkout", str(work), "HEAD") is not None:
            kind = "worktree"
            git(work, "reset", "--quiet")  # so that `git status` in the worktree tells the user's changes
        workspace = Workspace(origin, folder, kind, _branch(origin) if has_commit else None)
        _take(files, origin, (workspace.base, work))
    except OSError as error:
        raise LogUnavailable(f"{folder}: cannot be made ({error.strerror}); choose another --home") from error
    return workspace


def reopened(origin: Path, home: Path, session: str) -> Workspace | None:
    """The place a session worked in before its conductor died, if it is still whole."""
    folder = home.absolute() / "workspaces" / session
    work = folder / "work"
    if not work.is_dir() or not (folder / "base").is_dir():
        return None
    kind = "worktree" if (work / ".git").is_file() else "copy"
    return Workspace(origin, folder, kind, _branch(origin) if kind == "worktree" else None)


def merged_by_git(scratch: Path, name: str, ours: bytes, base: bytes, theirs: Path) -> Path | None:
    """`theirs` merged line by line with `ours`, as a file in `scratch`; None if they conflict or there is no git."""
    target = scratch / hashlib.sha256(name.encode()).hexdigest()
    before = target.with_suffix(".base")
    target.write_bytes(ours)
    before.write_bytes(base)
    if theirs.is_symlink() or git(scratch, "merge-file", "--quiet", str(target), str(before), str(theirs)) is None:
        return None
    shutil.copymode(theirs, target)
    return target


def _branch(origin: Path) -> str | None:
    return (git(origin, "rev-parse", "--abbrev-ref", "HEAD") or "").strip() or None


def _to_take(origin: Path, home: Path, *, in_git: bool) -> list[str]:
    """Relative paths of the files to work on: with git the tracked and the not ignored ones, else all but junk."""
    listed = git(origin, "ls-files", "-co", "--exclude-standard", "-z") if in_git else None
    candidates = sorted(set(listed.split("\0")) - {""}) if listed else list(paths_below(origin, skip=home))
    taken = []
    for path in candidates:
        file = origin / path
        if JUNK & set(Path(path).parts) or file.is_relative_to(home):
            continue
        if file.is_symlink():
            if _stays(origin, file):
                taken.append(path)
        elif file.is_file():
            taken.append(path)
    return taken


def _stays(origin: Path, link: Path) -> bool:
    """Whether a link is relative and leads to something inside: any other would let agents write to the original."""
    target = link.readlink()
    return not target.is_absolute() and (link.parent / target).resolve().is_relative_to(origin.resolve())


def _take(files: list[str], origin: Path, targets: tuple[Path, ...]) -> None:
    for target in targets:
        target.mkdir(mode=PRIVATE, exist_ok=True)
        for path in files:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(origin / path, target / path, follow_symlinks=False)


def paths_below(root: Path, *, skip: Path | None = None) -> Iterator[str]:
    """The files and links below `root`, relative to it, without junk; nothing if it is not there."""
    for folder, names, files in os.walk(root):
        here = Path(folder)
        names[:] = sorted(n for n in names if n not in JUNK and here / n != skip and not _is_environment(here / n))
        links = [name for name in names if (here / name).is_symlink()]
        names[:] = [name for name in names if name not in links]
        for name in sorted([*files, *links]):
            if name not in JUNK:
                yield (here / name).relative_to(root).as_posix()


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file()


def content(path: Path) -> bytes | None:
    """What a file holds, or where a link leads; None if there is none."""
    if path.is_symlink():
        return b"symbolic link to " + os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else None


def _inside(origin: Path, path: str) -> bool:
    return (origin / path).parent.resolve().is_relative_to(origin.resolve())


def bring(target: Path, source: Path, change: Change) -> None:
    """Put one changed file in place, whole or not at all."""
    if change.after is None:
        target.unlink(missing_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".orchestrion-")
    os.close(descriptor)
    temporary = Path(name)
    try:
        temporary.unlink()
        shutil.copy2(source, temporary, follow_symlinks=False)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def diff_of(changes: Iterable[Change]) -> str:
    """Changes as a unified diff."""
    return "".join(map(_diff, changes))


def _diff(change: Change) -> str:
    old, new = (_lines(content) for content in (change.before, change.after))
    before = "/dev/null" if change.before is None else f"a/{change.path}"
    after = "/dev/null" if change.after is None else f"b/{change.path}"
    if old is None or new is None:
        return f"Binary files {before} and {after} differ\n"
    lines = list(difflib.unified_diff(old, new, before, after))
    if not lines:
        return f"--- {before}\n+++ {after}\n"
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _lines(content: bytes | None) -> list[str] | None:
    """The lines with their ends, cut at newlines alone; None for what is no text."""
    if content is None or b"\0" in content:
        return [] if content is None else None
    try:
        return [line for line in re.split(r"(?<=\n)", content.decode()) if line]
    except UnicodeDecodeError:
        return None


def git(folder: Path, *args: str) -> str | None:
    """What git says in `folder`, or None if it fails or is not there. Hooks and the user's aliases stay out."""
    command = ["git", "-c", "core.hooksPath=/dev/null", "-c", "core.quotePath=false", *args]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, check=False, timeout=GIT_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.fsdecode(done.stdout) if done.returncode == 0 else None
