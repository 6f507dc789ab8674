"""Files of a working copy, opened for an agent: never anything outside it, by whatever name, link or race."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrion.domain.errors import NotFound, Refused

GIT = ".git"
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SAFE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
"""No link in the last place, and no waiting for the other end of a pipe."""


def place_of(root: Path, name: str) -> tuple[str, ...]:
    """Where `name`, relative to `root` or absolute, lies below it, with all links followed. Raises Refused."""
    if "\0" in name or not name:
        raise Refused("a file needs a name without NUL")
    try:
        top = root.resolve()
        found = (top / name).resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        raise Refused(f"{name}: cannot be followed ({type(error).__name__})") from error
    if not found.is_relative_to(top) or found == top:
        raise Refused(f"{name}: lies outside the workspace; only files below {top} can be reached")
    parts = found.relative_to(top).parts
    if GIT in parts:
        raise Refused(f"{name}: belongs to git itself and is left alone")
    return parts


def read_text(root: Path, name: str, *, limit_bytes: int) -> str:
    """The text of a file below `root`; bytes that are no UTF-8 become their escapes. Raises Refused, NotFound."""
    with _opened(root, name, os.O_RDONLY) as descriptor:
        raw = b""
        while len(raw) <= limit_bytes and (more := os.read(descriptor, limit_bytes + 1 - len(raw))):
            raw += more
    if len(raw) > limit_bytes:
        raise Refused(f"{name}: is larger than {limit_bytes} bytes")
    return raw.decode("utf-8", "backslashreplace")


def write_text(root: Path, name: str, text: str, *, limit_bytes: int) -> None:
    """Write `text` to a file below `root`, whose folders are made. Raises Refused."""
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) > limit_bytes:
        raise Refused(f"{name}: {len(raw)} bytes are more than {limit_bytes}")
    with _opened(root, name, os.O_WRONLY | os.O_CREAT) as descriptor:
        os.ftruncate(descriptor, 0)
        while raw:
            raw = raw[os.write(descriptor, raw) :]


@contextlib.contextmanager
def _opened(root: Path, name: str, flags: int) -> Iterator[int]:
    """A descriptor of a plain file. Each folder is opened in the one above it, so none can be exchanged meanwhile."""
    *folders, last = place_of(root, name)
    with contextlib.ExitStack() as stack:
        try:
            here = _kept(stack, os.open(root.resolve(), DIRECTORY))
            for folder in folders:
                if flags & os.O_CREAT:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(folder, 0o777, dir_fd=here)
                here = _kept(stack, os.open(folder, DIRECTORY, dir_fd=here))
            descriptor = _kept(stack, os.open(last, flags | SAFE, 0o666, dir_fd=here))
        except FileNotFoundError:
            raise NotFound(f"{name}: there is no such file") from None
        except OSError as error:
            raise Refused(f"{name}: cannot be opened ({error.strerror})") from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Refused(f"{name}: is no plain file")
        yield descriptor


def _kept(stack: contextlib.ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor
