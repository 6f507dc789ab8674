"""How a process and the one that writes for it talk: Python's own plain values, each message led by its length.

Both ends are the same program and the same Python, one started by the other; nobody else holds the pipe. What is
large stands behind the values as it is: nothing is copied that need not be.
"""

import marshal
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import IO, Any, Protocol

from orchestrion.eventstore.entry import Entry, Outcome

_LENGTH_BYTES = 8


class Recording(Protocol):
    """What writes entries and blobs in one transaction."""

    def record(self, entries: Sequence[Entry], blobs: Mapping[str, bytes]) -> Outcome: ...


def recorded(
    recorder: Recording, entries: Sequence[Entry], blobs: Sequence[bytes]
) -> tuple[int, int, int, tuple[str, ...]]:
    """Record one transaction: how many were new, stood already or were in conflict, and the blobs' names in order."""
    names = tuple(sha256(blob).hexdigest() for blob in blobs)
    outcome = recorder.record(entries, dict(zip(names, blobs, strict=True)))
    return len(outcome.positions), outcome.duplicates, len(outcome.conflicts), names


def packed(values: tuple[Any, ...]) -> bytes:
    """Values that are plain, all the way down, as bytes; ValueError if they are not."""
    return marshal.dumps(tuple(values))


def unpacked(raw: bytes) -> tuple[Any, ...]:
    """The values that were `packed`."""
    values: tuple[Any, ...] = marshal.loads(raw)  # noqa: S302 - our own words
    return values


def send(pipe: IO[bytes], value: Any, attached: Sequence[bytes] = ()) -> None:
    """Write one message: a plain value, and bytes beside it."""
    body = marshal.dumps((value, [len(each) for each in attached]))
    pipe.write(b"".join((len(body).to_bytes(_LENGTH_BYTES, "big"), body, *attached)))
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[Any, list[bytes]]:
    """Read one message. Raises EOFError where the other side has gone."""
    body = _exactly(pipe, int.from_bytes(_exactly(pipe, _LENGTH_BYTES), "big"))
    value, sizes = marshal.loads(body)  # noqa: S302 - our own words
    return value, [_exactly(pipe, size) for size in sizes]


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    read = pipe.read(size)
    if len(read) < size:
        raise EOFError("the other process has gone")
    return read
