"""One run of a thinking agent: its model, its tools and its prompt, until it finishes or cannot go on."""

from collections.abc import Sequence
from typing import Any

from pydantic_ai import Agent, Tool, ToolOutput
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from orchestrion.agents.bus import Draft
from orchestrion.agents.mcp.tools import RemoteTool
from orchestrion.agents.permissions import has
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.agents.thinking.answers import Report, Verdict
from orchestrion.agents.thinking.files import Files
from orchestrion.agents.thinking.models import model_of
from orchestrion.agents.thinking.prompting import instructions, prompt
from orchestrion.agents.thinking.quoting import Fence
from orchestrion.agents.thinking.recorded import WORDS, ModelFailed, Recorded
from orchestrion.agents.thinking.remote import described, remote_tools_of, use_remote
from orchestrion.agents.thinking.speaking import SPEAKING
from orchestrion.agents.thinking.toolbox import Seat, ToolOf, use
from orchestrion.agents.thinking.workspace_tools import READING, RUNNING, WRITING
from orchestrion.domain.errors import CannotRun

FINISH = "finish"
TOOL_RETRIES = 3
"""So often may a model get a call or its final answer wrong in a row."""


async def think(work: Work, desk: Desk) -> Outcome:
    """Let the agent think until it finishes. Raises Stopped and Lost (see `Desk`)."""
    try:
        model = model_of(work.model, work.model_url)
    except CannotRun as error:
        return Outcome("failed", reason=str(error))
    writes = False if work.validates else work.agent.writes
    fence = Fence(work.run, work.seed)
    seat = Seat(work, desk, fence, Files(work.workspace, writes))
    recorded = Recorded(model, seat)
    final: type[Report] | type[Verdict] = Verdict if work.validates else Report
    remote = await remote_tools_of(seat)
    agent: Agent[object, Report | Verdict] = Agent(
        recorded,
        output_type=ToolOutput(final, name=FINISH, description=(final.__doc__ or "").strip()),
        instructions=instructions(work, fence),
        tools=[*(_tool(tool, seat) for tool in tools_of(work)), *(_remote(tool, seat) for tool in remote)],
        retries={"tools": TOOL_RETRIES, "output": TOOL_RETRIES},
        model_settings=ModelSettings(max_retries=0),
    )
    try:
        async with agent:
            result = await agent.run(prompt(work, fence), usage_limits=UsageLimits(request_limit=None))
    except ModelFailed as failed:
        return Outcome(failed.status, reason=failed.reason, remedy=failed.remedy)
    except UnexpectedModelBehavior as error:
        said = " ".join(str(error).split())[:WORDS]
        return Outcome("failed", reason=f"the model {recorded.model_name} gave no usable answer: {said}")
    outcome = result.output.outcome()
    outcome.files_read = tuple(seat.read)
    if not work.validates:
        drafts = [Draft("finding_report", each.as_payload()) for each in outcome.findings[: work.limits.findings_told]]
        desk.tell_all(drafts)
    return outcome


def tools_of(work: Work) -> list[ToolOf]:
    """What the agent may call: what its file names, the bus, and what its servers offer."""
    own: Sequence[ToolOf] = (*READING, RUNNING)
    if work.agent.writes and not work.validates:
        own = (*READING, *WRITING, RUNNING)
    speaking = SPEAKING if not work.validates else [tool for tool in SPEAKING if tool.name == "read_inbox"]
    return [*(tool for tool in own if has(work.agent, tool.name)), *speaking]


def _tool(tool: ToolOf, seat: Seat) -> Tool[object]:
    """A tool as the library takes it: one call at a time, so that a run played again makes them in the same order."""

    async def call(**given: Any) -> str:
        if tool.name == "read_file" and isinstance(given.get("path"), str):
            seat.read[given["path"]] = None
        return await use(tool, seat, given)

    return Tool.from_schema(call, tool.name, tool.description, tool.schema, sequential=True)


def _remote(tool: RemoteTool, seat: Seat) -> Tool[object]:
    async def call(**given: Any) -> str:
        return await use_remote(tool, seat, given)

    return Tool.from_schema(call, tool.full_name, described(tool, seat), dict(tool.schema), sequential=True)
