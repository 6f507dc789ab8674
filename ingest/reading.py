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
    """Some whole lines of a file."""

    text: bytes
    """The lines, each with its newline."""

    @property
    def lines(self) -> list[bytes]:
        """Each line, without its newline."""
        return self.text.split(b"\n")[:-1]


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
    parts, held, left = list[bytes](), 0, size
    while left > 0 and (chunk := file.read(min(READ_BYTES, left))):
        left -= len(chunk)
        start = 0
        while (end := chunk.find(b"\n", start + max(0, block_bytes - 1 - held))) >= 0:
            yield Block(b"".join((*parts, chunk[start : end + 1])))
            parts, held, start = [], 0, end + 1
        parts.append(chunk[start:])
        held += len(chunk) - start
    if held:
        text = b"".join(parts)
        yield Block(text if text.endswith(b"\n") else text + b"\n")
