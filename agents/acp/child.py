"""An agent of the Agent Client Protocol as a child: its messages over stdio, none of which can break or flood us."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from acp.schema import SessionNotification
from pydantic import ValidationError

from orchestrion.agents.child import RUN_VARIABLE, Captured, end_group, surely

MAX_MESSAGE_BYTES = 16_000_000
"""Of one message."""
MAX_BROKEN = 50
"""Lines that are no message of the protocol; more, and this is no agent of the protocol."""
MAX_MESSAGES = 200_000
MAX_BYTES = 512_000_000
"""Of all that it may send in one run."""
STDERR_BYTES = 64_000
LAST_WORDS = 500
LEAVE_SECONDS = 0.5
"""For an agent to end by itself when its standard input is closed."""
DYING_SECONDS = 0.2
"""For its exit code and its last words, once it has closed its standard output."""
UPDATE = "session/update"


class Line:
    """The agent's end of the line, as the library's `Transport`. `why` says why it is closed, once it is."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._stderr = Captured(STDERR_BYTES)
        self._keeping = asyncio.ensure_future(self._keep())
        self._messages = self._bytes = 0
        self.odd: Counter[str] = Counter()
        """What it sent that was not understood, by kind."""
        self.why: str | None = None
        self.broken = False
        """Whether it is the agent's breach of the protocol that closed it."""

    async def send(self, message: dict[str, Any]) -> None:
        """Tell the agent something."""
        if self._process.stdin is None or self._process.stdin.is_closing():
            raise ConnectionError("the agent does not listen any more")
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        await self._process.stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The agent's next message that is one; None when there will be no more."""
        while self.why is None:
            try:
                line = await self._process.stdout.readline()  # type: ignore[union-attr]
            except ValueError:  # asyncio's way to say that a line is longer than its limit
                self._breach(f"it sent a message of more than {MAX_MESSAGE_BYTES} bytes")
                break
            if not line:
                await self._ended()
                break
            self._count(line)
            if line.strip() and (message := self._understood(line)):
                await asyncio.sleep(0)  # what it sent before is dealt with first
                return message
        return None

    async def close(self) -> None:
        """The library is done with it."""
        self._keeping.cancel()

    def _understood(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            message = None
        if not _is_message(message):
            self.odd["no message of the protocol"] += 1
            if self.odd["no message of the protocol"] > MAX_BROKEN:
                self._breach(f"it does not speak the protocol: {MAX_BROKEN} lines were no message of it")
            return None
        method = message.get("method")
        if "id" in message or method is None:
            return dict(message)
        if method != UPDATE:
            self.odd[str(method)[:100]] += 1
            return None
        try:
            SessionNotification.model_validate(message.get("params"))
        except ValidationError:
            update = (message.get("params") or {}).get("update") if isinstance(message.get("params"), dict) else None
            kind = update.get("sessionUpdate") if isinstance(update, dict) else None
            self.odd[f"{UPDATE} {kind if isinstance(kind, str) else ''}".strip()[:100]] += 1
            return None
        return dict(message)

    def _count(self, line: bytes) -> None:
        self._messages += 1
        self._bytes += len(line)
        if self._messages > MAX_MESSAGES:
            self._breach(f"it sent more than {MAX_MESSAGES} messages")
        elif self._bytes > MAX_BYTES:
            self._breach(f"it sent more than {MAX_BYTES} bytes")

    def _breach(self, why: str) -> None:
        self.why, self.broken = why, True

    async def _ended(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._keeping), DYING_SECONDS)
        code = self._process.returncode
        how = "" if code is None else f" by signal {-code}" if code < 0 else f" with exit code {code}"
        words = " ".join(self._stderr.text().split())[-LAST_WORDS:]
        self.why = f"it ended{how}" + (f": {words}" if words else "")

    async def _keep(self) -> None:
        while data := await self._process.stderr.read(65_536):  # type: ignore[union-attr]
            self._stderr.add(data)
        await self._process.wait()


@contextlib.asynccontextmanager
async def connected(
    args: Sequence[str], cwd: Path, env: Mapping[str, str], spawned: Callable[[int], None]
) -> AsyncIterator[Line]:
    """Start an agent in a process group of its own; nothing of it is left behind. Raises OSError."""
    process = await asyncio.create_subprocess_exec(
        *args,
        cwd=cwd,
        env=dict(env),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=MAX_MESSAGE_BYTES,
    )
    line = Line(process)
    try:
        spawned(process.pid)
        yield line
    finally:
        await surely(_end(process, line, env.get(RUN_VARIABLE)))


async def _end(process: asyncio.subprocess.Process, line: Line, run: str | None) -> None:
    if process.stdin is not None:
        process.stdin.close()
    if not line.broken:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), LEAVE_SECONDS)
    await line.close()
    await end_group(process, f"{RUN_VARIABLE}={run}" if run else None)
    transport = getattr(process, "_transport", None)  # a stray that holds the pipe would keep it open for ever
    if transport is not None:
        transport.close()


def _is_message(value: Any) -> bool:
    """Whether `value` has the shape of a JSON-RPC 2.0 request, notification or response."""
    if not isinstance(value, dict) or not isinstance(value.get("id"), int | str | None):
        return False
    if "method" in value:
        return isinstance(value["method"], str)
    return "id" in value and ("result" in value or isinstance(value.get("error"), dict))
