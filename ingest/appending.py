"""Appends what was read while the next lines are being read: one thread, one transaction at a time, in order."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.ingest.ledger import Ledger

TRANSACTION_BYTES = 4 * 1024 * 1024
"""Blocks are committed together up to this size: a commit waits for the disk, and memory stays bounded."""


@dataclass(slots=True)
class Batch:
    """What goes into the log in one transaction: facts and the blocks of lines that they were read from."""

    facts: list[Fact] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """Bodies that the lines hold for the facts that name them."""
    size: int = 0
    strict: bool = True


class Appender:
    """Appends batches in the background; a context manager that waits for the last one."""

    def __init__(self, log: Log, ledger: Ledger) -> None:
        self._log, self._ledger = log, ledger
        self._batch = Batch()
        self._pending: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="import")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self._thread.shutdown()

    def add(self, facts: Sequence[Fact], block: bytes, *, strict: bool, bodies: Sequence[bytes] = ()) -> None:
        """Take one block's facts, its redacted lines and their bodies; `strict`: all of it was plain JSON."""
        if strict != self._batch.strict and self._batch.blocks:
            self._submit()  # the log looks at every string of a batch that is not strict: keep such batches small
        batch = self._batch
        batch.facts.extend(facts)
        batch.blocks.append(block)
        batch.bodies.extend(bodies)
        batch.size += len(block)
        batch.strict = batch.strict and strict
        if batch.size >= TRANSACTION_BYTES:
            self._submit()

    def flush(self) -> None:
        """Wait until all that was taken is in the log."""
        if self._batch.blocks:
            self._submit()
        self._settle()

    def _submit(self) -> None:
        """Hand the batch to the thread, once it is done with the one before."""
        self._settle()
        batch, self._batch = self._batch, Batch()
        self._pending = self._thread.submit(self._append, batch)

    def _settle(self) -> None:
        """Wait for the batch at hand; its failure is raised here."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def _append(self, batch: Batch) -> None:
        """Append one batch and note what became of it. Runs in the thread."""
        appended = self._log.observe(batch.facts, blobs=[*batch.blocks, *batch.bodies], clean=batch.strict)
        self._ledger.appended += len(appended.positions)
        self._ledger.conflicts += len(appended.conflicts)
        self._ledger.blocks += appended.blobs[: len(batch.blocks)]
