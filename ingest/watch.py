"""Watches folders of sessions: growing files are followed, and a file that rests is imported whole, with its ledger.

A file that is one document has no lines to follow: it is imported whole whenever it has been left alone for a moment.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrion.domain.ports import Log, Redactor
from orchestrion.ingest.following import Follower, Stamp
from orchestrion.ingest.formats import FORMATS, Importer
from orchestrion.ingest.importing import import_paths, suffixes_of, usual_place
from orchestrion.ingest.unrolling import DOCUMENT_SUFFIXES

ROUND_SECONDS = 0.5
"""Between looks at the files that are growing."""
SWEEP_SECONDS = 5.0
"""Between looks at all files: so late at most is a new session seen."""
REST_SECONDS = 30.0
"""A file that has not grown for so long rests: it gets its ledger."""
DOCUMENT_REST_SECONDS = 2.0
"""So long a document must have been left alone: its writer may be at it."""
STATE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Looked:
    """What one look found: files that are followed, events appended, files that came to rest."""

    followed: int = 0
    appended: int = 0
    settled: int = 0


class Watch:
    """Looks at the folders of `places` (format name to folder) whenever `look` is called.

    What it remembers in the file `memory` (stamps of files that rest) only saves reading them again after a start: the
    log is what counts, and a file read twice adds nothing. It holds no file open between looks.
    """

    def __init__(
        self,
        log: Log,
        redactor: Redactor,
        places: Sequence[tuple[str, Path]],
        memory: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log, self._redactor, self._places, self._memory, self._clock = log, redactor, places, memory, clock
        self._resting = _remembered(memory)
        self._followed: dict[Path, tuple[Follower, Stamp, float]] = {}
        self._formats: dict[Path, str] = {}
        self._next_sweep = 0.0

    def look(self, *, rest_seconds: float = REST_SECONDS) -> Looked:
        """Append what is new. Raises LogUnavailable; the next look then reads the files at hand again."""
        now = self._clock()
        paths = set(self._followed)
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            paths |= set(self._changed())
        appended = settled = 0
        try:
            for path in sorted(paths):
                added, rests = self._look_at(path, now, rest_seconds)
                appended, settled = appended + added, settled + rests
        finally:
            if settled:
                self.remember()
        return Looked(len(self._followed), appended, settled)

    def remember(self) -> None:
        """Write down which files rest. Raises OSError."""
        stamps = {str(path): [s.inode, s.bytes, s.changed_ns] for path, s in self._resting.items()}
        partial = self._memory.with_name(f".{self._memory.name}.{os.getpid()}.part")
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8", errors="surrogateescape") as stream:
            json.dump({"version": STATE_VERSION, "resting": stamps}, stream, ensure_ascii=True)
        partial.replace(self._memory)

    def _changed(self) -> Iterator[Path]:
        """All session files that are not what they were when they came to rest."""
        for name, folder in self._places:
            for path, stamp in _files(str(folder), suffixes_of(FORMATS[name])):
                if self._resting.get(path) != stamp:
                    self._formats[path] = name
                    yield path

    def _look_at(self, path: Path, now: float, rest_seconds: float) -> tuple[int, int]:
        """Events appended from one file, and 1 if it came to rest."""
        stamp = Stamp.of(path)
        if stamp is None:
            self._followed.pop(path, None)
            return 0, 0
        if path.suffix in DOCUMENT_SUFFIXES:
            left_alone = self._old(stamp, min(rest_seconds, DOCUMENT_REST_SECONDS))
            return self._settle(path, stamp) if left_alone else (0, 0)
        known = self._followed.pop(path, None)  # one that fails is not put back
        if known is not None and known[1] == stamp:
            if now - known[2] < rest_seconds:
                self._followed[path] = known
                return 0, 0
            return self._settle(path, stamp)
        if known is None and self._old(stamp, rest_seconds):
            return self._settle(path, stamp)
        follower = known[0] if known and known[0].continues(stamp) else self._follower(path)
        appended = 0
        with suppress(OSError):  # it went away between two calls
            appended = follower.go_on()
            self._followed[path] = (follower, stamp, now)
            self._resting.pop(path, None)
        return appended, 0

    def _settle(self, path: Path, stamp: Stamp) -> tuple[int, int]:
        """Import a file that rests as a whole: the ledger accounts for each of its lines."""
        report = import_paths(self._log, self._redactor, self._formats[path], [path])
        self._resting[path] = stamp
        return sum(row.events_appended for row in report.rows), 1

    def _follower(self, path: Path) -> Follower:
        importer: Importer = FORMATS[self._formats[path]]
        return Follower(self._log, self._redactor, importer, path)

    @staticmethod
    def _old(stamp: Stamp, rest_seconds: float) -> bool:
        """Whether the file was last written to so long ago that it rests already."""
        return time.time_ns() - stamp.changed_ns > rest_seconds * 1e9


def usual_places() -> list[tuple[str, Path]]:
    """Each format that can be imported, with the folder in which its sessions usually lie; it may come later."""
    return [(name, place) for name, each in FORMATS.items() if (place := usual_place(each)) is not None]


def _files(folder: str, suffixes: tuple[str, ...]) -> Iterator[tuple[Path, Stamp]]:
    """The session files below a folder with their stamps; cheap, for it is done again and again."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        with suppress(OSError):
            if entry.is_dir(follow_symlinks=False):
                yield from _files(entry.path, suffixes)
            elif entry.name.endswith(suffixes) and entry.is_file():
                found = entry.stat()
                yield Path(entry.path), Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


def _remembered(memory: Path) -> dict[Path, Stamp]:
    """The stamps of a former watch; none if they cannot be read: then all is read again, and nothing is lost."""
    try:
        state = json.loads(memory.read_bytes())
        if state["version"] != STATE_VERSION:
            return {}
        return {Path(path): Stamp(*map(int, stamp)) for path, stamp in state["resting"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
