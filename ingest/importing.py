"""Imports files block by block: a block's facts and its redacted lines go into the log in one transaction."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import ImportCompleted
from orchestrion.domain.garbage import collected_seldom
from orchestrion.domain.ports import Bulk, Log, Redactor
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import slot_of
from orchestrion.ingest.appending import Appender
from orchestrion.ingest.documents import DOCUMENT, OTHER_DOCUMENT, what_else
from orchestrion.ingest.finding import SUFFIX, Found, find
from orchestrion.ingest.forks import Samples, forks
from orchestrion.ingest.formats import FORMATS, Bodied, Importer, Numbered, OfDocuments, Placed, Reader
from orchestrion.ingest.heard import HEARD, Heard
from orchestrion.ingest.ledger import UNPARSEABLE, FileReport, ImportReport, Ledger, best, ignored
from orchestrion.ingest.reading import Block, blocks, fingerprint
from orchestrion.ingest.recognising import AUTO, UNKNOWN, recognise
from orchestrion.ingest.redacting import judged, redacted
from orchestrion.ingest.telling import SessionReader
from orchestrion.ingest.unrolling import DOCUMENT_SUFFIXES, unrolled
from orchestrion.ingest.values import STRANGE, Line, parse

COMPANION_BYTES = 1024 * 1024
"""A file beside an agent's own that is larger than this is none of ours."""

MOVED_BY = {"claude-code": "CLAUDE_CONFIG_DIR", "claude-teams": "CLAUDE_CONFIG_DIR", "codex": "CODEX_HOME"}
"""Variables by which agents move the folder that their sessions' own lies in."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is: bytes of all files, and the file at hand, counted from 1."""

    path: Path
    done: int
    total: int
    file: int
    files: int


class Into(NamedTuple):
    """Where an import goes: the log, what appends much to it, and the log's own redactor."""

    log: Log
    bulk: Bulk
    redactor: Redactor


def import_paths(
    log: Log,
    redactor: Redactor,
    format: str,
    paths: Sequence[Path],
    *,
    progress: Callable[[Progress], None] | None = None,
) -> ImportReport:
    """Import the sessions of `paths` (none: the format's usual place) into `log`; what stands there is not doubled.

    `redactor` must be the log's own. `progress` is told after each block. What is no session is named in the report
    and ignored, what cannot be read is named with its error, and the others go on. An import that was stopped leaves
    whole blocks; the next one goes on from them. Raises NotFound, LogUnavailable.
    """
    importer = FORMATS.get(format)
    if importer is None and format != AUTO:
        raise NotFound(f"{format!r} is no format that can be imported; there is: {AUTO}, {', '.join(FORMATS)}")
    found = find(paths or _usual_places(importer), suffixes_of(importer))
    tell = _Teller(found, progress)
    with collected_seldom(), log.bulk(tell.total) as bulk:
        into = Into(log, bulk, redactor)
        return ImportReport(tuple(_import_one(into, importer, each, tell) for each in found))


def _usual_places(importer: Importer | None) -> list[Path]:
    """Where the sessions of a format usually lie; of all formats, those places that are there."""
    if importer is None:
        usual = [place for each in FORMATS.values() if (place := usual_place(each)) is not None]
        return [place for place in usual if place.is_dir()]
    if (found := usual_place(importer)) is None:
        raise NotFound(f"sessions of {importer.name} lie nowhere in particular; give a path")
    return [found]


def usual_place(importer: Importer) -> Path | None:
    """Where the sessions of a format usually lie: where the agent's own variable moved it, if it is set."""
    place = importer.usual_place
    moved = os.environ.get(MOVED_BY.get(importer.name, ""))
    if place is None or not moved:
        return place and place.expanduser()
    return Path(moved).expanduser() / place.name


def suffixes_of(importer: Importer | None) -> tuple[str, ...]:
    """How the names of a folder's files end that may be sessions; any name where the content is to tell."""
    if importer is None:
        return ("",)
    return (SUFFIX, *DOCUMENT_SUFFIXES) if isinstance(importer, OfDocuments) else (SUFFIX,)


class _Teller:
    """Adds up the bytes read over all files and tells them."""

    def __init__(self, found: Sequence[Found], progress: Callable[[Progress], None] | None) -> None:
        self._progress = progress
        self._sizes = [_size(each) for each in found]
        self.total = sum(self._sizes)
        self._index, self._before = 0, 0

    def read(self, path: Path, done: int) -> None:
        """Tell that `done` bytes of the file at hand are read."""
        if self._progress:
            done = min(done, self._sizes[self._index])
            place = Progress(path, self._before + done, self.total, self._index + 1, len(self._sizes))
            self._progress(place)

    def finish(self, path: Path) -> None:
        """Tell that the file at hand is done with."""
        self.read(path, self._sizes[self._index])
        self._before += self._sizes[self._index]
        self._index += 1


def _size(found: Found) -> int:
    """Bytes to read; 0 where nothing can be."""
    try:
        return 0 if found.note or found.error else found.path.stat().st_size
    except OSError:
        return 0


def _import_one(into: Into, importer: Importer | None, found: Found, tell: _Teller) -> FileReport:
    """Import one file, or say why not; without an importer, by the one that recognises it."""
    try:
        if found.note or found.error:
            return FileReport(found.path, note=found.note, error=found.error)
        importer = importer or recognise(found.path)
        if importer is None:
            return FileReport(found.path, note=UNKNOWN)
        return _Import(into, importer, found.path, tell).run()
    except OSError as error:
        said = f"{found.path} cannot be read: {error.strerror}; check its permissions"
        return FileReport(found.path, error=said)
    except STRANGE as error:
        fault = f"unexpected {type(error).__name__}: {error}; a fault of Orchestrion, and no other file is concerned"
        return FileReport(found.path, error=f"{found.path} cannot be imported whole: {fault}")
    finally:
        tell.finish(found.path)


class _Import:
    """The import of one file."""

    def __init__(self, into: Into, importer: Importer, path: Path, tell: _Teller) -> None:
        self._log, self._bulk, self._redactor = into
        self._importer, self._path, self._tell = importer, path, tell
        self._companion = importer.companion(path) if isinstance(importer, Placed) else _companion(path)
        self._ledger = Ledger()
        self._samples = Samples()
        self._reader = importer.reader(_as_object(self._companion))
        self._heard = Heard(into.log, self._reader) if isinstance(self._reader, Numbered) else None

    def run(self) -> FileReport:
        """Answer with the ledger that stands, or read the file and append its own."""
        content_hash, size = fingerprint(self._path, self._companion)
        if (stored := self._stored(content_hash)) is not None:
            return FileReport(self._path, stored, note="imported before: nothing to add")
        note = self._read_lines(size)
        facts = forks(self._log, self._samples, self._importer.parser)
        self._ledger.appended += len(self._log.observe(facts).positions)
        completed = self._ledger.completed(self._path, self._importer.name, self._importer.parser, content_hash, size)
        self._log.observe([Fact(self._stream(content_hash), slot_of(completed), completed)])
        return FileReport(self._path, completed, completed.events_appended, note)

    def _stream(self, content_hash: str) -> str:
        """Where the ledger of this content stands: a name of the file is no part of it, its format is."""
        return f"import-{content_hash}/{self._importer.name}"

    def _stored(self, content_hash: str) -> ImportCompleted | None:
        """The ledger of an earlier import of the same content by the same parser."""
        records = (record.event for record in self._log.read_stream(self._stream(content_hash)))
        return next((e for e in records if isinstance(e, ImportCompleted) and e.parser == self._importer.parser), None)

    def _read_lines(self, size: int) -> str | None:
        """Read the first `size` bytes; returns what the file is if it is no session."""
        with self._path.open("rb") as file, Appender(self._bulk, self._ledger) as appender:
            parts = unrolled(self._importer, file, size)
            note = what_else(file, size) if parts is None else None
            coming = blocks(file, size) if parts is None else parts
            if note is not None:
                self._pass_over(coming, note.rule)
                return OTHER_DOCUMENT if note is DOCUMENT and isinstance(self._importer, OfDocuments) else note.said
            done = 0
            for block, suspected in judged(coming, self._redactor):
                self._append(block, appender, suspected=suspected)
                done += len(block.text)
                self._tell.read(self._path, done)
        return self._nothing()

    def _append(self, block: Block, appender: Appender, *, suspected: bool) -> None:
        """Redact, read and append one block."""
        facts: list[Fact] = []
        kept: list[bytes] = []
        for line, raw in redacted(block.lines, self._redactor, suspected):
            self._ledger.count(self._classified(line, facts))
            kept.append(raw)
            if facts:  # taken line by line, while the values are warm
                appender.add(facts, strict=line.strict)
                self._ledger.sessions.update(dict.fromkeys([s for f in facts if (s := f.event.session) is not None]))
                self._samples.take(facts)
                facts.clear()
        text = b"\n".join((*kept, b"")) if suspected else block.text
        appender.end(text, self._reader.taken() if isinstance(self._reader, Bodied) else ())

    def _classified(self, line: Line, facts: list[Fact]) -> str:
        """The class of one line, whose facts are added to `facts`."""
        if line.whole and len(line.values) == 1:
            return self._read_value(line.values[0], facts)
        classes = [self._read_value(value, facts) for value in line.values]
        if not line.whole:
            self._pass(self._reader)
            classes.append(UNPARSEABLE)
        return best(classes)

    @staticmethod
    def _pass(reader: Reader) -> None:
        """What cannot be read has its number all the same: another copy of the file may hold it whole."""
        if isinstance(reader, SessionReader):
            reader.ordinal += 1

    def _read_value(self, value: Any, facts: list[Fact]) -> str:
        """The class of one value, whose type is counted."""
        if isinstance(value, dict):
            kind = value.get("type")
            self._ledger.types[kind if isinstance(kind, str) else "none"] += 1
        try:
            told = self._reader.read(value, facts)
        except STRANGE:  # what it had told by then stands
            told = UNPARSEABLE
        if facts and self._heard and self._heard.holds(facts[-1]):
            facts.clear()
            return ignored(HEARD)
        return told

    def _pass_over(self, blocks: Iterator[Block], rule: str) -> None:
        """Count lines that belong to no session."""
        done = 0
        for block in blocks:
            for line in block.lines:
                self._ledger.count(ignored(rule) if line.strip() else best([]))
            done += len(block.text)
            self._tell.read(self._path, done)

    def _nothing(self) -> str | None:
        """That the file holds no session, if so."""
        if self._ledger.lines == 0:
            return "empty: no session"
        if self._ledger.classes[ignored(HEARD)] and not self._ledger.sessions:
            return "a run of ours heard this session while it was written: nothing to add"
        either = " or unparseable" if self._ledger.classes[UNPARSEABLE] else ""
        return None if self._ledger.sessions else f"no session in it: every line is ignored{either}"


def _companion(path: Path) -> bytes | None:
    """What stands beside an agent's own file, `agent-<id>.meta.json`; None if nothing does."""
    beside = path.with_suffix(".meta.json")
    if not path.name.startswith("agent-") or not beside.is_file() or beside.stat().st_size > COMPANION_BYTES:
        return None
    return beside.read_bytes()


def _as_object(raw: bytes | None) -> dict[str, Any] | None:
    """`raw` as one JSON object; None if it is none."""
    values = parse(raw).values if raw else ()
    return values[0] if len(values) == 1 and isinstance(values[0], dict) else None
