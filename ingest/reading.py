"""Reads a file of lines in blocks of bounded size, so that memory does not grow with the file."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 256 * 1024
"""Lines are read, redacted, stored and committed in blocks of about this size; a longer line is a block of its own."""

READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """Some whole lines of a file, without their newlines; `first` is the number of the first one, from 1."""

    lines: list[bytes]
    first: int
    size: int
    """Bytes that these lines take, each with its newline."""


def fingerprint(path: Path, extra: bytes | None = None) -> tuple[str, int]:
    """SHA-256 (hex) and size in bytes of a file as it stands; `extra`, a companion's bytes, counts into the hash."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    if extra is not None:
        digest.update(b"\0companion\0" + extra)
    return digest.hexdigest(), size


def blocks(file: BinaryIO, size: int, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The first `size` bytes of `file` as blocks of whole lines; an unterminated rest is the last line.

    Where a block ends depends on the lines before it alone, so a file that has grown repeats its earlier blocks.
    """
    number, pending, held = 1, list[bytes](), 0
    for line in _lines(file, size):
        pending.append(line)
        held += len(line) + len(b"\n")
        if held >= block_bytes:
            yield Block(pending, number, held)
            number, pending, held = number + len(pending), [], 0
    if pending:
        yield Block(pending, number, held)


def _lines(file: BinaryIO, size: int) -> Iterator[bytes]:
    """The lines of the first `size` bytes; only a newline ends one."""
    rest: list[bytes] = []
    left = size
    while left > 0 and (chunk := file.read(min(READ_BYTES, left))):
        left -= len(chunk)
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if others:
            yield b"".join(rest)
            yield from others[:-1]
            rest = [others[-1]]
    if tail := b"".join(rest):
        yield tail
