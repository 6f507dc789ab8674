"""The spool as its reader sees it: files that sort by arrival, leftovers of killed writers, and what cannot be read.

`cli.hook` writes it, one file a payload: `<nanoseconds since 1970>-<process>-<counter>.json`, 0600, whole or not there.
"""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

SPOOL_NAME = "spool"
BAD_NAME = "bad"
MAX_BYTES = 64 * 2**20
"""A larger file was not written by a hook of ours."""
LEFTOVER_SECONDS = 600
"""A file still being written for so long is what a killed hook left: whole perhaps, so it is looked at."""

_NAME = re.compile(r"(\d{20})-\d{1,10}-\d{1,3}\.json")
_PARTIAL = re.compile(r"\.(\d{20}-\d{1,10}-\d{1,3}\.json)\.part")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Arrival:
    """One file of the spool. `at` is None where its name is no hook's."""

    path: Path
    at: datetime | None
    bytes: int

    @property
    def name(self) -> str:
        """Identity of what arrived, where the payload itself holds none: unique, and the same at every attempt."""
        return self.path.stem


def spooled(home: Path) -> int:
    """How many payloads wait in the spool of `home`."""
    return sum(1 for path in _files(home / SPOOL_NAME) if not path.name.startswith("."))


def bad(home: Path) -> int:
    """How many files of the spool could not be read and were put aside."""
    return sum(1 for _ in _files(home / SPOOL_NAME / BAD_NAME))


def arrivals(spool: Path, after: str = "") -> list[Arrival]:
    """The files of `spool` in the order of their arrival, from the one after the file named `after`."""
    _adopt_leftovers(spool)
    names = sorted(path.name for path in _files(spool) if not path.name.startswith("."))
    return [found for name in names if name > after and (found := _arrival(spool / name))]


def put_aside(arrival: Arrival) -> None:
    """Move a file that cannot be read out of the way, and keep it."""
    folder = arrival.path.parent / BAD_NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileNotFoundError):  # another drainer was here
        arrival.path.replace(folder / arrival.path.name)


def _arrival(path: Path) -> Arrival | None:
    name = _NAME.fullmatch(path.name)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None  # another drainer was here
    return Arrival(path, _moment(int(name[1])) if name else None, size)


def _moment(nanoseconds: int) -> datetime | None:
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return None


def _adopt_leftovers(spool: Path) -> None:
    for path in list(_files(spool)):
        found = _PARTIAL.fullmatch(path.name)
        with suppress(FileNotFoundError):
            if found and time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.rename(spool / found[1])


def _files(folder: Path) -> Iterator[Path]:
    try:
        yield from [path for path in folder.iterdir() if path.is_symlink() or not path.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return
