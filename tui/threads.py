"""The threads that ask: what takes its time leaves the processor to what is quickly answered."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

YIELDING = 10
"""How much nicer than the others a thread is that asks slowly: it gets a tenth where all want the processor, and all of
it where nobody else does."""
SLOW_THREADS = 2
"""Two screens may ask slowly at once, while one is left for the other."""


def patient() -> ThreadPoolExecutor:
    """Threads for what takes its time."""
    return ThreadPoolExecutor(SLOW_THREADS, "patient", initializer=_give_way)


def _give_way() -> None:
    """Let the other threads go first, where threads have priorities of their own: on Linux."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + YIELDING)
