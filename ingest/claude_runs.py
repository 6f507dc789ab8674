"""Sessions and agents' runs of a Claude Code transcript: who began, at whose call, and how it ended."""

from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import place
from orchestrion.ingest.claude_context import MAIN, PARTIAL, Context, Origin, Run, Spawn
from orchestrion.ingest.values import text

COMPACTOR = "acompact"
UNNAMED = "agent"
"""The agent of a run whose spawn named none, or is not known."""

_ENDS: dict[str, e.RunStatus] = {
    "completed": "completed",
    "success": "completed",
    "failed": "failed",
    "error": "failed",
    "killed": "cancelled",
    "stopped": "cancelled",
    "cancelled": "cancelled",
    "timeout": "timed_out",
    "timed_out": "timed_out",
    "interrupted": "interrupted",
    "denied": "interrupted",
}
"""What a signal of an agent's end says, and the status of the run."""


def begin(context: Context, origin: Origin, line: dict[str, Any], prompt: str | None) -> None:
    """Tell that the line's session and run exist, unless an earlier line did.

    Where the session's own run speaks, all that its first line knows is told; where a subagent speaks, only that the
    session exists, so that every file of a session tells the same.
    """
    if origin.main:
        if not context.sessions.get(origin.session) and isinstance(line.get("cwd"), str):
            context.sessions.keep(origin.session, True)
            _begin_session(context, origin, line)
        return
    if origin.session not in context.sessions:
        context.sessions.keep(origin.session, False)
        _begin_bare_session(context, origin.session)
    if origin.run not in context.runs:
        _begin_run(context, origin, prompt)


def _begin_session(context: Context, origin: Origin, line: dict[str, Any]) -> None:
    """Tell of the session and its own run what the first line of that run knows."""
    workspace = text(line.get("cwd"))
    context.tell(
        e.SessionStarted.trusted(
            **{**origin.fields(), "run": None, "agent": None},
            product="claude-code",
            workspace=workspace,
            project=_last_part(workspace),
            branch=text(line.get("gitBranch")),
            client=text(line.get("version")),
        )
    )
    context.tell(e.AgentStarted.trusted(**origin.fields()))


def _last_part(workspace: str | None) -> str | None:
    """The name of the folder that `workspace` is, on whatever system it was."""
    return (workspace or "").replace("\\", "/").rstrip("/").rpartition("/")[2] or None


def _begin_bare_session(context: Context, session: str) -> None:
    """Tell that a session exists, in words that every subagent's file of it uses."""
    known: dict[str, Any] = {"source": "transcript", "parser": PARTIAL, "session": session}
    context.tell(e.SessionStarted.trusted(**known, product="claude-code"))
    context.tell(e.AgentStarted.trusted(**known, run=f"{session}/{MAIN}", agent=MAIN))


def _begin_run(context: Context, origin: Origin, prompt: str | None) -> None:
    """Tell of a subagent's run by its own first line; by its spawn where this file shows one with the same prompt."""
    spawn = _unanswered(context, origin, prompt) if (origin.agent_id or "").startswith("side-") else None
    if spawn is not None and origin.agent_id is not None:
        identified(context, spawn, origin.agent_id, origin, alive=True)
        return
    context.runs.keep(origin.run, Run())
    beside = context.companion
    agent = text(beside.get("agentType")) or text(beside.get("name")) or _name(origin.agent_id or "")
    context.tell(
        e.AgentStarted.trusted(
            **{**origin.fields(PARTIAL), "agent": agent},
            task=prompt,
            parent_run=f"{origin.session}/{MAIN}",
            parent_call=text(beside.get("toolUseId")),
        )
    )


def _name(agent_id: str) -> str:
    """What to call an agent of which only its id is known."""
    return COMPACTOR if agent_id.startswith(COMPACTOR) else agent_id


def _unanswered(context: Context, origin: Origin, prompt: str | None) -> Spawn | None:
    """The first spawn of the session that asked this very prompt and has no agent yet."""
    if prompt is None:
        return None
    return next(
        (
            spawn
            for (session, _), spawn in context.spawns.items()
            if session == origin.session and spawn.agent_id is None and spawn.prompt == prompt
        ),
        None,
    )


def spawning(context: Context, origin: Origin, call: str, params: Any, cause: Fact) -> None:
    """Remember a call that asks for an agent; nothing is told before the agent has an id."""
    if not isinstance(params, dict) or not isinstance(params.get("prompt"), str):
        return
    agent = text(params.get("subagent_type")) or text(params.get("name")) or UNNAMED
    context.spawns.keep((origin.session, call), Spawn(call, origin, agent, params["prompt"], place(cause)))


def identified(context: Context, spawn: Spawn, agent_id: str, origin: Origin, *, alive: bool) -> None:
    """Tell that `spawn` led to the agent `agent_id`: its run, its task, and the handoff of the work.

    `alive`: this line shows the agent at work, so it took the work on; a line that brings the result does not.
    """
    if spawn.agent_id is not None:
        return
    spawn.agent_id = agent_id
    run = f"{origin.session}/{agent_id}"
    known = context.run(run)
    given = {**spawn.origin.fields(), "cause": spawn.cause}
    if not known.strong:
        context.tell(_started(spawn, run, given))
    known.strong = True
    known.spawn = spawn
    context.tell(_task(spawn, run, given))
    context.tell(_offer(spawn, run, given))
    if alive:
        accepted = {**spawn.origin.fields(), "happened_at": origin.at, "run": run, "agent": spawn.agent}
        context.tell(e.HandoffAccepted.trusted(**accepted, handoff=spawn.call, taker=spawn.agent, taker_run=run))


def _started(spawn: Spawn, run: str, given: dict[str, Any]) -> e.Event:
    """The run's beginning, at the time of the call."""
    return e.AgentStarted.trusted(
        **{**given, "run": run, "agent": spawn.agent},
        task=spawn.prompt,
        parent_run=spawn.origin.run,
        parent_call=spawn.call,
    )


def _task(spawn: Spawn, run: str, given: dict[str, Any]) -> e.Event:
    """The prompt as a message from parent to child."""
    return e.MessageSent.trusted(
        **given,
        message=f"{spawn.call}:task",
        sender=spawn.origin.speaker,
        recipient=spawn.agent,
        recipient_runs=(run,),
        type="task",
        payload={"text": spawn.prompt},
    )


def _offer(spawn: Spawn, run: str, given: dict[str, Any]) -> e.Event:
    """The prompt as work handed over."""
    return e.HandoffOffered.trusted(
        **given,
        handoff=spawn.call,
        giver=spawn.origin.speaker,
        taker=spawn.agent,
        taker_run=run,
        task=spawn.prompt,
    )


def ended(
    context: Context,
    origin: Origin,
    agent_id: str,
    signal: str,
    result: str,
    *,
    note: str = "",
    duration_ms: int | None = None,
    cause: str | None = None,
) -> None:
    """Tell the end of an agent's run by the first signal of it, and its result by the first signal that brings one.

    `note` says why where there is no result. A signal for what is no agent of this session tells nothing.
    """
    run, status = f"{origin.session}/{agent_id}", _ENDS.get(signal)
    known = context.runs.get(run)
    if known is None or status is None:
        return
    agent = known.spawn.agent if known.spawn else None
    told = {**origin.fields(), "run": run, "agent": agent, "cause": cause}
    if not known.ended:
        known.ended = True
        context.tell(_end(told, status, result or note, duration_ms))
        if known.spawn:
            taken = {**told, "cause": None}
            context.tell(
                e.HandoffCompleted.trusted(**taken, handoff=known.spawn.call, taker=known.spawn.agent, status=status)
            )
    if known.spawn and result and status == "completed" and not known.spawn.answered:
        known.spawn.answered = True
        context.tell(_result(told, known.spawn, result))


def _end(told: dict[str, Any], status: e.RunStatus, said: str, duration_ms: int | None) -> e.Event:
    """The run's end, well or badly."""
    if status == "completed":
        return e.AgentCompleted.trusted(**told, summary=said or None, duration_ms=duration_ms)
    return e.AgentFailed.trusted(**told, status=status, reason=said or status, duration_ms=duration_ms)


def _result(told: dict[str, Any], spawn: Spawn, result: str) -> e.Event:
    """The answer as a message from child to parent."""
    return e.MessageSent.trusted(
        **told,
        message=f"{spawn.call}:result",
        sender=spawn.agent,
        recipient=spawn.origin.speaker,
        recipient_runs=(spawn.origin.run,),
        type="result",
        payload={"text": result},
        in_reply_to=f"{spawn.call}:task",
    )
