"""One command run as a child in a process group of its own: never through a shell, never past its time or its room."""

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TERM_GRACE_SECONDS = 0.5
"""Between asking a group to end and ending it."""
POLL_SECONDS = 0.005
DRAIN_SECONDS = 0.5
"""For output that is still in the pipe when the command has ended."""
CHUNK_BYTES = 65_536
RUN_VARIABLE = "ORCHESTRION_RUN"
"""Every child carries its run here, by which its own children are found wherever they went."""


@dataclass
class Captured:
    """The first and the last half of `limit` bytes of a stream, and how many there were."""

    limit: int
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    size: int = 0

    def add(self, data: bytes) -> None:
        """Take `data`, letting go of the middle."""
        self.size += len(data)
        room = max(0, self.limit // 2 - len(self.head))
        self.head += data[:room]
        self.tail += data[room:]
        if len(self.tail) > self.limit:
            del self.tail[: len(self.tail) - self.limit // 2]

    @property
    def cut(self) -> bool:
        """Whether something is missing."""
        return self.size > self.limit

    def text(self) -> str:
        """As text; bytes that are no UTF-8 become their escapes, a cut is said where it is."""
        tail = bytes(self.tail[-(self.limit // 2) :]) if self.cut else bytes(self.tail)
        missing = self.size - len(self.head) - len(tail)
        middle = f"\n[… {missing} bytes left out …]\n".encode() if missing else b""
        return (bytes(self.head) + middle + tail).decode("utf-8", "backslashreplace")


@dataclass(frozen=True)
class Ended:
    """How a command ended: `exit_code` below 0 is the signal; None if it was stopped for its time."""

    exit_code: int | None
    stdout: Captured
    stderr: Captured
    duration_ms: int
    timed_out: bool = False


async def run_child(
    args: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    seconds: float,
    output_bytes: int,
    stdin: Path | None = None,
    spawned: Callable[[int], None] | None = None,
    heard: Callable[[bytes], None] | None = None,
    heard_errors: Callable[[bytes], None] | None = None,
    mark: str | None = None,
) -> Ended:
    """Run `args` and wait for its end, at most `seconds`. Nothing it started is left behind, however it ends.

    `spawned` is told the pid, which is also the process group. `heard` is given what comes on standard output, as it
    comes, `heard_errors` likewise; what they raise ends the command and is raised here. `mark`
    (`NAME=value` of `env`) is what its strays are known by, if it is not the run.

    Raises FileNotFoundError or PermissionError (the program), NotADirectoryError (`cwd`).
    """
    if not cwd.is_dir():
        raise NotADirectoryError(f"{cwd}: the workspace is gone")
    out, err = Captured(output_bytes), Captured(output_bytes)
    begun = time.monotonic()
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(stdin.open("rb")) if stdin else subprocess.DEVNULL
        trouble: asyncio.Future[None] = loop.create_future()
        pipes = [_Pipe(loop, out, heard, trouble), _Pipe(loop, err, heard_errors, trouble)]
        for pipe in pipes:
            stack.callback(pipe.close)
        process = await asyncio.create_subprocess_exec(
            *args,
            cwd=cwd,
            env=dict(env),
            stdin=source,
            stdout=pipes[0].writer,
            stderr=pipes[1].writer,
            start_new_session=True,
        )
        for pipe in pipes:
            pipe.close_writer()
        timed_out = False
        try:
            if spawned is not None:
                spawned(process.pid)
            await asyncio.wait_for(_ended(process, trouble), seconds)
            await _drained(pipes, DRAIN_SECONDS)
        except TimeoutError:
            timed_out = True
        finally:
            run = env.get(RUN_VARIABLE)
            await surely(end_group(process, mark or (f"{RUN_VARIABLE}={run}" if run else None)))
            if trouble.done():
                trouble.exception()  # so that it is not missed where we are cancelled
        await _drained(pipes, DRAIN_SECONDS)
        if trouble.done():
            trouble.result()
    elapsed = round((time.monotonic() - begun) * 1000)
    return Ended(None if timed_out else process.returncode, out, err, elapsed, timed_out)


class _Pipe:
    """A pipe that is read as data comes, for asyncio's own pipes would keep `wait` waiting for a child's children."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        captured: Captured,
        heard: Callable[[bytes], None] | None = None,
        trouble: "asyncio.Future[None] | None" = None,
    ) -> None:
        self._loop, self._captured = loop, captured
        self._heard, self._trouble = heard, trouble
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self.ended = asyncio.Event()
        loop.add_reader(self._reader, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._reader, CHUNK_BYTES)
        except BlockingIOError:
            return
        self._captured.add(data)
        if self._heard is not None and self._trouble is not None and not self._trouble.done():
            try:
                self._heard(data)
            except Exception as error:  # there is nobody above a loop's callback; it is raised by who waits
                self._trouble.set_exception(error)
        if not data:
            self._loop.remove_reader(self._reader)
            self.ended.set()

    def close_writer(self) -> None:
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    def close(self) -> None:
        self.close_writer()
        self._loop.remove_reader(self._reader)
        os.close(self._reader)


async def _ended(process: asyncio.subprocess.Process, trouble: "asyncio.Future[None]") -> None:
    """Wait until the command has ended, or until what it said made trouble."""
    waiting = asyncio.ensure_future(process.wait())
    try:
        await asyncio.wait((waiting, trouble), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


async def _drained(pipes: Sequence[_Pipe], seconds: float) -> None:
    """Wait until all is read; a child's child may hold the pipe open, so not for ever."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(pipe.ended.wait() for pipe in pipes)), seconds)


async def surely(work: Coroutine[Any, Any, None]) -> None:
    """Do `work` to its end even if we are cancelled meanwhile; then be cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled


async def end_group(process: asyncio.subprocess.Process, mark: str | None) -> None:
    """End the command's group and what left it but carries `mark` (`NAME=value`): politely first, then for good."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), TERM_GRACE_SECONDS)
    _signal_group(process.pid, signal.SIGKILL)
    while process.returncode is None:  # not `wait`: it also waits for the pipes, which a stray may hold open
        await asyncio.sleep(POLL_SECONDS)
    for pid in _strays(mark):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _strays(mark: str | None) -> list[int]:
    """Processes that left the group but carry `mark` in their environment (where there is a /proc to see it)."""
    proc = Path("/proc")
    if mark is None or not proc.is_dir():
        return []
    found = []
    for entry in proc.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue  # gone, or somebody else's
    return found
