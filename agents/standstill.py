"""A run's own time, which stands still while it waits for a person."""

import asyncio
import contextlib
from collections.abc import Iterator


class Standstill:
    """Seconds that a run may take, counted only while it does not wait for a person. Bound to one task's timeout."""

    def __init__(self) -> None:
        self._timeout: asyncio.Timeout | None = None
        self._waiting = 0
        self._left = 0.0

    def bind(self, timeout: asyncio.Timeout) -> None:
        """From now on it is this timeout that stands still."""
        self._timeout = timeout

    @property
    def is_over(self) -> bool:
        """Whether the time has run out."""
        when = self._timeout.when() if self._timeout else None
        return when is not None and asyncio.get_running_loop().time() >= when

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """The time stands still meanwhile; several may wait at once."""
        timeout = self._timeout
        when = timeout.when() if timeout else None
        if timeout is None or (when is None and not self._waiting):
            yield
            return
        loop = asyncio.get_running_loop()
        if when is not None:
            self._left = when - loop.time()
            timeout.reschedule(None)
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1
            if not self._waiting and not timeout.expired():
                timeout.reschedule(loop.time() + self._left)
