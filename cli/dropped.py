"""Counts what a hook could not keep, and why, in the first place that can be written to; the standard library alone."""

# a hook that is short of everything imports this, and pathlib would be a third of the imports:
# ruff: noqa: PTH103, PTH118, PTH120, PTH123

import os
import sys
import time

FILE_NAME = "dropped"
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108  a folder of our own in it, checked to be ours


def note(home: str, size: int, reason: str) -> bool:
    """Count one payload of `size` bytes that `home` did not get; False if no place could be written to."""
    line = f"{time.time_ns()}\t{size}\t{reason!a}\t{os.path.normpath(home)!a}\n".encode()
    return any(_append(folder, line) for folder in _places(home))


def dropped(home: str) -> dict[str, int]:
    """How many payloads were dropped that were meant for `home`, by reason."""
    counts: dict[str, int] = {}
    for folder in _places(home):
        for reason, meant in _lines(os.path.join(folder, FILE_NAME)):
            if meant == ascii(os.path.normpath(home)):
                counts[reason] = counts.get(reason, 0) + 1
    return counts


def _places(home: str) -> list[str]:
    """Where notes may lie: the home, else a folder of this user in one for temporary files."""
    user = os.getuid() if sys.platform != "win32" else os.environ.get("USERNAME", "user")
    named = [os.environ[name] for name in ("TMPDIR", "TEMP", "TMP") if os.environ.get(name)]
    folders = [os.path.join(place, f"orchestrion-{user}") for place in dict.fromkeys([*named, *TEMPORARY])]
    return [home, *folders] if home else folders


def _append(folder: str, line: bytes) -> bool:
    try:
        os.makedirs(folder, 0o700, exist_ok=True)
        if not _ours(folder):
            return False
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = os.open(os.path.join(folder, FILE_NAME), flags, 0o600)
        try:
            return os.write(file, line) == len(line)
        finally:
            os.close(file)
    except OSError:
        return False


def _lines(path: str) -> list[tuple[str, str]]:
    """(reason, home) of each whole line; a line cut by a full disk was written again elsewhere."""
    if not _ours(os.path.dirname(path)):
        return []
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            parts = [line[:-1].split("\t") for line in file if line.endswith("\n")]
    except OSError:
        return []
    return [(part[2].strip("'\""), part[3]) for part in parts if len(part) == 4]


def _ours(folder: str) -> bool:
    """Whether `folder` is a real one of this user: others may put a link of that name into /tmp."""
    try:
        found = os.lstat(folder)
    except OSError:
        return False
    return sys.platform == "win32" or (found.st_uid == os.getuid() and (found.st_mode & 0o170000) == 0o040000)
