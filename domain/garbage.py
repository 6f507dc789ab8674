"""Python's collector of garbage: how seldom it looks, while much is made of which nothing is a cycle.

It looks at all there is in the process whenever enough has been made: 4 to 60 ms that a question or an import waits.
"""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 50_000
"""So many objects more than were let go of before it looks at all."""


class _Collector:
    """How often it looks, while any thread wants it to look seldom; the last to leave restores what was."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wanted = 0
        self._before = gc.get_threshold()

    @contextmanager
    def seldom(self) -> Iterator[None]:
        with self._lock:
            self._wanted += 1
            if self._wanted == 1:
                self._before = gc.get_threshold()
                if self._before[0]:  # zero: somebody has switched it off
                    gc.set_threshold(max(SELDOM, self._before[0]), *self._before[1:])
        try:
            yield
        finally:
            with self._lock:
                self._wanted -= 1
                if not self._wanted:
                    gc.set_threshold(*self._before)


collected_seldom = _Collector().seldom
"""Within it, or within what it decorates, the collector looks only where `SELDOM` objects more have been made."""
