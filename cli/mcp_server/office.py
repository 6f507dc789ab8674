"""What all tools of the server work with: the log, its store and the buses, touched by one thread alone."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrion.agents.handover import Handover
from orchestrion.agents.post import Post
from orchestrion.cli.asking import session_of
from orchestrion.cli.wiring import Home, stored, written_log
from orchestrion.domain.events import SessionStarted
from orchestrion.domain.inert import inert

if TYPE_CHECKING:
    from orchestrion.projections import Store

Found = TypeVar("Found")
CLOSE_SECONDS = 10.0


class Office:
    """An asynchronous context manager; `do` carries out one act after the other."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mcp-office")
        self._stack = ExitStack()
        self._posts: dict[str, Post] = {}
        self._store: Store | None = None

    async def __aenter__(self) -> "Office":
        self.log, _ = await self.do(lambda: self._stack.enter_context(written_log(self.home)))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.do(self._stack.close)
        self._thread.shutdown()

    async def do(self, act: Callable[[], Found]) -> Found:
        """Carry out `act` off the loop, for an append waits for the disk."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, act)

    # Only to be called within `do`

    def post(self, session: str) -> Post:
        """The bus of a session. Raises NotFound."""
        if session not in self._posts:
            self._posts[session] = Post(self.log, session)
        self._posts[session].exchange.catch_up()
        return self._posts[session]

    def handover(self, session: str) -> Handover:
        """Its handoffs."""
        started = self.log.read_stream(f"session-{session}")[0].event
        workspace = started.workspace if isinstance(started, SessionStarted) else None
        return Handover(self.post(session), Path(workspace or "."))

    def store(self) -> "Store":
        """The views, as the log stands now."""
        if self._store is None:
            self._store = self._stack.enter_context(stored(self.log, self.home))
        self._store.catch_up()
        return self._store

    def session(self, given: str) -> str:
        """The session that `given` means: its id, the beginning of it, or `last`. Raises NotFound, Refused."""
        return session_of(self.store(), given)


def harmless(value: Any) -> Any:
    """`value` as plain JSON values in which no text holds what a terminal or an eye would obey."""
    match value:
        case str():
            return inert(value)
        case dict():
            return {inert(str(key)): harmless(each) for key, each in value.items()}
        case list() | tuple():
            return [harmless(each) for each in value]
        case bool() | int() | float() | None:
            return value
        case _ if hasattr(value, "isoformat"):
            return value.isoformat()
        case _:
            return inert(str(value))
