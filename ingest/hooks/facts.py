"""Which facts a hook payload holds, by its event; what is neither session, run, call nor message is kept raw."""

from collections.abc import Callable

from pydantic import ValidationError

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed
from orchestrion.ingest.claude_context import MAIN
from orchestrion.ingest.hooks import calls
from orchestrion.ingest.hooks.known import Known
from orchestrion.ingest.hooks.payload import Payload
from orchestrion.ingest.hooks.transcripts import answer_in

HUMAN = "human"


def facts_of(payload: Payload, known: Known) -> list[Fact]:
    """The facts of `payload`, each at its natural place. Never empty, and never raises for what the payload holds."""
    try:
        events = _MAPPED.get(payload.event, raw)(payload, known)
        return [*map(witnessed, [*_first_seen(payload, known), *events]), *calls.spawned(payload, known)]
    except (ValidationError, RecursionError):  # RecursionError: nested so deeply that it could only just be read
        return [*map(witnessed, raw(payload, known))]


def raw(payload: Payload, _: Known) -> list[e.Event]:
    """The whole payload as an incident `hook:<event>`."""
    detail, kind = dict(payload.fields), f"hook:{payload.event}"
    return [e.IncidentObserved(**payload.common(), incident=f"hook-{payload.arrival}", type=kind, detail=detail)]


def _first_seen(payload: Payload, known: Known) -> list[e.Event]:
    """That the session exists, told by the first payload of it that arrives."""
    if payload.session is None:
        return []
    workspace = payload.text("cwd")
    path = (payload.text("transcript_path") or "").replace("\\", "/")
    started = e.SessionStarted(
        **{**payload.common(), "run": None, "agent": None, "correlation": None},
        product="codex" if "/.codex/" in path else "claude-code",
        workspace=workspace,
        project=(workspace or "").replace("\\", "/").rstrip("/").rpartition("/")[2] or None,
    )
    return [started] if known.free(started) else []


def _session_started(payload: Payload, known: Known) -> list[e.Event]:
    """The session's own run began; when it resumes or is compacted, that is an incident."""
    if payload.session is None:
        return raw(payload, known)
    model = payload.text("model")
    started = e.AgentStarted(**{**payload.common(), "run": f"{payload.session}/{MAIN}", "agent": MAIN}, model=model)
    return [started] if known.free(started) else raw(payload, known)


def _session_ended(payload: Payload, known: Known) -> list[e.Event]:
    """The session ended; where it was resumed and ends again, that is an incident."""
    if payload.session is None:
        return raw(payload, known)
    base = {**payload.common(), "run": None, "agent": None}
    ended = e.SessionEnded(**base, status="completed", reason=payload.text("reason"))
    return [ended] if known.free(ended) else raw(payload, known)


def _agent_started(payload: Payload, known: Known) -> list[e.Event]:
    if not payload.agent_id or not payload.session:
        return raw(payload, known)
    return [e.AgentStarted(**payload.common())]


def _agent_completed(payload: Payload, known: Known) -> list[e.Event]:
    if not payload.agent_id or not payload.session:
        return raw(payload, known)
    return [e.AgentCompleted(**payload.common(), summary=payload.text("last_assistant_message"))]


def _prompted(payload: Payload, known: Known) -> list[e.Event]:
    text = payload.text("prompt")
    if text is None:
        return raw(payload, known)
    sender = payload.text("source") or "user"
    return [
        e.MessageSent(
            **payload.common(),
            message=payload.text("prompt_id") or f"hook-{payload.arrival}",
            sender=HUMAN if sender == "user" else sender,
            recipient=payload.speaker,
            type="prompt",
            payload={"text": text},
        )
    ]


def _answered(payload: Payload, known: Known) -> list[e.Event]:
    text = payload.text("last_assistant_message")
    if text is None:
        return raw(payload, known)
    return [
        e.MessageSent(
            **payload.common(),
            message=answer_in(payload.text("transcript_path"), text) or f"hook-{payload.arrival}",
            sender=payload.speaker,
            recipient=HUMAN,
            type="response",
            payload={"text": text},
            in_reply_to=payload.text("prompt_id"),
        )
    ]


def _idle(payload: Payload, known: Known) -> list[e.Event]:
    mate = payload.text("teammate_name")
    if mate is None:
        return raw(payload, known)
    return [
        e.MessageSent(
            **payload.common(),
            message=f"hook-{payload.arrival}",
            sender=mate,
            recipient=MAIN,
            type="progress_update",
            priority="low",
            payload={"progress": "idle", "team": payload.text("team_name")},
        )
    ]


def _task_created(payload: Payload, known: Known) -> list[e.Event]:
    """A task with an owner is work handed to a teammate; one without is kept raw."""
    mate, subject, name = payload.text("teammate_name"), payload.text("task_subject"), _task(payload)
    if mate is None or subject is None or name is None:
        return raw(payload, known)
    described = payload.text("task_description")
    task = f"{subject}\n\n{described}" if described else subject
    return [e.HandoffOffered(**payload.common(), handoff=name, giver=payload.speaker, taker=mate, task=task)]


def _task_completed(payload: Payload, known: Known) -> list[e.Event]:
    mate, name = payload.text("teammate_name"), _task(payload)
    if mate is None or name is None:
        return raw(payload, known)
    return [e.HandoffCompleted(**payload.common(), handoff=name, taker=mate)]


def _task(payload: Payload) -> str | None:
    """The identity of a team's task: numbers of tasks repeat from team to team."""
    number = payload.text("task_id")
    return f"{payload.text('team_name') or payload.session}/task-{number}" if number else None


_MAPPED: dict[str, Callable[[Payload, Known], list[e.Event]]] = {
    "PreToolUse": calls.called,
    "PostToolUse": calls.returned,
    "PostToolUseFailure": calls.returned,
    "PermissionDenied": calls.returned,
    "SessionStart": _session_started,
    "SessionEnd": _session_ended,
    "SubagentStart": _agent_started,
    "SubagentStop": _agent_completed,
    "UserPromptSubmit": _prompted,
    "Stop": _answered,
    "TeammateIdle": _idle,
    "TaskCreated": _task_created,
    "TaskCompleted": _task_completed,
}
