"""A scripted agent of the Agent Client Protocol without a package: it starts at once, and may misbehave."""

import asyncio
import json
import sys
from typing import Any

from acp_script import SESSION, Refused, Script, Turn


def raw(line: str) -> None:
    """Anything at all, on its standard output."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class Raw(Script):
    """The agent, line by line: whatever it waits for, it reads until that comes."""

    def __init__(self) -> None:
        self._number = 0
        self.started: dict[str, Any] = {}
        """What the session was begun with."""

    def hear(self) -> dict[str, Any]:
        """The client's next message; it ends with the client."""
        line = sys.stdin.readline()
        return json.loads(line) if line else sys.exit(0)

    def send(self, **message: Any) -> None:
        """One message."""
        raw(json.dumps({"jsonrpc": "2.0", **message}))

    async def tell(self, update: dict[str, Any]) -> None:
        self.send(method="session/update", params={"sessionId": SESSION, "update": update})

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        self._number += 1
        name = f"mine-{self._number}"
        self.send(id=name, method=method, params={"sessionId": SESSION, **params})
        while (answer := self.hear()).get("id") != name:
            pass
        if "error" in answer:
            raise Refused(answer["error"]["message"])
        return answer.get("result") or {}

    async def cancelled(self) -> None:
        while self.hear().get("method") != "session/cancel":
            pass


def speak(turn: Turn, version: int = 1) -> None:
    """Be the agent, for one turn. What the turn raises as (code, message, data) is the answer's error."""
    me = Raw()
    while True:
        asked = me.hear()
        match asked.get("method"):
            case "initialize":
                answer: dict[str, Any] = {"protocolVersion": version, "agentInfo": {"name": "scripted", "version": "1"}}
            case "session/new":
                me.started = asked["params"]
                answer = {"sessionId": SESSION}
            case "session/prompt":
                text = "".join(block.get("text", "") for block in asked["params"]["prompt"])
                try:
                    reason = asyncio.run(turn(me, text))
                except RuntimeError as error:
                    code, message, data = error.args
                    me.send(id=asked["id"], error={"code": code, "message": message, "data": data})
                    continue
                answer = {"stopReason": reason or "end_turn", "usage": me.usage}
            case _:
                continue
        me.send(id=asked["id"], result=answer)
