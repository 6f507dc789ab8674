"""Leaves what a coding agent's hook says in the spool: at once, with the standard library alone, and never in the way.

Somebody's agent runs this for each of its tool calls and waits for it. So it reads standard input, writes one file and
leaves: nothing on standard output, exit code 0 whatever happens. It parses nothing, reads no configuration and does
not touch the log; `ingest.hooks` makes facts of the files later. What cannot be kept is counted (see `cli.dropped`).
"""

# pathlib would be a third of the imports:
# ruff: noqa: PTH103, PTH104, PTH108, PTH109, PTH111, PTH117, PTH118

import os
import sys
import time

TYPE_CHECKING = False  # typing's own costs 2 ms
if TYPE_CHECKING:
    from collections.abc import Mapping

HOME_VARIABLES = ("ORCHESTRION_HOME", "CLAUDE_LOG_DIR")
SPOOL_NAME = "spool"
MAX_BYTES = 64 * 2**20
"""Most that is kept of one payload; the largest seen in recordings had 57 KB."""
CHUNK_BYTES = 2**20
IDLE_SECONDS = 3.0
"""A writer that says nothing for so long has left its end open by mistake: what came until then is taken."""
NAMES_TRIED = 100

USAGE = "usage: orchestrion hook [--home DIR] < payload.json; `orchestrion install claude-code` sets it up"


def main(arguments: "list[str] | None" = None) -> int:
    """Keep standard input in the spool of the home that `--home`, the environment or the platform names. Returns 0."""
    size, home = 0, ""
    try:
        os.umask(0o077)
        if os.isatty(0):
            sys.stderr.write(f"{USAGE}\n")
            return 0
        home = home_of(sys.argv[1:] if arguments is None else arguments, os.environ)
        payload = received()
        size = len(payload)
        keep(os.path.join(home, SPOOL_NAME), payload)
    except BaseException as error:  # whatever it is, it is no business of the agent that runs us
        _drop(home, size, error)
    return 0


def home_of(arguments: list[str], environ: "Mapping[str, str]") -> str:
    """The folder that `cli.wiring.home_of` finds, without the libraries it finds it with. Raises Unkept."""
    for at, argument in enumerate(arguments):
        if argument == "--home" and at + 1 < len(arguments):
            return _absolute(arguments[at + 1])
        if argument.startswith("--home="):
            return _absolute(argument[len("--home=") :])
    for variable in HOME_VARIABLES:
        if environ.get(variable):
            return _absolute(environ[variable])
    return os.path.join(_data_folder(environ), "orchestrion")


def received() -> bytes:
    """All of standard input, read to its end so that the writer never fails. Raises Unkept if nothing can be kept."""
    chunks, size = [], 0
    while _ready() and (chunk := os.read(0, CHUNK_BYTES)):
        size += len(chunk)
        if size <= MAX_BYTES:
            chunks.append(chunk)
    if size > MAX_BYTES:
        raise Unkept(f"the payload has more than {MAX_BYTES} bytes")
    if not size:
        raise Unkept("standard input is empty")
    return b"".join(chunks)


def keep(spool: str, payload: bytes) -> str:
    """Write `payload` into a file of its own under `spool` and return its path. Raises OSError.

    The name sorts by arrival: nanoseconds since 1970, process, counter. The file appears whole or not at all, and
    stays after a power cut.
    """
    os.makedirs(spool, 0o700, exist_ok=True)
    for counter in range(NAMES_TRIED):
        name = f"{time.time_ns():020d}-{os.getpid()}-{counter}.json"
        partial, final = os.path.join(spool, f".{name}.part"), os.path.join(spool, name)
        try:
            file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except FileExistsError:
            continue
        try:
            _write(file, payload)
            os.rename(partial, final)
        except BaseException:
            os.unlink(partial)
            raise
        _sync_folder(spool)
        return final
    raise Unkept("no name is free in the spool")


class Unkept(Exception):
    """Why a payload is not in the spool."""


def _absolute(path: str) -> str:
    return path if os.path.isabs(path) else os.path.join(os.getcwd(), os.path.expanduser(path))


def _data_folder(environ: "Mapping[str, str]") -> str:
    """The platform's folder for user data, by the rules of platformdirs."""
    if sys.platform == "win32":
        return os.path.normpath(environ.get("LOCALAPPDATA") or os.path.expanduser(r"~\AppData\Local"))
    if os.path.isabs(environ.get("XDG_DATA_HOME", "")):
        return environ["XDG_DATA_HOME"]
    below = "Library/Application Support" if sys.platform == "darwin" else ".local/share"
    return os.path.join(_user_folder(environ), below)


def _user_folder(environ: "Mapping[str, str]") -> str:
    if os.path.isabs(environ.get("HOME", "")):
        return environ["HOME"].rstrip("/") or "/"
    import pwd

    return pwd.getpwuid(os.getuid()).pw_dir


def _ready() -> bool:
    """Whether standard input has more, or its end; False after IDLE_SECONDS of silence."""
    if sys.platform == "win32":
        return True  # select knows no pipes there
    import select

    return bool(select.select([0], [], [], IDLE_SECONDS)[0])


def _write(file: int, payload: bytes) -> None:
    try:
        rest = memoryview(payload)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: str) -> None:
    """Make a rename last through a power cut, where folders can be synced."""
    if sys.platform == "win32":
        return
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        return  # the payload is there; some file systems cannot sync folders


def _drop(home: str, size: int, error: BaseException) -> None:
    try:
        from orchestrion.cli.dropped import note

        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        note(home, size, reason)
    except BaseException:
        return  # no place on this machine can be written to: nothing is left that we could do


if __name__ == "__main__":
    sys.exit(main())
