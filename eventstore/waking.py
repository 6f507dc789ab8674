"""How a reader learns that another process has appended: inotify on the checkpoint, which is written after a commit."""

import ctypes
import os
import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

POLL_SECONDS = 0.25
"""How often the log itself is asked, for a writer killed between its commit and the checkpoint wakes nobody."""

PAUSE_SECONDS = 0.005
"""How often it is asked where the system has no inotify."""

_IN_MODIFY = 0x2
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC


class CheckpointWatch:
    """Waits for the log to go on. Each waiting thread has an inotify descriptor of its own, kept for the next time."""

    def __init__(self, checkpoint: Path, head: Callable[[], int]) -> None:
        self._checkpoint = checkpoint
        self._head = head
        self._idle: list[int] = []
        self._lock = threading.Lock()
        self._closed = False

    def wait(self, after: int, seconds: float) -> bool:
        """Whether the log is beyond `after`, waiting for it up to `seconds`."""
        until = time.monotonic() + seconds
        fd = self._taken()
        try:
            while self._head() <= after:
                left = until - time.monotonic()
                if left <= 0 or self._closed:
                    return False
                self._pause(fd, left)
            return True
        finally:
            self._given_back(fd)

    def _pause(self, fd: int | None, left: float) -> None:
        if fd is None:
            time.sleep(min(left, PAUSE_SECONDS))
            return
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        if poll.poll(min(left, POLL_SECONDS) * 1000):
            _drain(fd)

    def _taken(self) -> int | None:
        with self._lock:
            fd = self._idle.pop() if self._idle else None
        if fd is None:
            return _watching(self._checkpoint)
        _drain(fd)
        return fd

    def _given_back(self, fd: int | None) -> None:
        if fd is None:
            return
        with self._lock:
            if not self._closed:
                self._idle.append(fd)
                return
        os.close(fd)

    def close(self) -> None:
        """Close what no thread is waiting on; a waiting thread closes its own."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for fd in idle:
            os.close(fd)


def _drain(fd: int) -> None:
    with suppress(BlockingIOError):
        while os.read(fd, 4096):
            pass


def _watching(path: Path) -> int | None:
    """An inotify descriptor on `path`; None where the system has no inotify or no more of them."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "inotify_init1"):
        return None
    fd = int(libc.inotify_init1(_NONBLOCK_CLOEXEC))
    if fd < 0:
        return None
    if libc.inotify_add_watch(fd, os.fsencode(path), _IN_MODIFY) < 0:
        os.close(fd)
        return None
    return fd
