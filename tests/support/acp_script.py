"""What a scripted agent of the Agent Client Protocol can do in its turn, in the words of the wire."""

from collections.abc import Awaitable, Callable
from typing import Any

Turn = Callable[["Script", str], Awaitable[str | None]]
SESSION = "session-1"


class Refused(Exception):
    """The client answered with an error."""


def at(path: str) -> dict[str, Any]:
    """A place that a call is about."""
    return {"path": path}


def words(text: str) -> dict[str, Any]:
    """Content of a call: text."""
    return {"type": "content", "content": {"type": "text", "text": text}}


def diff(path: str, old: str | None, new: str) -> dict[str, Any]:
    """Content of a call: a file that was changed."""
    return {"type": "diff", "path": path, "oldText": old, "newText": new}


def terminal(name: str) -> dict[str, Any]:
    """Content of a call: what a terminal shows."""
    return {"type": "terminal", "terminalId": name}


class Script:
    """The agent in its turn. How it speaks, its subclasses know."""

    usage: dict[str, int] | None = None

    async def tell(self, update: dict[str, Any]) -> None:
        """One session/update."""
        raise NotImplementedError

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Ask the client. Raises Refused."""
        raise NotImplementedError

    async def cancelled(self) -> None:
        """Wait until the client asks to stop."""
        raise NotImplementedError

    async def say(self, text: str, kind: str = "agent_message_chunk", **more: Any) -> None:
        """A piece of a message."""
        await self.tell({"sessionUpdate": kind, "content": {"type": "text", "text": text}, **more})

    async def tool(self, name: str, title: str, kind: str = "other", **more: Any) -> None:
        """A call begins; with `status` it may end at once."""
        await self.tell({"sessionUpdate": "tool_call", "toolCallId": name, "title": title, "kind": kind, **more})

    async def update(self, name: str, **more: Any) -> None:
        """A call goes on, or ends."""
        await self.tell({"sessionUpdate": "tool_call_update", "toolCallId": name, **more})

    async def ask(self, name: str, title: str, kind: str = "execute", options: Any = None, **more: Any) -> str:
        """Ask for permission; the chosen option's id, or `cancelled`."""
        given = options or [("yes", "allow_once"), ("always", "allow_always"), ("no", "reject_once")]
        params = {
            "toolCall": {"toolCallId": name, "title": title, "kind": kind, **more},
            "options": [{"optionId": each, "name": each, "kind": kind} for each, kind in given],
        }
        outcome = (await self.request("session/request_permission", params))["outcome"]
        return str(outcome.get("optionId", "cancelled"))

    async def write(self, path: str, content: str) -> str:
        """Let the client write a file; `ok`, or why not."""
        try:
            await self.request("fs/write_text_file", {"path": path, "content": content})
        except Refused as error:
            return str(error)
        return "ok"

    async def read(self, path: str, **more: Any) -> str:
        """Let the client read a file; its text, or why not."""
        try:
            return str((await self.request("fs/read_text_file", {"path": path, **more}))["content"])
        except Refused as error:
            return f"refused: {error}"

    async def run(self, command: str, *args: str, **more: Any) -> str:
        """Let the client run a command to its end; `exit code: output`, or why not."""
        try:
            made = await self.request("terminal/create", {"command": command, "args": list(args), **more})
        except Refused as error:
            return f"refused: {error}"
        which = {"terminalId": made["terminalId"]}
        ended = await self.request("terminal/wait_for_exit", which)
        output = (await self.request("terminal/output", which))["output"]
        await self.request("terminal/release", which)
        return f"{ended.get('exitCode')}: {output}"
