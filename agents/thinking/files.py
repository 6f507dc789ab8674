"""The files of a workspace as a model may reach them: read, listed, searched and written, never outside of it.

A path is opened component by component without following symbolic links, so neither `..` nor a link that is put there
meanwhile leads out. What configures agents is not written unless the agent's file names it.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

import re2

from orchestrion.agents.workspace import JUNK, paths_below

MAX_FILE_BYTES = 2_000_000
"""A larger file is neither read nor searched."""
MAX_WRITE_BYTES = 2_000_000
MAX_LINES = 2_000
"""Of a file, told at once."""
MAX_LINE_LETTERS = 2_000
MAX_LISTED = 1_000
MAX_MATCHES = 200
PROTECTED = frozenset(
    {"orchestrion.toml", "orchestrion.json", ".mcp.json", ".claude", ".git", ".codex", "claude.md", "agents.md"}
)
"""Files and folders, anywhere, that say how agents work: written only by an agent that names the path in `writes`."""


class Unreachable(Exception):
    """A file that may not, or cannot, be reached; the sentence goes to the model."""


@dataclass(frozen=True)
class Files:
    """The files below `root`. `writes` as in an agent's definition."""

    root: Path
    writes: bool | tuple[str, ...] = False

    def inside(self, path: str) -> str:
        """`path`, relative to the root or absolute within it, as a relative one. Raises Unreachable."""
        if "\0" in path:
            raise Unreachable("a path cannot hold a NUL")
        given = PurePosixPath(path or ".")
        if given.is_absolute():
            roots = (PurePosixPath(self.root), PurePosixPath(self.root.resolve()))
            below = next((given.relative_to(root) for root in roots if given.is_relative_to(root)), None)
            if below is None:
                raise Unreachable(f"{path} lies outside the workspace; give a path relative to it")
            given = below
        if ".." in given.parts:
            raise Unreachable(f"{path} leads out of the workspace or could; give a path without '..'")
        return given.as_posix()

    def read(self, path: str, first: int = 1, lines: int = MAX_LINES) -> str:
        """Numbered lines of a text file, from line `first` (1-based). Raises Unreachable."""
        text = self.text(path)
        found = text.splitlines()
        chosen = found[max(0, first - 1) : max(0, first - 1) + min(max(1, lines), MAX_LINES)]
        told = [f"{number:>6}\t{line[:MAX_LINE_LETTERS]}" for number, line in enumerate(chosen, max(1, first))]
        left = len(found) - max(0, first - 1) - len(chosen)
        return "\n".join(told + ([f"[{left} more lines]"] if left > 0 else []))

    def text(self, path: str) -> str:
        """The whole of a text file. Raises Unreachable."""
        name = self.inside(path)
        descriptor = self._open(name, os.O_RDONLY | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Unreachable(f"{name} is no file")
            if status.st_size > MAX_FILE_BYTES:
                raise Unreachable(f"{name} has {status.st_size} bytes, more than can be read ({MAX_FILE_BYTES})")
            data = file.read(MAX_FILE_BYTES)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            raise Unreachable(f"{name} is no UTF-8 text") from None

    def listed(self, pattern: str = "**", folder: str = ".") -> list[str]:
        """The files below `folder` that match the glob `pattern`, at most MAX_LISTED. Raises Unreachable."""
        below = self.inside(folder)
        found = []
        for name in paths_below(self.root):
            if below != "." and not name.startswith(f"{below}/"):
                continue
            if _matches(name, pattern):
                found.append(name)
                if len(found) == MAX_LISTED:
                    break
        return found

    def search(self, pattern: str, glob: str = "**", folder: str = ".") -> list[str]:
        """`path:line: text` of the lines that hold the RE2 `pattern`, at most MAX_MATCHES. Raises Unreachable."""
        try:
            wanted = re2.compile(pattern, options=_quiet())
        except re2.error as error:
            said = error.args[0] if error.args else error
            why = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
            raise Unreachable(f"{pattern!r} is no regular expression (RE2): {why}") from None
        found: list[str] = []
        for name in self.listed(glob, folder):
            for number, line in self._lines(name):
                if wanted.search(line):
                    found.append(f"{name}:{number}: {line[:MAX_LINE_LETTERS]}")
                    if len(found) == MAX_MATCHES:
                        return found
        return found

    def write(self, path: str, text: str) -> str:
        """Put `text` into a file, whole or not at all; its relative path. Raises Unreachable."""
        name = self.writable(path)
        data = text.encode("utf-8", "surrogatepass")
        if len(data) > MAX_WRITE_BYTES:
            raise Unreachable(f"{name} would have {len(data)} bytes, more than can be written ({MAX_WRITE_BYTES})")
        parts = PurePosixPath(name).parts
        folder = self._folder(parts[:-1], make=True)
        draft = f".orchestrion-{secrets.token_hex(8)}"
        try:
            mode = self._mode(folder, parts[-1], name)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    os.fchmod(file.fileno(), mode)
                os.replace(draft, parts[-1], src_dir_fd=folder, dst_dir_fd=folder)
            except OSError as error:
                os.unlink(draft, dir_fd=folder)
                raise Unreachable(f"{name} cannot be written: {error.strerror}") from error
        finally:
            os.close(folder)
        return name

    def edit(self, path: str, old: str, new: str, *, everywhere: bool = False) -> tuple[str, int]:
        """Put `new` where `old` stands (once, or `everywhere`); the path and how often. Raises Unreachable."""
        name = self.writable(path)
        text = self.text(name)
        times = text.count(old) if old else 0
        if times == 0:
            raise Unreachable(f"the text to replace does not stand in {name}; read it again")
        if times > 1 and not everywhere:
            raise Unreachable(f"the text to replace stands {times} times in {name}; give more of it, or replace all")
        self.write(name, text.replace(old, new))
        return name, times

    def writable(self, path: str) -> str:
        """`path` as a relative one, if it may be written. Raises Unreachable."""
        name = self.inside(path)
        named = self.writes if isinstance(self.writes, tuple) else ()
        if not self.writes:
            raise Unreachable("this agent writes no files")
        if named and not any(_matches(name, glob) for glob in named):
            raise Unreachable(f"{name} is none of the files that this agent writes ({', '.join(named)})")
        if name == "." or JUNK & set(PurePosixPath(name).parts):
            raise Unreachable(f"{name} is not part of the project's work and is not written")
        if PROTECTED & {part.lower() for part in PurePosixPath(name).parts} and name not in named:
            raise Unreachable(f"{name} says how agents work and is not written by them")
        return name

    def _lines(self, name: str) -> Iterator[tuple[int, str]]:
        try:
            yield from enumerate(self.text(name).splitlines(), 1)
        except Unreachable:
            return  # a link, too large, or no text: there is nothing to find in it

    def _open(self, name: str, flags: int) -> int:
        parts = PurePosixPath(name).parts
        if not parts:
            raise Unreachable("that is the workspace itself; name a file in it")
        folder = self._folder(parts[:-1])
        try:
            return os.open(parts[-1], flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        except OSError as error:
            raise _unreachable(name, error) from error
        finally:
            os.close(folder)

    def _folder(self, parts: tuple[str, ...], *, make: bool = False) -> int:
        """The folder `parts` lead to, opened step by step."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        here = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        for number, part in enumerate(parts, 1):
            try:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, dir_fd=here)
                below = os.open(part, flags, dir_fd=here)
            except OSError as error:
                raise _unreachable("/".join(parts[:number]), error) from error
            finally:
                os.close(here)
            here = below
        return here

    def _mode(self, folder: int, part: str, name: str) -> int:
        """The permissions that a file keeps; it must be a plain one."""
        try:
            status = os.stat(part, dir_fd=folder, follow_symlinks=False)
        except FileNotFoundError:
            return 0o644
        if not stat.S_ISREG(status.st_mode):
            raise Unreachable(f"{name} is no plain file (a link or a folder), so it is not written")
        return stat.S_IMODE(status.st_mode) & 0o777


def _quiet() -> re2.Options:
    """A pattern that cannot be read is said to the model, not on our standard error."""
    options = re2.Options()
    options.log_errors = False
    return options


def _unreachable(name: str, error: OSError) -> Unreachable:
    if error.errno in {errno.ELOOP, errno.EMLINK}:
        return Unreachable(f"{name} is a symbolic link; links are not followed")
    if error.errno == errno.ENOTDIR:
        return Unreachable(f"{name} is no folder, or a symbolic link; links are not followed")
    return Unreachable(f"{name}: {error.strerror}")


def _matches(name: str, glob: str) -> bool:
    """Whether a relative path matches a glob, in which `**/` also stands for no folder at all."""
    if glob in {"", "**", "**/*", "*"}:
        return True
    return any(fnmatchcase(name, each) for each in (glob, glob.replace("**/", ""))) or (
        "/" not in glob and fnmatchcase(PurePosixPath(name).name, glob)
    )
