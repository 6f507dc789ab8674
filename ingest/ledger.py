"""The ledger of an import: each line of a file has exactly one class, and the classes add up to the file."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrion.domain.events import ImportCompleted

RECORDED = "recorded"
DUPLICATE = "duplicate"
"""All that the line tells stands on an earlier line of the same file: its id was read before."""
UNPARSEABLE = "unparseable"
BLANK = "blank"

BAD_LINES_NAMED = 20
"""How many unparseable lines the ledger names by number."""

_IGNORED = "ignored:"
_BEST_FIRST = (RECORDED, DUPLICATE, _IGNORED, UNPARSEABLE)


def ignored(rule: str) -> str:
    """The class of a line that is ignored by a named rule."""
    return _IGNORED + rule


def best(classes: Sequence[str]) -> str:
    """The class of a line with several values; an empty line is `ignored:blank`."""
    if len(classes) == 1:
        return classes[0]
    return min(classes, key=_rank) if classes else ignored(BLANK)


def _rank(named: str) -> int:
    """How far `named` stands from the best class."""
    return next(rank for rank, start in enumerate(_BEST_FIRST) if named.startswith(start))


@dataclass(slots=True)
class Ledger:
    """Counts one file's lines while they are read."""

    lines: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    bad_lines: list[int] = field(default_factory=list)
    sessions: dict[str, None] = field(default_factory=dict)
    blocks: list[str] = field(default_factory=list)
    conflicts: int = 0
    appended: int = 0

    def count(self, named: str) -> None:
        """Count the next line as of the class `named`."""
        self.lines += 1
        self.classes[named] += 1
        if named == UNPARSEABLE and len(self.bad_lines) < BAD_LINES_NAMED:
            self.bad_lines.append(self.lines)

    def completed(self, path: Path, format: str, parser: int, content_hash: str, size: int) -> ImportCompleted:
        """The ledger as the fact that ends an import; `events_appended` counts it too."""
        rules = {name.removeprefix(_IGNORED): n for name, n in self.classes.items() if name.startswith(_IGNORED)}
        return ImportCompleted(
            source="transcript",
            parser=parser,
            path=str(path),
            format=format,
            content_hash=content_hash,
            bytes=size,
            lines=self.lines,
            recorded=self.classes[RECORDED],
            duplicates=self.classes[DUPLICATE],
            ignored=sum(rules.values()),
            unparseable=self.classes[UNPARSEABLE],
            rules=dict(sorted(rules.items())),
            types=dict(sorted(self.types.items())),
            bad_lines=tuple(self.bad_lines),
            conflicts=self.conflicts,
            events_appended=self.appended + 1,
            sessions=tuple(self.sessions),
            blocks=tuple(self.blocks),
        )


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one path: its ledger, or why there is none."""

    path: Path
    ledger: ImportCompleted | None = None
    events_appended: int = 0
    """By this import; a file imported before is answered with its stored ledger and appends nothing."""
    note: str | None = None
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """One row of the report."""
        kept = self.ledger.model_dump(mode="json", include=set(_ROW)) if self.ledger else {}
        row = {"path": str(self.path), **{name: kept.get(name, empty) for name, empty in _ROW.items()}}
        row["events_appended"] = self.events_appended
        return row | {name: said for name in ("note", "error") if (said := getattr(self, name))}


_SUMS = ("lines", "recorded", "duplicates", "ignored", "unparseable")
_ROW: dict[str, Any] = {
    **dict.fromkeys((*_SUMS, "bytes", "conflicts"), 0),
    "rules": {},
    "types": {},
    "bad_lines": [],
    "sessions": [],
}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of all paths of one import."""

    rows: tuple[FileReport, ...]

    @property
    def errors(self) -> tuple[FileReport, ...]:
        """The paths that could not be read."""
        return tuple(row for row in self.rows if row.error)

    def as_json(self) -> dict[str, Any]:
        """Sums over the files, and a row a path under `ledger`."""
        rows = [row.as_json() for row in self.rows]
        sums = {name: sum(row[name] for row in rows) for name in (*_SUMS, "events_appended")}
        return {"files": sum(row.ledger is not None for row in self.rows), **sums, "ledger": rows}
