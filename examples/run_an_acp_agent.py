"""An agent of the Agent Client Protocol (`runner: acp`): its calls, words and tokens are facts, its wishes are decided.

`python run_an_acp_agent.py` runs the small agent below; `python run_an_acp_agent.py opencode acp` runs OpenCode.
Needs the extra: `pip install 'orchestrion[acp]'`.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import acp
from acp import schema as s

from orchestrion import Orchestrator
from orchestrion.domain.events import Event, IncidentObserved, ToolCalled

AGENT = """---
name: greeter
description: Writes a greeting.
keywords: [greet, greeting]
runner: acp
command: {command}
writes: true
---

Write a file `greeting.txt`, then say what you did.
"""


class Greeter:
    """The agent's side: the protocol's package does the talking."""

    async def initialize(self, protocol_version: int, **_: Any) -> Any:
        """Say which version is spoken."""
        return s.InitializeResponse(protocol_version=protocol_version)

    async def new_session(self, **_: Any) -> Any:
        """One session is all there is."""
        return s.NewSessionResponse(session_id="greeting")

    def on_connect(self, client: Any) -> None:
        """Who asks us."""
        self.client = client

    async def prompt(self, session_id: str, **_: Any) -> Any:
        """The whole work: ask, write through the client, tell."""
        told = {"session_id": session_id}
        path = str(Path.cwd() / "greeting.txt")
        await self.client.session_update(**told, update=acp.start_tool_call("1", "Write the greeting", kind="edit"))
        asked = s.ToolCallUpdate(tool_call_id="1", kind="edit", title="Write the greeting")
        options = [s.PermissionOption(option_id=kind, name=kind, kind=kind) for kind in ("allow_once", "reject_once")]
        answer = await self.client.request_permission(**told, tool_call=asked, options=options)
        if getattr(answer.outcome, "option_id", None) == "allow_once":
            await self.client.write_text_file(**told, path=path, content="Good morning!\n")
        await self.client.session_update(**told, update=acp.update_tool_call("1", status="completed"))
        await self.client.session_update(**told, update=acp.update_agent_message_text("I wrote a greeting."))
        return s.PromptResponse(stop_reason="end_turn", usage=s.Usage(total_tokens=12, input_tokens=8, output_tokens=4))


def show(fact: Event) -> None:
    """One line a fact."""
    more = fact.tool if isinstance(fact, ToolCalled) else fact.detail if isinstance(fact, IncidentObserved) else ""
    print(f"{fact.kind:<18} {fact.agent or ''} {more}")


async def main(folder: Path, command: list[str]) -> int:
    """A project, a team of one, a request; 0 if all went well."""
    (folder / "project").mkdir()
    (folder / "team").mkdir()
    (folder / "team/greeter.md").write_text(AGENT.format(command=json.dumps(command)))
    async with Orchestrator(folder / "project", home=folder / "home", team=folder / "team") as orchestrator:
        result = await orchestrator.execute_request("Greet me", observer=show)
    print(f"{result.status}: {result.agents[0].summary or result.reason}\n{result.diff}")
    return 0 if result.success else 1


if __name__ == "__main__":
    if sys.argv[1:] == ["--be-the-agent"]:
        asyncio.run(acp.run_agent(Greeter()))
    else:
        with tempfile.TemporaryDirectory() as name:
            asked = sys.argv[1:] or [sys.executable, str(Path(__file__).absolute()), "--be-the-agent"]
            sys.exit(asyncio.run(main(Path(name), asked)))
