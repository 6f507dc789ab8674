"""Queues what arrives and appends it in one thread, several requests to a transaction; refuses what it cannot hold."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from orchestrion.domain.ports import Log, Redactor
from orchestrion.ingest.otlp.decoding import Export, Signal, Unacceptable, decoded
from orchestrion.ingest.otlp.taking import Taker

WAITING_BYTES = 64 * 1024 * 1024
"""Room for bodies that wait to be appended; beyond it exporters are told to try again later."""
TOGETHER_BYTES = 4 * 1024 * 1024
"""Requests are appended together up to this size, unpacked."""


class Full(Exception):
    """There is no room for more at the moment."""


@dataclass(slots=True)
class Arrived:
    """The body of one request, and who waits for what becomes of it."""

    signal: Signal
    content_type: str
    encoding: str
    body: bytes
    answer: Future[Export] = field(default_factory=Future)


class Intake:
    """Takes bodies from any thread; a context manager. `answer` is done when the facts are in the log.

    It fails with Unacceptable for a body that cannot be read, with LogUnavailable where the log cannot be written.
    """

    def __init__(self, open_log: Callable[[], Log], redactor: Redactor) -> None:
        self._open_log, self._redactor = open_log, redactor
        self._waiting: deque[Arrived] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="otlp", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def put(self, arrived: Arrived) -> Future[Export]:
        """Queue one body. Raises Full."""
        with self._changed:
            if self._closed or self._bytes + len(arrived.body) > WAITING_BYTES:
                raise Full
            self._waiting.append(arrived)
            self._bytes += len(arrived.body)
            self._changed.notify()
        return arrived.answer

    def _run(self) -> None:
        """Append until closed and empty."""
        log: Log | None = None
        taker: Taker | None = None
        while batch := self._batch():
            try:
                if log is None:
                    log = self._open_log()
                taker = taker or Taker(log, self._redactor)
                taker.take([export for _, export in batch])
            except Exception as error:  # whatever it is, who sent this is told, and the next ones get their chance
                for arrived, _ in batch:
                    arrived.answer.set_exception(error)
            else:
                for arrived, export in batch:
                    arrived.answer.set_result(export)
        if log is not None:
            log.close()

    def _batch(self) -> list[tuple[Arrived, Export]]:
        """Some bodies that could be decoded, the others being answered; none when closed."""
        batch: list[tuple[Arrived, Export]] = []
        size = 0
        while size < TOGETHER_BYTES and (arrived := self._next(wait=not batch)) is not None:
            try:
                export = decoded(arrived.signal, arrived.content_type, arrived.encoding, arrived.body)
            except Unacceptable as error:
                arrived.answer.set_exception(error)
                continue
            batch.append((arrived, export))
            size += export.bytes
        return batch

    def _next(self, *, wait: bool) -> Arrived | None:
        with self._changed:
            while wait and not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting:
                return None
            arrived = self._waiting.popleft()
            self._bytes -= len(arrived.body)
            return arrived
