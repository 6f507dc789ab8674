"""Every kind of fact the log can hold: frozen, each naming its own stable kind.

An event says what happened. The class statement registers it: the codec, the DuckDB table and `schema` read `KINDS`.
Fields of one name have one type in all kinds, for they share a column.
"""

from functools import cache
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from orchestrion.domain.text import Count, Json, Moment, Text

Source = Literal["conductor", "hook", "transcript", "otlp", "mcp", "user"]
Priority = Literal["low", "normal", "high", "critical"]
RunStatus = Literal[
    "completed", "failed", "timed_out", "cancelled", "budget", "loop", "refused", "lost", "interrupted", "unknown"
]
CallStatus = Literal["ok", "error", "denied", "interrupted", "timed_out"]
MessageType = Literal[
    "finding_report",
    "context_share",
    "warning",
    "assistance_request",
    "validation_request",
    "validation_result",
    "handoff",
    "progress_update",
    "pattern_discovered",
    "optimization_tip",
    "prompt",
    "response",
    "task",
    "result",
]

KINDS: dict[str, type["Event"]] = {}
"""The closed registry: stored kind name to event class."""


class BodyRef(BaseModel):
    """Where the whole of a field lies when the event itself holds only a preview: a blob named by its SHA-256."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hash: str
    size: Count


class Event(BaseModel):
    """What all events share. `source` is who witnessed it; `cause` is the event that led to it, as `stream@version`."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # a command uses few of the kinds

    kind: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1
    slot: ClassVar[int] = 1
    """The version a witnessed fact of this kind takes within its stream (see `streams.slot_of`); never changed."""

    source: Source
    happened_at: Moment | None = None
    session: Text | None = None
    run: Text | None = None
    agent: Text | None = None
    cause: Text | None = None
    correlation: Text | None = None
    parser: int | None = None
    """Version of the importer that read it; a better parser's event supersedes the older ones of its key."""
    bodies: dict[str, BodyRef] = Field(default_factory=dict)
    """Set by the log: fields too large for the event, whole in a blob; "raw" is what came in before normalising."""
    altered: tuple[str, ...] = ()
    """Set by the log: what was normalised, as `field:reason`, e.g. `params:nan`."""

    def __init_subclass__(cls, kind: str = "", schema_version: int = 1, slot: int = 1, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if kind in KINDS:
            raise TypeError(f"two event classes name the kind {kind!r}")
        cls.kind, cls.schema_version, cls.slot = kind, schema_version, slot
        KINDS[kind] = cls

    @classmethod
    def trusted(cls, **fields: Any) -> Self:
        """The event of `fields` that are of their types already, without a look at them: a quarter of the time.

        Their text may be what cannot be stored: the log's door notices and looks again (`checked`).
        """
        event = cls.__new__(cls)
        values = {**_defaults(cls), **fields}
        values["bodies"] = fields.get("bodies") or {}
        _put(event, "__dict__", values)
        _put(event, "__pydantic_fields_set__", set(fields))
        _put(event, "__pydantic_extra__", None)
        _put(event, "__pydantic_private__", None)
        return event

    def checked(self) -> Self:
        """This event with its fields looked at, as if it had been made of them."""
        return type(self)(**{name: self.__dict__[name] for name in self.model_fields_set})


_put = object.__setattr__


@cache
def _defaults(kind: type[Event]) -> dict[str, Any]:
    """The fields of `kind` in their order, each with its default; None where there is none."""
    fields = kind.model_fields.items()
    return {
        name: None if field.is_required() else field.get_default(call_default_factory=True) for name, field in fields
    }


# Sessions and plans


class SessionStarted(Event, kind="session.started"):
    """A session began: ours by a request, an imported one by its first line."""

    product: Text
    """Whose session: `orchestrion`, `claude-code`, `codex`, …"""
    request: Text | None = None
    project: Text | None = None
    workspace: Text | None = None
    branch: Text | None = None
    client: Text | None = None
    """Product version, e.g. `2.1.62`."""
    options: Json = None
    """How a session of ours was to run: limits, interpreter, seed, whether to apply. `resume` goes by it."""


class SessionForked(Event, kind="session.forked", slot=2):
    """A session replays the lines of an earlier one, which owns what both hold."""

    parent: Text
    shared: Count


class SessionEnded(Event, kind="session.ended", slot=3):
    """A session ended, and why."""

    status: RunStatus
    reason: Text | None = None
    duration_ms: Count | None = None


class PlannedTask(BaseModel):
    """One node of a plan's graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Text
    agent: Text
    task: Text
    depends_on: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()
    """Words of the request that chose this agent."""
    able: tuple[str, ...] = ()
    """Agents among whom it was chosen: called for by the same words, with the same capabilities."""
    rationale: Text | None = None
    """Why it was chosen among them: the draw and its seed."""


class PlanMade(Event, kind="plan.made", slot=4):
    """Who shall do what, after whom: a directed acyclic graph of tasks, and its phases by agents."""

    request: Text
    planner: Text
    tasks: tuple[PlannedTask, ...]
    phases: tuple[tuple[str, ...], ...]
    rationale: Text | None = None
    """Why it is so, where somebody thought about it; or why the model's plan was not taken."""


# Agents


class AgentRegistered(Event, kind="agent.registered"):
    """An agent joined a session's roster."""

    description: Text | None = None
    capabilities: tuple[str, ...] = ()
    runner: Text | None = None
    definition: Text | None = None
    """Where its definition stands."""


class AgentRetired(Event, kind="agent.retired", slot=2):
    """An agent left the roster."""

    reason: Text | None = None


class AgentStarted(Event, kind="agent.started"):
    """A run of an agent began; the run is the instance, the agent only its name."""

    task: Text | None = None
    parent_run: Text | None = None
    parent_call: Text | None = None
    """The tool call that started it, in the parent's run."""
    model: Text | None = None
    phase: int | None = None
    attempt: int | None = None
    task_id: Text | None = None
    mcp_servers: tuple[str, ...] = ()


class AgentCompleted(Event, kind="agent.completed", slot=2):
    """A run ended with a result."""

    status: RunStatus = "completed"
    summary: Text | None = None
    outputs: Json = None
    files_modified: tuple[str, ...] = ()
    files_read: tuple[str, ...] = ()
    next_agents: tuple[str, ...] = ()
    duration_ms: Count | None = None


class AgentFailed(Event, kind="agent.failed", slot=3):
    """A run ended without its result; the status is the typed reason."""

    status: RunStatus = "failed"
    reason: Text
    remedy: Text | None = None
    outputs: Json = None
    duration_ms: Count | None = None


# Tools


class ToolCalled(Event, kind="tool.called"):
    """An agent asked a tool to act."""

    call: Text
    tool: Text
    mcp_server: Text | None = None
    params: Json = None


class ToolReturned(Event, kind="tool.returned", slot=2):
    """A tool answered, was refused or was cut off; a call without this fact is unresolved."""

    call: Text
    status: CallStatus
    result: Json = None
    error: Text | None = None
    exit_code: int | None = None
    duration_ms: Count | None = None


class ApprovalRequested(Event, kind="approval.requested"):
    """A call waits for a person's word before it is made."""

    approval: Text
    call: Text | None = None
    """The tool call that it would be."""
    tool: Text
    params: Json = None
    reason: Text | None = None
    """Why it is asked for."""


class ApprovalGiven(Event, kind="approval.given", slot=2):
    """The answer: a person's, from a process of theirs, or that nobody answered in time."""

    approval: Text
    verdict: Literal["approved", "denied", "expired"]
    by: Text
    reason: Text | None = None


class ModelRequested(Event, kind="model.requested"):
    """A model was asked for its next answer."""

    request_id: Text
    model: Text
    params: Json = None
    """What was added to the conversation since the request before it."""


class ModelAnswered(Event, kind="model.answered", slot=2):
    """It answered, or did not; a request without this fact is unanswered."""

    request_id: Text
    model: Text
    status: CallStatus
    result: Json = None
    error: Text | None = None
    duration_ms: Count | None = None


# Messages


class MessageSent(Event, kind="message.sent"):
    """Somebody said something; who got it are facts of their own."""

    message: Text
    sender: Text
    recipient: Text
    """Agent name, `all`, `conductor` or `human`."""
    recipient_runs: tuple[str, ...] = ()
    """The instances it was addressed to, where known."""
    type: MessageType
    priority: Priority = "normal"
    payload: Json = None
    in_reply_to: Text | None = None
    thread: Text | None = None
    topic: Text | None = None
    expires_at: Moment | None = None


class MessageDelivered(Event, kind="message.delivered", slot=2):
    """A message entered a recipient's context; recorded by the recipient's side. `run` is the recipient."""

    message: Text
    recipient: Text


class MessageAcknowledged(Event, kind="message.acknowledged", slot=3):
    """A recipient took note. `run` is the recipient."""

    message: Text
    recipient: Text


class MessageExpired(Event, kind="message.expired", slot=4):
    """A delivery will not happen any more: its time ran out, or there is nobody."""

    message: Text
    recipient: Text
    reason: Text


class TopicSubscribed(Event, kind="topic.subscribed"):
    """A run wants what is said under a topic from now on."""

    topic: Text


class TopicLeft(Event, kind="topic.left", slot=2):
    """A run wants no more of a topic."""

    topic: Text


# Handoffs


class HandoffOffered(Event, kind="handoff.offered"):
    """Work is offered to another agent together with its context."""

    handoff: Text
    giver: Text
    taker: Text
    taker_run: Text | None = None
    task: Text
    urgency: Priority = "normal"
    package: Json = None
    """The handoff package: execution context, MCP data, recommendations, dependencies."""


class HandoffAccepted(Event, kind="handoff.accepted", slot=2):
    """The taker took it on."""

    handoff: Text
    taker: Text
    taker_run: Text | None = None


class HandoffRejected(Event, kind="handoff.rejected", slot=3):
    """The package did not hold up; the reasons go back to the giver."""

    handoff: Text
    taker: Text
    problems: tuple[str, ...]


class HandoffCompleted(Event, kind="handoff.completed", slot=4):
    """The handed-over work ended; what the taker really used of the package."""

    handoff: Text
    taker: Text
    status: RunStatus = "completed"
    used: tuple[str, ...] = ()


# Learning


class PatternDiscovered(Event, kind="pattern.discovered"):
    """Somebody noticed a pattern; `evidence` are positions in the log."""

    pattern: Text
    name: Text
    type: Text
    context: Text | None = None
    solution: Text | None = None
    confidence: float = Field(ge=0, le=1)
    evidence: tuple[int, ...] = ()


class PatternConfirmed(Event, kind="pattern.confirmed", slot=2):
    """A later fact supports a pattern."""

    pattern: Text
    evidence: tuple[int, ...] = ()


class PatternContradicted(Event, kind="pattern.contradicted", slot=3):
    """A later fact speaks against a pattern."""

    pattern: Text
    evidence: tuple[int, ...] = ()


class UsageRecorded(Event, kind="usage.recorded"):
    """Tokens of one model request, as seen so far; the largest observation of a request counts."""

    request_id: Text
    model: Text | None = None
    input_tokens: Count = 0
    output_tokens: Count = 0
    cache_read_tokens: Count = 0
    cache_write_tokens: Count = 0
    cache_write_1h_tokens: Count = 0
    """Those of `cache_write_tokens` that are kept for an hour: they have a price of their own."""


class EstimateMade(Event, kind="estimate.made"):
    """What was expected before it ran: an interval, never a single number. Evidence are positions."""

    subject: Text
    duration_ms_low: Count | None = None
    duration_ms: Count | None = None
    duration_ms_high: Count | None = None
    tokens: Count | None = None
    chance: float | None = Field(default=None, ge=0, le=1)
    evidence: tuple[int, ...] = ()


class OutcomeJudged(Event, kind="outcome.judged"):
    """How good the result of a run was, by whom."""

    subject: Text
    verdict: Text
    quality: int | None = Field(default=None, ge=0, le=100)
    rework: bool | None = None
    by: Text
    reason: Text | None = None


# Who holds a session, and what of it runs


class LeaseTaken(Event, kind="lease.taken"):
    """A conductor holds the session from now on; it is taken for dead if it is silent for `lease_seconds`."""

    holder: Text
    pid: Count
    born: Text
    """When the process began, as its system tells it: with the pid it names one process for ever."""
    host: Text
    lease_seconds: Count


class LeaseRenewed(Event, kind="lease.renewed", slot=2):
    """The holder lives."""

    holder: Text


class LeaseLapsed(Event, kind="lease.lapsed", slot=3):
    """Somebody looked and found the lease over and its holder not alive: the session's open runs are lost."""

    holder: Text


class ProcessStarted(Event, kind="process.started"):
    """A call of a tool runs as a process of its own, which leads its group; it ends no later than the call returns."""

    call: Text
    pid: Count
    born: Text
    host: Text


class CancelRequested(Event, kind="cancel.requested"):
    """Somebody asks for a session to be stopped; its conductor follows the log and does so."""

    by: Text
    reason: Text | None = None


# The house itself


class LimitReached(Event, kind="limit.reached"):
    """A limit stopped something before it was dispatched or while it ran."""

    subject: Text
    limit: Text
    allowed: float
    reached: float


class IncidentObserved(Event, kind="incident.observed"):
    """Something that is neither call nor message: an interruption, a compaction, an API error, a retry."""

    incident: Text
    type: Text
    detail: Json = None


class ImportCompleted(Event, kind="import.completed"):
    """The ledger of one imported file: lines = recorded + duplicates + ignored + unparseable, exactly."""

    path: Text
    format: Text
    content_hash: str
    bytes: Count
    lines: Count
    recorded: Count
    duplicates: Count
    ignored: Count
    unparseable: Count
    rules: dict[str, int] = Field(default_factory=dict)
    """Ignored lines by rule."""
    types: dict[str, int] = Field(default_factory=dict)
    """Values by line type."""
    bad_lines: tuple[int, ...] = ()
    """Numbers of the first unparseable lines, from 1."""
    conflicts: Count = 0
    """Facts whose key stood in the log with other content."""
    events_appended: Count = 0
    sessions: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    """Hashes of the blobs that hold the redacted source lines, in order."""


class ArchiveSealed(Event, kind="archive.sealed"):
    """A stretch of the log was copied into an archive file."""

    path: Text
    first: Count
    last: Count
    content_hash: str


class BodyErased(Event, kind="body.erased"):
    """A body was made unreadable on request; its hash stays, so the chain still verifies."""

    body: str
    reason: Text
    by: Text
