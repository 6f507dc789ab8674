"""Appends much while its maker makes more: in a thread, or, where it pays, in a process of its own.

Python runs one thread at a time, so what makes facts and what stores them share one core as long as they share a
process. Both ways append the same rows in the same order, a transaction a commit, and answer when it is durable.
"""

import fcntl
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from orchestrion.domain import errors
from orchestrion.domain.errors import LogUnavailable, OrchestrionError
from orchestrion.domain.record import Committed, Fact
from orchestrion.eventstore.door import Door, entered, told_of
from orchestrion.eventstore.entry import Entry
from orchestrion.eventstore.handover import Recording, packed, receive, recorded, send

SEPARATE_BYTES = 8 * 1024 * 1024
"""From here on a process of its own pays: it takes 0.2 s of the other core to begin."""

PIPE_BYTES = 1024 * 1024

CLOSING_SECONDS = 60.0
"""How long a closing writer may take over the transaction at hand; it waits for the log's lock no longer than half."""


class Threaded:
    """`ports.Bulk` in a thread of this process: it waits for the disk while others work."""

    ahead = 1

    def __init__(self, door: Door, recorder: Recording | None) -> None:
        self._door, self._recorder = door, recorder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="append")

    def encode(self, fact: Fact, *, clean: bool = False) -> Entry | bytes:
        """The fact as it will stand in the log."""
        return self._door.entry(fact, clean=clean)

    def commit(self, encoded: Sequence[Any], blobs: Sequence[bytes]) -> Future[Committed]:
        """Begin to append entries and blobs in one transaction."""
        return self._thread.submit(self._committed, encoded, blobs)

    def _committed(self, entries: Sequence[Any], blobs: Sequence[bytes]) -> Committed:
        assert self._recorder is not None  # noqa: S101 - who has none writes otherwise
        return Committed(*recorded(self._recorder, entries, blobs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was begun; after a failure nothing more is begun."""
        self._thread.shutdown(cancel_futures=kind is not None)


class Separate(Threaded):
    """`ports.Bulk` in a process of its own, which begins to work while its first transactions are being made."""

    ahead = 4

    def __init__(self, path: Path, identity: str, door: Door) -> None:
        super().__init__(door, None)
        self._path = path
        # -P: the current folder is the user's, and no place to import modules from. A session of its own: whoever
        # stops the import stops this process too, but not within a transaction.
        command = [sys.executable, "-P", "-m", "orchestrion.eventstore.bulk_writer", str(path.parent), identity]
        pipe = subprocess.PIPE
        self._child = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        with suppress(OSError, AttributeError):  # a smaller pipe is as good, only slower
            fcntl.fcntl(self._pipes()[0], fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def encode(self, fact: Fact, *, clean: bool = False) -> Entry | bytes:
        """What the fact holds, to be encoded over there; what needs a redactor is encoded here.

        At once, while its values are in the processor's cache, and so that none is kept until its transaction is full.
        """
        if not clean:
            return packed(self._door.entry(fact))
        told = told_of(fact)
        try:
            return packed(told)
        except ValueError:  # it holds what is no plain value, a model for instance
            return packed(entered(told))

    def _committed(self, entries: Sequence[Any], blobs: Sequence[bytes]) -> Committed:
        """Hand one transaction over and wait until it is durable. Raises what was raised there."""
        stdin, stdout, _ = self._pipes()
        try:
            send(stdin, list(entries), blobs)
            reply, _ = receive(stdout)
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if reply[0] == "failed":
            raise _error(*reply[1:])
        return Committed(*reply[1:])

    def _gone(self) -> LogUnavailable:
        """What to raise when the process has ended before its time."""
        code, said = self._child.wait(), self._pipes()[2].read().decode(errors="replace").strip().splitlines()
        why = said[-1] if said else f"code {code}"
        return LogUnavailable(
            f"the process that wrote to the log {self._path} has ended ({why}); what it had acknowledged is kept: do "
            "the same again to go on"
        )

    @property
    def pid(self) -> int:
        """Of the process that writes."""
        return self._child.pid

    def _pipes(self) -> tuple[IO[bytes], IO[bytes], IO[bytes]]:
        child = self._child
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None  # noqa: S101, PT018
        return child.stdin, child.stdout, child.stderr

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let what was begun be committed, and the process end."""
        super().__exit__(kind, error, trace)
        stdin, stdout, stderr = self._pipes()
        with suppress(BrokenPipeError):
            stdin.close()
        ended = select.poll()  # its output is closed by its end: to wait for a process with a limit is to look often
        ended.register(stdout, select.POLLIN)
        ended.poll(CLOSING_SECONDS * 1000)
        try:
            self._child.wait(CLOSING_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        stdout.close()
        stderr.close()


def _error(name: str, sentence: str) -> OrchestrionError:
    """What was raised in the process, as the same error here."""
    kind = getattr(errors, name, OrchestrionError)
    return kind(sentence) if issubclass(kind, OrchestrionError) else OrchestrionError(sentence)


def pays(size: int) -> bool:
    """Whether a process of its own makes an import of `size` bytes faster: it needs a core of its own."""
    return size >= SEPARATE_BYTES and cores() > 1


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
