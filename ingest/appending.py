"""Appends what was read while the next lines are being read: one transaction at a time, in order."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import NamedTuple, Self

from orchestrion.domain.ports import Bulk
from orchestrion.domain.record import Committed, Fact
from orchestrion.ingest.ledger import Ledger

TRANSACTION_BYTES = 2 * 1024 * 1024
"""Blocks are committed together up to this size: a commit waits for the disk, and memory stays bounded."""


class Batch(NamedTuple):
    """What goes into the log in one transaction: encoded facts, and the blocks of lines that they were read from."""

    encoded: list[object]
    blocks: list[bytes]
    bodies: list[bytes]
    """Bodies that the lines hold for the facts that name them."""


class Appender:
    """Appends one file's facts and blocks in the background; a context manager that waits for the last ones."""

    def __init__(self, bulk: Bulk, ledger: Ledger) -> None:
        self._bulk, self._ledger = bulk, ledger
        self._batch, self._size = Batch([], [], []), 0
        self._pending: deque[tuple[Future[Committed], int]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._commit()
            self._settle(0)

    def add(self, facts: Sequence[Fact], *, strict: bool) -> None:
        """Take one line's facts; `strict`: it was plain JSON, and is redacted."""
        for fact in facts:
            self._batch.encoded.append(self._bulk.encode(fact, clean=strict))

    def end(self, block: bytes, bodies: Sequence[bytes]) -> None:
        """Take the redacted lines of the facts since the last call, and the bodies that the lines hold for them."""
        self._batch.blocks.append(block)
        self._batch.bodies.extend(bodies)
        self._size += len(block)
        if self._size >= TRANSACTION_BYTES:
            self._commit()

    def _commit(self) -> None:
        """Begin a transaction, once not too many others wait."""
        encoded, blocks, bodies = self._batch
        if blocks:
            self._settle(self._bulk.ahead - 1)
            self._pending.append((self._bulk.commit(encoded, [*blocks, *bodies]), len(blocks)))
            self._batch, self._size = Batch([], [], []), 0

    def _settle(self, leave: int) -> None:
        """Wait until no more than `leave` transactions wait; note what became of the others, raise what failed."""
        while len(self._pending) > leave:
            future, blocks = self._pending.popleft()
            done = future.result()
            self._ledger.appended += done.appended
            self._ledger.conflicts += done.conflicts
            self._ledger.blocks += done.blobs[:blocks]
