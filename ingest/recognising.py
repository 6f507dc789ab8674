"""Tells by its content which format a file is of."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from orchestrion.ingest.formats import FORMATS, Importer, OfDocuments
from orchestrion.ingest.unrolling import document_of
from orchestrion.ingest.values import STRANGE, parse

AUTO = "auto"
"""Instead of a format's name: recognise it."""

HEAD_BYTES = 1024 * 1024
HEAD_LINES = 40
"""How much of a file's beginning is looked at, unless it is one document."""

LINE_BYTES = 64 * 1024 * 1024
"""How much of an object is looked at with which that beginning breaks off."""

UNKNOWN = "no session of a format that is known: skipped"


def recognise(path: Path) -> Importer | None:
    """The importer whose format `path` is of; None if there is none. Raises OSError."""
    with path.open("rb") as file:
        first, *others = _beginning(file)
        file.seek(0)
        values = _values([first, *others])
        begins = any(isinstance(value, dict) for value in parse(first).values)
        found = _of_lines(values) if begins else None
        if found is None and (document := document_of(file, path.stat().st_size)) is not None:
            return _of_document(document)
    return found or _of_lines(values)


def _beginning(file: BinaryIO) -> list[bytes]:
    """The lines that the file begins with, at least one; that with which its head breaks off is whole if an object."""
    head = file.read(HEAD_BYTES)
    lines = head.lstrip().split(b"\n")
    if len(head) < HEAD_BYTES:
        return lines
    *whole, last = lines
    if last.startswith(b"{") and len(whole) < HEAD_LINES:
        return [*whole, last + file.readline(LINE_BYTES)]
    return whole or [last]


def _values(lines: Sequence[bytes]) -> list[Any]:
    """The JSON values on the first lines."""
    return [value for line in lines[:HEAD_LINES] for value in parse(line).values]


def _of_lines(values: Sequence[Any]) -> Importer | None:
    """The format of a file whose lines begin with `values`."""
    return next((each for each in FORMATS.values() if values and _knows(each, values)), None)


def _knows(importer: Importer, values: Sequence[Any]) -> bool:
    try:
        return importer.recognises(values)
    except STRANGE:  # a shape that nobody foresaw is of no format
        return False


def _of_document(document: Any) -> Importer | None:
    """The format of a file that is `document`."""
    importers = (each for each in FORMATS.values() if isinstance(each, OfDocuments))
    return next((each for each in importers if each.parts(document) is not None), None)
