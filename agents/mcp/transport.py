"""An MCP server as a child over stdio, in a process group of its own, that can neither flood us nor stay behind."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

from orchestrion.agents.child import Captured, end_group, surely

MAX_MESSAGE_BYTES = 16_000_000
"""Of one message of a server."""
MAX_UNASKED = 2_000
"""Messages of a server between two answers."""
MAX_UNASKED_BYTES = 64_000_000
STDERR_BYTES = 64_000
LEAVE_SECONDS = 0.5
"""For a server to end by itself when its standard input is closed."""
SERVER_VARIABLE = "ORCHESTRION_MCP_SERVER"
"""A server and whatever it starts carry its name here, by which they are found wherever they went."""
KEPT = ("HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT")
"""What of our environment a server gets beside what its entry gives it: no secret by accident."""


@dataclass
class Child:
    """A server's process while it is there, and why it is not there any more."""

    args: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    mark: str
    spawned: Callable[[int], None] = lambda _: None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    why: str | None = None
    stderr: Captured = field(default_factory=lambda: Captured(STDERR_BYTES))

    @contextlib.asynccontextmanager
    async def streams(self) -> AsyncIterator[tuple[Any, Any]]:
        """Start it; what it says and what it is told, as the library wants them. Raises OSError."""
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *self.args,
            cwd=self.cwd,
            env={**environ, **self.env, SERVER_VARIABLE: self.mark},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=MAX_MESSAGE_BYTES,
        )
        said, heard = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        told, telling = anyio.create_memory_object_stream[SessionMessage](0)
        tasks = [
            asyncio.ensure_future(work)
            for work in (self._hear(process, said), self._tell(process, telling), self._keep(process))
        ]
        try:
            self.spawned(process.pid)
            yield heard, told
        finally:
            with anyio.CancelScope(shield=True):
                await surely(self._end(process, tasks))
            for stream in (said, heard, told, telling):
                stream.close()

    async def _end(self, process: asyncio.subprocess.Process, tasks: Sequence["asyncio.Future[None]"]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        if not self.why:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), LEAVE_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await end_group(process, f"{SERVER_VARIABLE}={self.mark}")
        transport = getattr(process, "_transport", None)  # a stray that holds the pipe would keep it open for ever
        if transport is not None:
            transport.close()
        self.ended.set()

    async def _hear(self, process: asyncio.subprocess.Process, said: Any) -> None:
        unasked = size = 0
        try:
            while line := await process.stdout.readline():  # type: ignore[union-attr]
                answered = await _pass_on(line, said)
                unasked, size = (0, 0) if answered else (unasked + 1, size + len(line))
                if unasked > MAX_UNASKED or size > MAX_UNASKED_BYTES:
                    self.why = f"it sent more than {unasked - 1} messages that nobody asked for"
                    break
        except ValueError:  # asyncio's way to say that a line is longer than its limit
            self.why = f"it sent a message of more than {MAX_MESSAGE_BYTES} bytes"
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            return
        if self.why is None:
            await asyncio.sleep(0.05)  # its last words and its exit code come a moment later
            self.why = f"it ended{_how(process.returncode)}{_last_words(self.stderr)}"
        said.close()
        self.ended.set()

    async def _tell(self, process: asyncio.subprocess.Process, telling: Any) -> None:
        with contextlib.suppress(OSError, anyio.ClosedResourceError):
            async for message in telling:
                data = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                process.stdin.write(data.encode("utf-8", "backslashreplace") + b"\n")  # type: ignore[union-attr]
                await process.stdin.drain()  # type: ignore[union-attr]

    async def _keep(self, process: asyncio.subprocess.Process) -> None:
        while data := await process.stderr.read(65_536):  # type: ignore[union-attr]
            self.stderr.add(data)


async def _pass_on(line: bytes, said: Any) -> bool:
    """Hand a line to the session; whether it was an answer."""
    if not line.strip():
        return False
    try:
        message = jsonrpc_message_adapter.validate_json(line, by_name=False)
    except ValueError as error:
        await said.send(error)
        return False
    await said.send(SessionMessage(message))
    return not hasattr(message, "method")


def _how(code: int | None) -> str:
    if code is None:
        return ""
    return f" by signal {-code}" if code < 0 else f" with exit code {code}"


def _last_words(stderr: Captured) -> str:
    words = " ".join(stderr.text().split())[-300:]
    return f": {words}" if words else ""
