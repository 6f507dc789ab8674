"""Recognises files that are no lines of JSON at all: binary ones, and one document that is printed over many lines."""

from dataclasses import dataclass
from typing import BinaryIO

import orjson

from orchestrion.ingest.values import parse

HEAD_BYTES = 64 * 1024
"""How much of a file's beginning is looked at."""

DOCUMENT_BYTES = 32 * 1024 * 1024
"""A larger file is read by lines, whatever it is."""


@dataclass(frozen=True, slots=True)
class Other:
    """What a file is instead of a transcript: the rule its lines are ignored by, and a sentence."""

    rule: str
    said: str


BINARY = Other("binary", "binary: no session")
DOCUMENT = Other("json-document", "one JSON document, not one object a line: no session")
OTHER_DOCUMENT = "one JSON document, but none of this format: no session"
"""What is said instead where the format's own are documents too."""


def what_else(file: BinaryIO, size: int) -> Other | None:
    """What `file` is if not lines; None if it may be lines. Leaves the file at its beginning."""
    head = file.read(min(size, HEAD_BYTES))
    file.seek(0)
    first = head.lstrip().split(b"\n", 1)[0]
    if len(first) >= HEAD_BYTES or any(isinstance(value, dict) for value in parse(first).values):
        return None
    if b"\0" in head:
        return BINARY
    if head.lstrip()[:1] not in (b"{", b"[") or size > DOCUMENT_BYTES:
        return None
    try:
        orjson.loads(file.read(size))
    except orjson.JSONDecodeError:
        return None
    finally:
        file.seek(0)
    return DOCUMENT
