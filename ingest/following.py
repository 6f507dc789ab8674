"""Follows one growing file by its byte offset: what is read once is not read again, a half line waits for its end."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from orchestrion.domain.ports import Log, Redactor
from orchestrion.domain.record import Fact
from orchestrion.ingest.formats import Importer, Numbered
from orchestrion.ingest.heard import Heard
from orchestrion.ingest.importing import COMPANION_BYTES
from orchestrion.ingest.redacting import redacted
from orchestrion.ingest.telling import SessionReader
from orchestrion.ingest.values import STRANGE, parse

READ_BYTES = 1024 * 1024
"""How much is read at once; a longer line is gathered until it ends."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells, without reading it, that a file is as it was."""

    inode: int
    bytes: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> "Stamp | None":
        """The stamp of `path` as it stands; None if it is not there."""
        try:
            found = path.stat()
        except OSError:
            return None
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


class Follower:
    """Reads whole lines from where it stopped and appends their facts. One that failed must not be used again."""

    def __init__(self, log: Log, redactor: Redactor, importer: Importer, path: Path) -> None:
        self.path = path
        self._log, self._redactor = log, redactor
        self._reader = importer.reader(_companion(path))
        self._offset = 0
        self._inode: int | None = None

    def continues(self, stamp: Stamp) -> bool:
        """Whether the file as it stands is the one that was read so far, grown or equal."""
        return self._inode in (None, stamp.inode) and stamp.bytes >= self._offset

    def go_on(self) -> int:
        """Append the facts of all lines that have ended since; returns how many were new. Raises OSError."""
        appended = 0
        with self.path.open("rb") as file:
            self._inode = os.fstat(file.fileno()).st_ino
            file.seek(self._offset)
            for lines, size in _whole_lines(file):
                appended += self._append(lines)
                self._offset += size
        return appended

    def _append(self, lines: list[bytes]) -> int:
        facts: list[Fact] = []
        strict = True
        heard = Heard(self._log, self._reader) if isinstance(self._reader, Numbered) else None
        for line, _ in redacted(lines, self._redactor):
            for value in line.values:
                before = len(facts)
                # What strange values bring no more an import of the whole counts as unparseable.
                with suppress(*STRANGE):
                    self._reader.read(value, facts)
                if heard and len(facts) > before and heard.holds(facts[-1]):
                    del facts[before:]
            if not line.whole and isinstance(self._reader, SessionReader):
                self._reader.ordinal += 1  # as an import does
            strict = strict and line.strict
        return len(self._log.observe(facts, clean=strict).positions)


def _whole_lines(file: BinaryIO) -> Iterator[tuple[list[bytes], int]]:
    """Lines that have ended, some at a time, and the bytes that they take."""
    rest = b""
    while chunk := file.read(READ_BYTES):
        ended, newline, after = chunk.rpartition(b"\n")
        if not newline:
            rest += chunk
            continue
        whole = rest + ended
        yield whole.split(b"\n"), len(whole) + 1
        rest = after


def _companion(path: Path) -> dict[str, Any] | None:
    """What the file beside an agent's own tells of it."""
    beside = path.with_suffix(".meta.json")
    try:
        if not path.name.startswith("agent-") or beside.stat().st_size > COMPANION_BYTES:
            return None
        values = parse(beside.read_bytes()).values
    except OSError:
        return None
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else None
