"""Reads a file that is one JSON document as lines: each of its parts is one, so that the ledger can account for it."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import orjson

from orchestrion.ingest.formats import Importer, OfDocuments
from orchestrion.ingest.reading import BLOCK_BYTES, Block
from orchestrion.ingest.values import Line, parse

DOCUMENT_SUFFIXES = (".json", ".traj")

LENIENT_BYTES = 16 * 1024 * 1024
"""Up to this size a document may also be what strict JSON forbids (NaN, a lone surrogate)."""

DOCUMENT_BYTES = 256 * 1024 * 1024
"""A larger document is read by lines, whatever it is."""


def document_of(file: BinaryIO, size: int) -> Any:
    """The one JSON value that the first `size` bytes of `file` are; None if they are not. Leaves it at its start."""
    if size > DOCUMENT_BYTES:
        return None
    start = file.read(min(size, 64)).lstrip(b"\xef\xbb\xbf \t\r\n")
    file.seek(0)
    if start[:1] not in (b"{", b"["):
        return None
    raw = file.read(size)
    file.seek(0)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        line = parse(raw) if size <= LENIENT_BYTES else Line(())
    return line.values[0] if line.whole and len(line.values) == 1 else None


def unrolled(importer: Importer, file: BinaryIO, size: int) -> Iterator[Block] | None:
    """The parts of a document as blocks of lines; None if the format has no documents or this is none of it."""
    if not isinstance(importer, OfDocuments):
        return None
    parts = importer.parts(document_of(file, size))
    return None if parts is None else _blocks(map(_encoded, parts))


def _blocks(lines: Iterator[bytes]) -> Iterator[Block]:
    """`lines` as blocks of bounded size."""
    pending, held = list[bytes](), 0
    for line in lines:
        pending += (line, b"\n")
        held += len(line) + len(b"\n")
        if held >= BLOCK_BYTES:
            yield Block(b"".join(pending))
            pending, held = [], 0
    if pending:
        yield Block(b"".join(pending))


def _encoded(part: Any) -> bytes:
    """One part as a line of JSON; one nested too deeply for JSON writers becomes what nothing can be read of."""
    try:
        return orjson.dumps(part)
    except TypeError:
        pass
    try:
        return json.dumps(part).encode("ascii")
    except (RecursionError, ValueError):
        return b"(nested too deeply)"
