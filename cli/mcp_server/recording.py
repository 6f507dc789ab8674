"""Each call through the server as a pair of facts of the log, whoever made it and however it ended."""

import json
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orchestrion.cli.mcp_server.identity import Identities, Speaker
from orchestrion.cli.mcp_server.office import Office
from orchestrion.domain import events as e
from orchestrion.domain.inert import inert
from orchestrion.domain.streams import new_id, slot_of, stream_of, witnessed

if TYPE_CHECKING:
    from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

RECORDED = frozenset({"tools/call", "resources/read", "prompts/get"})
MAX_ARGUMENT_BYTES = 1_000_000
"""Of one call's arguments; more is refused."""
NAME_CHARACTERS = 200
RESULT_CHARACTERS = 4_000
"""Of an answer that stands in the log; of a larger one, only its size does, for it came from there."""
MAX_SAID = 2_000
SERVER = "orchestrion"
_AROUND = re.compile(r"^Error executing tool \S+: ")
_MORE = "For further information visit"


@dataclass
class Recorder:
    """The server's middleware."""

    office: Office
    identities: Identities

    async def __call__(self, ctx: "ServerRequestContext[Any, Any]", call_next: "CallNext") -> "HandlerResult":
        """Record the call around whatever answers it."""
        self._refuse_stateless(ctx)
        if ctx.method not in RECORDED or ctx.request_id is None:
            return await call_next(ctx)
        call, begun = new_id("mcp"), time.monotonic()
        size = await self._called(call, ctx)
        try:
            if size > MAX_ARGUMENT_BYTES:
                raise _refused(f"the arguments have {size} bytes, too many for one call (at most {MAX_ARGUMENT_BYTES})")
            result: HandlerResult = _clear(await call_next(ctx))
        except BaseException as error:
            status: e.CallStatus = "error" if isinstance(error, Exception) else "interrupted"
            said = str(error) or type(error).__name__
            await self._returned(call, ctx, begun, e.ToolReturned(source="mcp", call=call, status=status, error=said))
            raise
        await self._returned(call, ctx, begun, _answer(call, result))
        return result

    def _refuse_stateless(self, context: "ServerRequestContext[Any, Any]") -> None:
        """Over HTTP, a client without a run's token must say hello: only such a connection can have an identity."""
        if context.method == "server/discover" and context.request is not None and self.identities.key(context) is None:
            from mcp import MCPError
            from mcp_types import METHOD_NOT_FOUND

            raise MCPError(METHOD_NOT_FOUND, "connections without a run's token begin with `initialize` here")

    async def _called(self, call: str, context: "ServerRequestContext[Any, Any]") -> int:
        """Say that it was called; the size of its arguments in bytes."""
        given = {name: value for name, value in (context.params or {}).items() if name != "_meta"}
        size = len(json.dumps(given, default=str).encode())
        tool = context.method == "tools/call"
        params = given.get("arguments") if tool else given
        event = e.ToolCalled(
            **self._about(context),
            call=call,
            tool=f"mcp__{SERVER}__{given.get('name')}"[:NAME_CHARACTERS] if tool else context.method,
            mcp_server=SERVER,
            params=params if size <= MAX_ARGUMENT_BYTES else {"bytes": size},
        )
        await self.office.do(lambda: self.office.log.observe([witnessed(event)]))
        return size

    async def _returned(
        self, call: str, context: "ServerRequestContext[Any, Any]", begun: float, answer: e.ToolReturned
    ) -> None:
        took = round((time.monotonic() - begun) * 1000)
        asked = e.ToolCalled(source="mcp", call=call, tool="")
        cause = f"{stream_of(asked)}@{slot_of(asked)}"
        event = answer.model_copy(update={**self._about(context), "cause": cause, "duration_ms": took})
        await self.office.do(lambda: self.office.log.observe([witnessed(event)]))

    def _about(self, context: "ServerRequestContext[Any, Any]") -> dict[str, Any]:
        who: Speaker | None = self.identities.speaker(context)
        where = {"session": who.session, "run": who.run, "agent": who.agent} if who else {}
        return {"source": "mcp", "happened_at": datetime.now(UTC), **where}


def _answer(call: str, result: Any) -> e.ToolReturned:
    """What stands in the log of a result, as the protocol carries it."""
    said = result if isinstance(result, dict) else result.model_dump(by_alias=True, exclude_none=True) if result else {}
    text = "\n".join(part["text"] for part in said.get("content") or () if isinstance(part.get("text"), str))
    if said.get("isError"):
        return e.ToolReturned(source="mcp", call=call, status="error", error=text[:RESULT_CHARACTERS])
    structured, size = said.get("structuredContent"), len(json.dumps(said, default=str))
    kept = structured if structured is not None and len(text) <= RESULT_CHARACTERS else {"characters": size}
    return e.ToolReturned(source="mcp", call=call, status="ok", result=kept)


def _clear(result: Any) -> Any:
    """An error's text as one sentence of ours, without what the libraries put around it."""
    if isinstance(result, dict) and result.get("isError"):
        for part in result.get("content") or ():
            lines = [line.strip() for line in _AROUND.sub("", str(part.get("text", ""))).splitlines()]
            part["text"] = inert(" ".join(line for line in lines if line and not line.startswith(_MORE)))[:MAX_SAID]
    return result


def _refused(why: str) -> Exception:
    from mcp import MCPError
    from mcp_types import INVALID_PARAMS

    return MCPError(INVALID_PARAMS, why)
