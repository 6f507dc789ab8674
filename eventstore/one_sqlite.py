"""One SQLite a process and file: two of them cancel each other's file locks, and acknowledged events are lost.

POSIX locks belong to the process: when one library closes the file, the locks of the other are gone. The stdlib's
sqlite3 and the SQLite inside ADBC must therefore never hold the same log in one process.
"""

import threading
from collections import Counter
from pathlib import Path

from orchestrion.domain.errors import LogUnavailable

_held: dict[Path, Counter[str]] = {}
_lock = threading.Lock()


def hold(path: Path, library: str) -> None:
    """Note that `library` opens `path`. Raises LogUnavailable while another library has it open in this process."""
    with _lock:
        holders = _held.setdefault(path.resolve(), Counter())
        others = [other for other in +holders if other != library]
        if others:
            raise LogUnavailable(
                f"the log {path} is open in this process by {others[0]}; read it as Arrow in a process of its own"
            )
        holders[library] += 1


def let_go(path: Path, library: str) -> None:
    """Note that `library` has closed `path`."""
    with _lock:
        _held[path.resolve()][library] -= 1
