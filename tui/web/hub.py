"""Follows the log in a thread of its own, answers questions in others, and wakes whoever waits for more."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from orchestrion.domain.errors import OrchestrionError
from orchestrion.tui.large import Blob

WAIT_SECONDS = 0.25
"""How long the follower waits for the log before it looks whether it shall stop."""
RETRY_SECONDS = 1.0
ASKING_THREADS = 2
WHOLE_TRIES = 2

Answer = TypeVar("Answer")


class Rows(Protocol):
    """An answer of the views."""

    def dicts(self) -> list[dict[str, Any]]: ...


class Views(Protocol):
    """What the page needs of `projections.Store`, which threads may share."""

    @property
    def position(self) -> int: ...
    @property
    def dead_letters(self) -> int: ...
    def catch_up(self) -> int: ...
    def follow(self, seconds: float) -> bool: ...
    def query(
        self, sql: str, params: Sequence[object] | Mapping[str, object] = (), *, at: int | None = None
    ) -> Rows: ...


class Hub:
    """The one store behind every open page, and what the log keeps beside its events (`blob`).

    `trouble` is a sentence while the log cannot be read, else None.
    """

    def __init__(self, views: Views, blob: Blob) -> None:
        self.views, self.blob = views, blob
        self.trouble: str | None = None
        self.closing = False
        self._bell = asyncio.Event()
        self._stop = threading.Event()
        self._askers = ThreadPoolExecutor(ASKING_THREADS, thread_name_prefix="web-ask")
        self._follower: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to follow; called in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._follower = threading.Thread(target=self._follow, name="web-follow", daemon=True)
        self._follower.start()

    def stop(self) -> None:
        """Let go of the threads; every open stream ends."""
        self.close_streams()
        self._stop.set()
        if self._follower is not None:
            self._follower.join()
        self._askers.shutdown()

    def close_streams(self) -> None:
        """Make every waiting stream end; called in the event loop."""
        self.closing = True
        self._ring()

    def close_soon(self) -> None:
        """Like `close_streams`, from anywhere: a signal's handler, another thread."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and with it every stream
                self._loop.call_soon_threadsafe(self.close_streams)

    async def ask(self, question: Callable[[Views], Answer]) -> Answer:
        """The answer to `question`, asked in a thread."""
        if self._loop is None:
            raise RuntimeError("the hub has not started")
        return await self._loop.run_in_executor(self._askers, question, self.views)

    async def ask_whole(self, question: Callable[[Views], Answer]) -> Answer:
        """Like `ask`, for an answer of many parts: asked again if the log grew meanwhile, so that they fit together.

        Where the log never rests the last try stands; whoever watches is told of the growth, and asks again.
        """
        return await self.ask(lambda views: _whole(views, question))

    async def changed(self, seen: int, seconds: float) -> None:
        """Wait until there is more than `seen`, there is trouble, it is closing, or `seconds` are over."""
        bell = self._bell
        if self.views.position > seen or self.closing:
            return
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), seconds)

    def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                moved = self.views.follow(WAIT_SECONDS)
                trouble = None
            except (OrchestrionError, OSError) as error:
                moved, trouble = False, str(error)
            if moved or trouble != self.trouble:
                self.trouble = trouble
                self._wake()
            if trouble is not None:
                self._stop.wait(RETRY_SECONDS)

    def _wake(self) -> None:
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be woken
                self._loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        bell, self._bell = self._bell, asyncio.Event()
        bell.set()


def _whole(views: Views, question: Callable[[Views], Answer]) -> Answer:
    for _ in range(WHOLE_TRIES):
        before = views.position
        answer = question(views)
        if views.position == before:
            break
    return answer
