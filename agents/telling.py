"""Takes into the log what a program tells of a run it made itself: the run, its calls, its end and how good it was.

What is told was not witnessed, so its source is `user`: times of calls and their answers stay unknown.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from orchestrion.agents.membership import TRIES
from orchestrion.domain import events as e
from orchestrion.domain.errors import Conflict, NotFound, Refused
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import stream_of

BY = "program"
"""Who judged, where a program told how good a run was."""


class Execution(BaseModel):
    """What is told of a run. Durations in milliseconds, quality from 0 to 100."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    success: bool
    session_id: str | None = Field(default=None, min_length=1)
    run: str | None = None
    task: str | None = None
    duration: int | None = Field(default=None, ge=0)
    tool_sequence: tuple[str, ...] = ()
    files_modified: tuple[str, ...] = ()
    files_read: tuple[str, ...] = ()
    quality_score: int | None = Field(default=None, ge=0, le=100)
    requires_rework: bool | None = None
    reason: str | None = None

    @classmethod
    def of(cls, given: dict[str, Any]) -> "Execution":
        """`given` as an execution. Raises Refused, naming what is missing or wrong."""
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise Refused(f"this execution cannot be recorded: {first['loc'][0]}: {first['msg']}") from error

    @property
    def is_judged(self) -> bool:
        """Whether more is said than that it ended."""
        return self.quality_score is not None or self.requires_rework is not None


def tell_execution(log: Log, session: str, agent: str, told: Execution) -> str:
    """Append what was `told`; the run. Raises NotFound for a run that the log does not know."""
    now = datetime.now(UTC)
    if told.run is not None:
        if not any(r.event.agent == agent for r in log.read_stream(f"run-{told.run}")):
            raise NotFound(f"the log knows no run {told.run} of {agent}; `orchestrion agents` lists them")
        _judge(log, _judgement(told, told.run, agent, told.run.rpartition("/")[0], now))
        return told.run
    session = told.session_id or session
    log.observe(_session(log, session, told.task or f"Work of {agent}", now))
    run = _started(log, session, agent, told, now)
    log.observe(_facts(told, run, agent, session, now))
    if told.is_judged:
        _judge(log, _judgement(told, run, agent, session, now))
    return run


def _started(log: Log, session: str, agent: str, told: Execution, now: datetime) -> str:
    """The next run of `agent` has begun, when its duration says."""
    began = now - timedelta(milliseconds=told.duration) if told.duration is not None else None
    about: dict[str, Any] = {"source": "user", "session": session, "agent": agent, "happened_at": began}
    first = 1 + len(log.streams(f"run-{session}/{agent}-"))
    for number in range(first, first + TRIES):
        run = f"{session}/{agent}-{number}"
        try:
            log.append(f"run-{run}", [e.AgentStarted(**about, run=run, task=told.task, attempt=number)], expect=0)
        except Conflict:
            continue  # another process has just told of this one
        return run
    raise Conflict(f"{TRIES} runs of {agent} were recorded by others meanwhile; try again")


def _session(log: Log, session: str, request: str, now: datetime) -> list[Fact]:
    """A session that the log does not know begins and ends with what is told of it."""
    stream = f"session-{session}"
    if log.read_stream(stream):
        return []
    about: dict[str, Any] = {"source": "user", "happened_at": now, "session": session}
    return [
        Fact(stream, 1, e.SessionStarted(**about, product="orchestrion", request=request, client="api")),
        Fact(stream, 2, e.SessionEnded(**about, status="completed", reason="told when it was over")),
    ]


def _facts(told: Execution, run: str, agent: str, session: str, now: datetime) -> list[Fact]:
    about: dict[str, Any] = {"source": "user", "session": session, "run": run, "agent": agent}
    stream = f"run-{run}"
    calls = [
        e.ToolCalled(**about, cause=f"{stream}@1", call=f"{run}/{number}", tool=tool)
        for number, tool in enumerate(told.tool_sequence, 1)
    ]
    if told.success:
        ended: e.Event = e.AgentCompleted(
            **about, happened_at=now, files_modified=told.files_modified, files_read=told.files_read,
            duration_ms=told.duration,
        )  # fmt: skip
    else:
        reason = told.reason or "the program that told of it gave no reason"
        ended = e.AgentFailed(**about, happened_at=now, reason=reason, duration_ms=told.duration)
    return [*(Fact(stream_of(call), 1, call) for call in calls), Fact(stream, 2, ended)]


def _judgement(told: Execution, run: str, agent: str, session: str, now: datetime) -> e.OutcomeJudged:
    return e.OutcomeJudged(
        source="user", happened_at=now, session=session, run=run, agent=agent, cause=f"run-{run}@2", subject=run,
        verdict="accepted" if told.success else "rejected", quality=told.quality_score, rework=told.requires_rework,
        by=BY, reason=told.reason,
    )  # fmt: skip


def _judge(log: Log, judgement: e.OutcomeJudged) -> None:
    stream = stream_of(judgement)
    standing = log.read_stream(stream)
    log.append(stream, [judgement], expect=standing[-1].version if standing else 0)
