"""The hash chain: each row's hash covers the row and the hash before it, so no row can change unseen."""

import struct
from collections.abc import Iterable
from hashlib import sha256

from orchestrion.eventstore.entry import ChainedRow, Entry, Row

_LENGTHS = struct.Struct(">qqIIIQ")


def genesis(identity: str) -> bytes:
    """The hash before the first row: a log's chain belongs to that log alone."""
    return sha256(f"orchestrion log {identity}".encode()).digest()


def link(previous: bytes, row: Row) -> bytes:
    """SHA-256 over the previous hash, the row's numbers, the lengths of its texts, and the texts."""
    position, stream, version, kind, recorded_at, state = row
    name, topic, moment = stream.encode(), kind.encode(), recorded_at.encode()
    lengths = _LENGTHS.pack(position, version, len(name), len(topic), len(moment), len(state))
    return sha256(b"".join((previous, lengths, name, topic, moment, state))).digest()


def chained(previous: bytes, last: int, recorded_at: str, entries: Iterable[Entry]) -> list[ChainedRow]:
    """`entries` as rows after position `last`, whose hash is `previous`."""
    rows: list[ChainedRow] = []
    for position, (stream, version, kind, state, _) in enumerate(entries, last + 1):
        row = (position, stream, version, kind, recorded_at, state)
        previous = link(previous, row)
        rows.append((*row, previous))
    return rows
