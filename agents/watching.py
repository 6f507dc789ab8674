"""Follows the log while a session is conducted: hears that it is to be cancelled, and says that its conductor lives."""

import asyncio
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from orchestrion.agents.holding import RENEW_SECONDS, Holding
from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.events import CancelRequested
from orchestrion.domain.ports import Log

WAIT_SECONDS = 0.5
PAUSE_SECONDS = 0.02
"""Between two looks at a busy log; a cancellation is heard within this."""
JOIN_SECONDS = 5.0


class Watch:
    """A thread beside the conductor's loop, which it tells by `cancel(why)` and `lost(error)`."""

    def __init__(
        self,
        log: Log,
        session: str,
        holding: Holding,
        *,
        cancel: Callable[[str], None],
        lost: Callable[[OrchestrionError], None],
    ) -> None:
        self._log, self._session, self._holding = log, session, holding
        self._cancel, self._lost = cancel, lost
        self._stop = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._follow, name=f"watch-{session}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(JOIN_SECONDS)

    def stop(self) -> None:
        """The next fact, the session's end, wakes the thread for the last time."""
        self._stop.set()

    def _follow(self) -> None:
        heard, renewed = False, time.monotonic()
        try:
            after = self._log.head()
            while True:
                if not heard and (request := cancellation(self._log, self._session)):
                    heard = True
                    self._tell(self._cancel, why(request))
                if time.monotonic() - renewed >= RENEW_SECONDS:
                    self._holding.renew()
                    renewed = time.monotonic()
                if self._stop.wait(PAUSE_SECONDS):
                    return
                if self._log.wait(after, WAIT_SECONDS):
                    after = self._log.head()
                if self._stop.is_set():
                    return
        except OrchestrionError as error:
            self._tell(self._lost, error)

    def _tell(self, hear: Callable[..., None], what: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(hear, what)


def cancellation(log: Log, session: str) -> CancelRequested | None:
    """Who asked for the end of `session`, if somebody did."""
    asked = [record.event for record in log.read_stream(f"cancel-{session}")]
    return next((event for event in asked if isinstance(event, CancelRequested)), None)


def why(request: CancelRequested) -> str:
    """A cancellation as a reason."""
    return f"cancelled by {request.by}" + (f": {request.reason}" if request.reason else "")
