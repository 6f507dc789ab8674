"""Tool calls as hooks tell them: asked, returned, refused; and the agents and letters that a call brings about."""

import re
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from json import dumps
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import slot_of, stream_of, witnessed
from orchestrion.ingest.hooks.known import Known
from orchestrion.ingest.hooks.payload import Payload
from orchestrion.ingest.values import mapping, text, words

SPAWNERS = frozenset({"Task", "Agent"})
LETTERS = frozenset({"SendMessage"})
OWN_ACCOUNT = 50
"""Added to the slot of what a spawn's return tells of the agent's start: `SubagentStart` has the slot itself."""

_SERVER = re.compile(r"mcp__(.+?)__")


def called(payload: Payload, known: Known) -> list[e.Event]:
    """`PreToolUse`."""
    asked = _asked(payload, _call(payload, known, returned=False))
    return [asked, *_letter(payload, asked)]


def returned(payload: Payload, known: Known) -> list[e.Event]:
    """`PostToolUse`, `PostToolUseFailure` and `PermissionDenied`; the call too, where no `PreToolUse` told it."""
    call = _call(payload, known, returned=True)
    asked = _asked(payload, call)
    duration = payload.milliseconds("duration_ms")
    response = payload.fields.get("tool_response")
    status = _status(payload, response)
    back = e.ToolReturned(
        **payload.common(),
        call=call,
        status=status,
        result=response,
        error=payload.text("error") or payload.text("reason") if status != "ok" else None,
        duration_ms=duration,
    )
    if (stands := known.like(asked)) is not None and stands.happened_at is not None:
        return [back]
    # When it was asked is not known to this witness: no time is better than a wrong one.
    return [asked.model_copy(update={"happened_at": None}), back]


def _asked(payload: Payload, call: str) -> e.ToolCalled:
    tool = payload.text("tool_name") or ""
    server = payload.text("mcp_server") or (found[1] if (found := _SERVER.match(tool)) else None)
    params = payload.fields.get("tool_input")
    return e.ToolCalled(**payload.common(), call=call, tool=tool, mcp_server=server, params=params)


def _status(payload: Payload, response: Any) -> e.CallStatus:
    match payload.event:
        case "PermissionDenied":
            return "denied"
        case "PostToolUseFailure":
            return "interrupted" if payload.fields.get("is_interrupt") is True else "error"
        case _:
            return "interrupted" if mapping(response).get("interrupted") is True else "ok"


def _call(payload: Payload, known: Known, *, returned: bool) -> str:
    """The call's id. Payloads of 2025 have none: the n-th call and the n-th return of the same content belong together.

    A payload that is drained again after a crash finds its own arrival and so its number.
    """
    if (given := payload.text("tool_use_id")) is not None:
        return given
    content = dumps([payload.session, payload.agent_id, payload.text("tool_name"), payload.fields.get("tool_input")])
    base = sha256(content.encode()).hexdigest()[:16]
    for number in count(1):
        call = f"hook-{base}-{number}"
        place = e.ToolReturned(**payload.common(), call=call, status="ok") if returned else _asked(payload, call)
        if known.free(place):
            return call
    raise AssertionError("count() never ends")


def _letter(payload: Payload, asked: e.ToolCalled) -> Iterator[e.Event]:
    """What a call of SendMessage says to a teammate, under the id that the transcript's importer gives it."""
    said = mapping(asked.params)
    if asked.tool not in LETTERS or not said:
        return
    recipient = text(said.get("recipient")) or text(said.get("to"))
    told = said.get("content") or said.get("message") or said.get("summary") or said
    yield e.MessageSent(
        **payload.common(),
        message=f"{asked.call}:message",
        sender=payload.speaker,
        recipient="all" if recipient in (None, "*") else recipient,
        type="context_share",
        payload={"context": told},
    )


def spawned(payload: Payload, known: Known) -> list[Fact]:
    """What the return of a call that asked for an agent tells: whose child it is, its task, and its result.

    All of it has the ids that the transcript's importer gives, so that both witnesses meet.
    """
    response, asked = payload.mapping("tool_response"), payload.mapping("tool_input")
    call, agent_id, prompt = payload.text("tool_use_id"), text(response.get("agentId")), text(asked.get("prompt"))
    if payload.event != "PostToolUse" or payload.text("tool_name") not in SPAWNERS:
        return []
    if call is None or agent_id is None or prompt is None or payload.session is None:
        return []
    agent = text(asked.get("subagent_type")) or text(asked.get("name")) or "agent"
    before = known.like(_asked(payload, call))
    run = f"{payload.session}/{agent_id}"
    child = {**payload.common(), "run": run, "agent": agent, "correlation": None}
    given = {**payload.common(), "happened_at": before.happened_at if before else None}
    linked = e.AgentStarted(**{**child, "happened_at": None}, task=prompt, parent_run=payload.run, parent_call=call)
    begun: list[e.Event] = [
        e.MessageSent(
            **given,
            message=f"{call}:task",
            sender=payload.speaker,
            recipient=agent,
            recipient_runs=(run,),
            type="task",
            payload={"text": prompt},
        ),
        e.HandoffOffered(**given, handoff=call, giver=payload.speaker, taker=agent, taker_run=run, task=prompt),
    ]
    ended = _ended(payload, child, call, agent) if response.get("status") == "completed" else []
    return [Fact(stream_of(linked), slot_of(linked) + OWN_ACCOUNT, linked), *map(witnessed, [*begun, *ended])]


def _ended(payload: Payload, child: dict[str, Any], call: str, agent: str) -> list[e.Event]:
    """The end of the work that `call` handed over, and the agent's answer."""
    ended: list[e.Event] = [e.HandoffCompleted(**child, handoff=call, taker=agent)]
    if answer := words(payload.mapping("tool_response").get("content")):
        ended.append(
            e.MessageSent(
                **child,
                message=f"{call}:result",
                sender=agent,
                recipient=payload.speaker,
                recipient_runs=(payload.run or "",),
                type="result",
                payload={"text": answer},
                in_reply_to=f"{call}:task",
            )
        )
    return ended
