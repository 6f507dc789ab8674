"""The bus as tools: send, ask for help, hand over, report a pattern, look into the inbox."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import Field

from orchestrion.agents.bus import Draft
from orchestrion.agents.calling import Answer
from orchestrion.agents.thinking.quoting import Fence
from orchestrion.agents.thinking.toolbox import Params, Seat, ToolOf, answer_of
from orchestrion.domain.events import MessageSent, MessageType, Priority

MAX_WAIT_SECONDS = 600.0
LOOK_SECONDS = 0.1
"""Between two looks into an empty inbox."""

Spawned = Callable[[int], None]


class SendMessage(Params):
    """Of the tool `send_message`."""

    to: str = Field(description="An agent, a run, `all`, `conductor`, `human`, or `topic:NAME`.")
    type: MessageType = Field("context_share", description="What kind of message it is.")
    payload: dict[str, Any] = Field(
        description="What is said, by type: finding_report {severity, issue, file, line, recommendation}, "
        "context_share {context}, warning {warning}, progress_update {progress}, optimization_tip {tip}, "
        "response or task {text}."
    )
    priority: Priority | None = None


class RequestAssistance(Params):
    """Of the tool `request_assistance`."""

    capability: str = Field(description="What the helper must be able to do, e.g. `test_generation`.")
    context: str = Field(description="What you need, with all that the helper has to know.")
    urgency: Priority = "normal"


class HandOver(Params):
    """Of the tool `hand_over`."""

    to: str = Field(description="The agent that takes over.")
    task: str = Field(description="What it is to do.")
    recommendations: list[str] = Field(default_factory=list, description="What you advise it to do next.")
    files: list[str] = Field(default_factory=list, description="Files it needs.")
    discoveries: list[str] = Field(default_factory=list, description="What you found out.")
    urgency: Priority = "normal"


class ReportPattern(Params):
    """Of the tool `report_pattern`."""

    name: str = Field(description="A short name, e.g. `missing-validation`.")
    type: Literal["success", "failure", "optimization", "security", "testing", "architecture"] = "success"
    confidence: float = Field(ge=0, le=1, description="From 0 to 1.")
    context: str | None = Field(None, description="Where it was seen.")
    solution: str | None = Field(None, description="What to do about it.")


class ReadInbox(Params):
    """Of the tool `read_inbox`."""

    seconds: float = Field(0, ge=0, le=MAX_WAIT_SECONDS, description="Wait so long for something to come.")


class Nothing(Params):
    """Of a tool without parameters."""


async def _send(seat: Seat, call: str, asked: SendMessage, _spawned: Spawned) -> Answer:
    sent = seat.desk.send(asked.to, Draft(asked.type, asked.payload, asked.priority), call=call)
    reached = ", ".join(sent.recipient_runs) or "nobody listens"
    return answer_of(f"sent to {sent.recipient} ({reached})", message=sent.message)


async def _ask(seat: Seat, call: str, asked: RequestAssistance, _spawned: Spawned) -> Answer:
    sent = await seat.desk.ask(asked.capability, asked.context, urgency=asked.urgency, call=call)
    return answer_of(f"{sent.recipient} was asked; the answer comes as a message", message=sent.message)


async def _hand_over(seat: Seat, call: str, asked: HandOver, _spawned: Spawned) -> Answer:
    given = {
        "recommendations": {"next_actions": asked.recommendations},
        "dependencies": {"required_inputs": asked.files},
        "outputs": {"discoveries": asked.discoveries},
        "urgency": asked.urgency,
    }
    handoff = seat.desk.hand_over(asked.to, asked.task, given, call=call)
    return answer_of(f"offered to {asked.to}", handoff=handoff)


async def _pattern(seat: Seat, call: str, asked: ReportPattern, _spawned: Spawned) -> Answer:
    pattern = seat.desk.pattern(
        asked.name, asked.type, asked.confidence, context=asked.context, solution=asked.solution, call=call
    )
    return answer_of("noted, and told to everybody", pattern=pattern)


async def _inbox(seat: Seat, _call: str, asked: ReadInbox, _spawned: Spawned) -> Answer:
    until = time.monotonic() + asked.seconds
    while not (messages := seat.desk.take()) and time.monotonic() < until:
        await asyncio.sleep(LOOK_SECONDS)
    return answer_of(told(messages) or "nothing was said to you", messages=len(messages))


async def _handoffs(seat: Seat, _call: str, _asked: Nothing, _spawned: Spawned) -> Answer:
    packages = seat.desk.take_handoffs()
    text = "\n".join(json.dumps(package, ensure_ascii=False, indent=1) for package in packages)
    return answer_of(text or "nothing was handed over to you since you began", packages=len(packages))


def told(messages: Sequence[MessageSent]) -> str:
    """Messages as text, one after the other."""
    keep = {"message", "sender", "type", "priority", "payload", "in_reply_to"}
    return "\n".join(m.model_dump_json(include=keep, exclude_none=True) for m in messages)


def news(messages: Sequence[MessageSent], fence: Fence) -> str:
    """What came in since the model was last asked, marked as data."""
    senders = ", ".join(dict.fromkeys(message.sender for message in messages))
    return f"Messages came in while you worked:\n{fence.quote(told(messages), f'messages of {senders}')}"


SPEAKING = (
    ToolOf("send_message", "Say something to another agent, to all, or to the person.", SendMessage, _send, True,
           quoted=False),
    ToolOf("request_assistance", "Ask an able agent for help; an urgent request starts one where nobody is idle.",
           RequestAssistance, _ask, True, quoted=False),
    ToolOf("hand_over", "Hand work over to another agent of the plan, with its context.", HandOver, _hand_over, True,
           quoted=False),
    ToolOf("report_pattern", "Report a pattern that you discovered.", ReportPattern, _pattern, True, quoted=False),
    ToolOf("read_inbox", "Read what others said to you since you last looked; wait for an answer.", ReadInbox, _inbox,
           True),
    ToolOf("take_handoffs", "Take on what was handed over to you since you began.", Nothing, _handoffs, True),
)  # fmt: skip
"""Named after their calls, the messages they send are the same ones when a call is made again."""
