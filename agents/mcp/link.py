"""One MCP server of a session: started when it is first needed, asked, started again with backoff when it died."""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from orchestrion.agents.environment import HOME_VARIABLE
from orchestrion.agents.limits import Limits, backoff_seconds
from orchestrion.agents.mcp.answers import Problem, Trouble, trouble_of
from orchestrion.agents.mcp.config import ServerConfig
from orchestrion.agents.orphans import SESSION_VARIABLE

if TYPE_CHECKING:
    from mcp import Client
    from mcp_types import CallToolResult, Tool

    from orchestrion.agents.mcp.transport import Child

MAX_TOOLS = 1_000
CLOSE_SECONDS = 10.0
LOCK_POLL_SECONDS = 0.01
FLOODED = "it sent"
"""So begins the reason of a server that was ended because it said too much."""
T = TypeVar("T")


@dataclass(frozen=True)
class Place:
    """Where a session's servers work: its name, the folder, the home of the log."""

    session: str
    folder: Path
    origin: Path
    """The user's own workspace, where a relative command is looked for."""
    home: Path | None


class Link:
    """The connection to one server. Every method may raise Trouble.

    `restarting(why, wait_ms)` is told before it is started again, `spawned(pid)` of each process. A task of its own
    holds the connection, for the library's scopes end where they began.
    """

    def __init__(
        self,
        config: ServerConfig,
        place: Place,
        limits: Limits,
        *,
        seed: int,
        restarting: Callable[[str, int], None],
        spawned: Callable[[int], None],
    ) -> None:
        self.config, self._place, self._limits, self._seed = config, place, limits, seed
        self._restarting, self._spawned = restarting, spawned
        self._client: Client | None = None
        self._child: Child | None = None
        self._owner: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()
        self._starting = asyncio.Lock()
        self._turn = asyncio.Semaphore(1 if config.one_at_a_time else 1_000)
        self._failures = 0
        self._why = ""
        self.starts = 0
        """How often it was started."""
        self.tools_changed = False
        """Whether the server says that its tools are others now."""

    async def list(self) -> "list[Tool]":
        """All its tools, as it describes them now."""

        async def pages(client: "Client") -> "list[Tool]":
            found: list[Tool] = []
            cursor = None
            while True:
                page = await client.list_tools(cursor=cursor, cache_mode="bypass")
                found += page.tools
                if page.next_cursor is None:
                    return found
                if len(found) > MAX_TOOLS:
                    raise Trouble("flooded", f"the MCP server {self.config.name!r} lists more than {MAX_TOOLS} tools")
                cursor = page.next_cursor

        self.tools_changed = False
        return await self._asked("its list of tools", pages, again=True)

    async def call(self, tool: str, params: dict[str, Any], *, again: bool) -> "CallToolResult":
        """What `tool` answers. One that may be called `again` is, once, if the server died of the first call."""
        return await self._asked(tool, lambda client: client.call_tool(tool, params), again=again)

    async def close(self) -> None:
        """End the connection and, over stdio, the process with all it started."""
        self._stop.set()
        owner, self._owner, self._client = self._owner, None, None
        if owner is not None:
            done, _ = await asyncio.wait([owner], timeout=CLOSE_SECONDS)
            if not done:
                owner.cancel()
                await asyncio.wait([owner], timeout=CLOSE_SECONDS)

    async def _asked(self, what: str, ask: "Callable[[Client], Awaitable[T]]", *, again: bool) -> T:
        async with self._turn, self._alone():
            try:
                return await self._once(what, ask)
            except Trouble as trouble:
                if not again or trouble.problem != "died":
                    raise
            return await self._once(what, ask)

    @contextlib.asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """A server that takes one call at a time takes one of all processes of this home, for they share its file."""
        home = self._place.home
        if not self.config.one_at_a_time or home is None:
            yield
            return
        descriptor = os.open(home / f"mcp-{self.config.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _locked(descriptor):
                await asyncio.sleep(LOCK_POLL_SECONDS)
            yield
        finally:
            os.close(descriptor)

    async def _once(self, what: str, ask: "Callable[[Client], Awaitable[T]]") -> T:
        client = await self._connected()
        seconds = self.config.seconds or self._limits.mcp_call_seconds
        try:
            async with asyncio.timeout(seconds):
                answer = await ask(client)
        except Trouble:
            raise
        except Exception as error:  # whatever the library and a server come up with ends as one sentence
            trouble = self._explained(trouble_of(self.config.name, what, error), seconds)
            if trouble.problem in {"died", "flooded"}:
                await self._drop(client, trouble.sentence)
            raise trouble from error
        self._failures = 0
        return answer

    def _explained(self, trouble: Trouble, seconds: float) -> Trouble:
        why = self._child.why if self._child is not None else None
        if trouble.problem == "timed_out":
            return Trouble("timed_out", f"{trouble.sentence} ({seconds:g} s)", trouble.took_effect)
        if why and trouble.problem == "died":
            return Trouble(_kind(why), f"{trouble.sentence}: {why}", trouble.took_effect)
        return trouble

    async def _connected(self) -> "Client":
        async with self._starting:
            if self._client is not None and (self._child is None or not self._child.ended.is_set()):
                return self._client
            if self._client is not None:
                await self._drop(self._client, self._child.why if self._child and self._child.why else "it ended")
            while True:
                await self._wait_for_turn()
                try:
                    return await self._start()
                except Trouble as trouble:
                    self._failures += 1
                    self._why = trouble.sentence
                    if trouble.problem == "unavailable":
                        raise

    async def _wait_for_turn(self) -> None:
        """Before a start that is not the first: not too often, and not at once. Raises Trouble."""
        if self._failures > self._limits.mcp_restarts:
            raise Trouble("unavailable", f"{self._why}; it is not started again ({self._failures} failures in a row)")
        if self._failures:
            call = f"mcp/{self.config.name}/{self.starts}"
            seconds = backoff_seconds(self._limits, self._failures, seed=self._seed, call=call)
            self._restarting(self._why, round(seconds * 1000))
            await asyncio.sleep(seconds)

    async def _drop(self, client: "Client", why: str) -> None:
        """Let go of a connection that is of no use any more; the next question starts another."""
        if self._client is client:  # of several calls that met its end, the first
            self._failures, self._why = self._failures + 1, why
            await self.close()

    async def _start(self) -> "Client":
        self.starts += 1
        self._stop = asyncio.Event()
        ready: asyncio.Future[Client] = asyncio.get_running_loop().create_future()
        self._owner = asyncio.create_task(self._own(ready, self._stop), name=f"mcp-{self.config.name}")
        try:
            async with asyncio.timeout(self._limits.mcp_start_seconds):
                self._client = await asyncio.shield(ready)
        except TimeoutError:
            await self._abandon()
            seconds = self._limits.mcp_start_seconds
            sentence = f"the MCP server {self.config.name!r} did not answer within {seconds:g} s of its start"
            raise Trouble("timed_out", sentence) from None
        except asyncio.CancelledError:
            await self._abandon()
            raise
        return self._client

    async def _abandon(self) -> None:
        if self._owner is not None:
            self._owner.cancel()
        await self.close()

    async def _own(self, ready: "asyncio.Future[Client]", stop: asyncio.Event) -> None:
        """Hold the connection until `stop`, or until the server is gone."""
        from mcp import Client  # noqa: PLC0415 - takes 1.3 s to import
        from mcp_types import Implementation  # noqa: PLC0415

        try:
            about = Implementation(name="orchestrion", version="1")
            async with Client(self._transport(), client_info=about, message_handler=self._heard, cache=None) as client:
                if not ready.done():
                    ready.set_result(client)
                await stop.wait()
        except Exception as error:  # becomes the sentence of whoever waits for it; later, the next call meets it
            if not ready.done():
                ready.set_exception(self._not_started(error))
                ready.exception()  # nobody may wait any more
        finally:
            if not ready.done():
                ready.cancel()

    def _transport(self) -> Any:
        config, place = self.config, self._place
        if config.command is None:
            self._child = None
            return _over_http(config)
        from orchestrion.agents.mcp.transport import Child  # noqa: PLC0415

        values = {"home": str(place.home or place.folder)}
        env = {name: text.replace("{home}", values["home"]) for name, text in config.env.items()}
        mark = f"{place.session}/{config.name}"
        self._child = Child(
            [self._program(config.command), *config.args],
            {**({HOME_VARIABLE: values["home"]} if place.home else {}), **env, SESSION_VARIABLE: place.session},
            place.folder,
            mark,
            self._spawned,
        )
        return self._child.streams()

    def _program(self, command: str) -> str:
        """A command with a folder in it is looked for in the user's workspace, for the working copy may lack it."""
        if "/" in command and not Path(command).is_absolute():
            return str(self._place.origin / command)
        return shutil.which(command) or command

    def _not_started(self, error: BaseException) -> Trouble:
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        name, config = self.config.name, self.config
        if isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError):
            remedy = f"run: {config.install}" if config.install else f"install it, or change {config.origin}"
            return Trouble(
                "unavailable", f"the MCP server {name!r} cannot be run: {config.command}: {_of(error)}; {remedy}"
            )
        why = self._child.why if self._child is not None else None
        if why:
            return Trouble(_kind(why), f"the MCP server {name!r} could not be started: {why}")
        said = " ".join(str(error).split())[:300] or type(error).__name__
        where = f" at {_without_secrets(config.url)}" if config.url else ""
        return Trouble("died", f"the MCP server {name!r}{where} could not be reached: {said}")

    async def _heard(self, message: Any) -> None:
        from mcp_types import ToolListChangedNotification  # noqa: PLC0415

        if isinstance(message, ToolListChangedNotification):
            self.tools_changed = True


@contextlib.asynccontextmanager
async def _over_http(config: ServerConfig) -> AsyncIterator[Any]:
    from mcp.client.streamable_http import streamable_http_client  # noqa: PLC0415
    from mcp.shared._httpx_utils import create_mcp_http_client  # noqa: PLC0415

    async with (
        create_mcp_http_client(dict(config.headers)) as http,
        streamable_http_client(config.url or "", http_client=http) as streams,
    ):
        yield streams


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _without_secrets(url: str) -> str:
    """Where a server is, without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _kind(why: str) -> Problem:
    return "flooded" if why.startswith(FLOODED) else "died"


def _of(error: OSError) -> str:
    return error.strerror or str(error)
