"""The files of a home that this room makes, for their owner alone under any umask."""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

LOG_FILE = "log.db"
CHECKPOINT_FILE = "log.checkpoint"
KEY_FILE = "redaction.key"
KEY_BYTES = 32

FORMAT = 1
"""Version of the log file's layout; a file with a higher one is refused."""


def make_home(home: Path) -> None:
    """Make the folder with mode 0700; one that exists keeps its rights."""
    if home.is_dir():
        return
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)


def make_log_file(path: Path) -> None:
    """Make an empty file with mode 0600 unless there is one.

    A file that is there is never opened: closing it would drop the locks that SQLite holds on it in this process.
    """
    with suppress(FileExistsError):
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.fchmod(fd, 0o600)
        os.close(fd)


def may_write(path: Path) -> bool:
    """Whether the log at `path` can be appended to: SQLite writes files beside it, so the folder counts too."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def log_uri(path: Path, *, writable: bool) -> str:
    """How SQLite is to open the log; never so that it makes the file.

    Reading a WAL database needs its `-wal` and `-shm`, which SQLite makes if the folder may be written to. Where it
    may not and they are absent, nobody is writing, and the file is read as it stands.
    """
    name = f"file:{quote(str(path.absolute()))}"
    if writable:
        return f"{name}?mode=rw"
    still = not may_write(path) and not path.with_name(f"{path.name}-wal").exists()
    return f"{name}?immutable=1" if still else f"{name}?mode=ro"


def redaction_key(home: Path) -> bytes:
    """The home's key for `hmac8`; made at first use. Several processes at once get the same one."""
    path = home / KEY_FILE
    if not path.exists():
        make_home(home)
        draft = home / f".{KEY_FILE}.{secrets.token_hex(8)}"
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
            os.write(fd, secrets.token_hex(KEY_BYTES).encode())
            os.fsync(fd)
            with suppress(FileExistsError):
                path.hardlink_to(draft)  # whole or not at all, and never over another process's key
        finally:
            os.close(fd)
            draft.unlink()
    return bytes.fromhex(path.read_text(encoding="ascii"))
