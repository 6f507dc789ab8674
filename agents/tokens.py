"""Who speaks: a run proves itself by a token that only its own environment carries.

The token is an HMAC-SHA256 of the run's name under a key of the home, so it is nowhere stored and never logged. It
keeps agents from speaking as each other by mistake or by name alone. It is no wall between processes of one user: such
a process can read another's environment, and the key.
"""

import hmac
import os
import secrets
from hashlib import sha256
from pathlib import Path

from orchestrion.domain.errors import LogUnavailable, RuleBroken

KEY_FILE = "identity.key"
KEY_BYTES = 32
RUN_VARIABLE = "ORCHESTRION_RUN"
TOKEN_VARIABLE = "ORCHESTRION_TOKEN"  # noqa: S105  a name, not a secret


def token_of(home: Path, run: str) -> str:
    """What `run` proves itself with. Raises LogUnavailable if the home cannot hold the key."""
    return hmac.new(_key(home), run.encode("utf-8", "backslashreplace"), sha256).hexdigest()


def credentials(home: Path, run: str) -> dict[str, str]:
    """What belongs into the environment of the run's own process."""
    return {RUN_VARIABLE: run, TOKEN_VARIABLE: token_of(home, run)}


def require(home: Path, run: str, token: str | None) -> None:
    """Raises RuleBroken unless `token` is that of `run`."""
    if not token:
        raise RuleBroken(f"{RUN_VARIABLE} says {run} but {TOKEN_VARIABLE} is not set; a run speaks only with its token")
    if not hmac.compare_digest(token_of(home, run).encode(), token.encode("utf-8", "backslashreplace")):
        raise RuleBroken(f"the token in {TOKEN_VARIABLE} is not that of run {run}; a run speaks only for itself")


def _key(home: Path) -> bytes:
    path = home / KEY_FILE
    try:
        if not path.exists():
            _make(path)
        return path.read_bytes()
    except OSError as error:
        raise LogUnavailable(f"{path}: cannot be read or made ({error.strerror}); choose another --home") from error


def _make(path: Path) -> None:
    """The key appears whole or not at all, and once, however many processes ask for it first."""
    draft = path.with_name(f".{KEY_FILE}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its key is the key
    finally:
        draft.unlink()
