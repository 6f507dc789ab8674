"""A scripted agent of the Agent Client Protocol, written with the protocol's own package: `speak(turn)` runs it."""

import asyncio
from typing import Any

import acp
from acp import schema as s
from acp_script import SESSION, Refused, Script, Turn

ASKED = {
    "session/request_permission": ("request_permission", s.RequestPermissionRequest),
    "fs/write_text_file": ("write_text_file", s.WriteTextFileRequest),
    "fs/read_text_file": ("read_text_file", s.ReadTextFileRequest),
    "terminal/create": ("create_terminal", s.CreateTerminalRequest),
    "terminal/wait_for_exit": ("wait_for_terminal_exit", s.WaitForTerminalExitRequest),
    "terminal/output": ("terminal_output", s.TerminalOutputRequest),
    "terminal/release": ("release_terminal", s.ReleaseTerminalRequest),
}


class Packaged(Script):
    """The agent, on the package's connection."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._stop = turn, asyncio.Event()
        self._client: Any = None

    def on_connect(self, client: Any) -> None:
        self._client = client

    async def initialize(self, protocol_version: int, **_: Any) -> s.InitializeResponse:
        who = s.Implementation(name="scripted", version="1")
        return s.InitializeResponse(protocol_version=protocol_version, agent_info=who)

    async def new_session(self, **_: Any) -> s.NewSessionResponse:
        return s.NewSessionResponse(session_id=SESSION)

    async def prompt(self, prompt: list[Any], **_: Any) -> s.PromptResponse:
        reason = await self._turn(self, "".join(getattr(block, "text", "") for block in prompt))
        usage = s.Usage.model_validate(self.usage) if self.usage else None
        return s.PromptResponse(stop_reason=reason or "end_turn", usage=usage)  # type: ignore[arg-type]

    async def cancel(self, **_: Any) -> None:
        self._stop.set()

    async def cancelled(self) -> None:
        await self._stop.wait()

    async def tell(self, update: dict[str, Any]) -> None:
        told = s.SessionNotification.model_validate({"sessionId": SESSION, "update": update})
        await self._client.session_update(session_id=SESSION, update=told.update)

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        name, model = ASKED[method]
        asked = model.model_validate({"sessionId": SESSION, **params})
        fields = {each: getattr(asked, each) for each in type(asked).model_fields if each != "field_meta"}
        try:
            answer = await getattr(self._client, name)(**fields)
        except acp.RequestError as error:
            raise Refused(str(error)) from error
        return answer.model_dump(by_alias=True, exclude_none=True) if answer else {}


def speak(turn: Turn) -> None:
    """Be the agent."""
    asyncio.run(acp.run_agent(Packaged(turn)))  # type: ignore[arg-type]
