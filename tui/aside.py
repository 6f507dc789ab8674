"""Work in threads beside the screens, which nobody waits for when the dashboard is left."""

from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any, TypeVar

_T = TypeVar("_T")

_waiting: SimpleQueue[Callable[[], object]] = SimpleQueue()
_idle = Semaphore(0)


def aside(work: Callable[[], _T]) -> "Future[_T]":
    """Begin `work` in a thread, at once; what it comes to.

    Both asyncio and Python wait at their end for the threads of an executor, whatever those are asking; not for these.
    """
    loop = get_running_loop()
    future: Future[_T] = loop.create_future()
    _waiting.put(partial(copy_context().run, _done, work, loop, future))
    if not _idle.acquire(blocking=False):
        Thread(target=_work, name="aside", daemon=True).start()
    return future


def _work() -> None:
    while True:
        _waiting.get()()
        _idle.release()


def _done(work: Callable[[], _T], loop: AbstractEventLoop, future: "Future[_T]") -> None:
    told: Callable[[], None]
    try:
        told = partial(future.set_result, work())
    except BaseException as error:  # which is raised where the work is awaited
        told = partial(future.set_exception, error)
    with suppress(RuntimeError):  # the dashboard was left meanwhile
        loop.call_soon_threadsafe(_tell, future, told)


def _tell(future: "Future[Any]", told: Callable[[], None]) -> None:
    if not future.done():
        told()
