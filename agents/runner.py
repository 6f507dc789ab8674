"""What every runner is given, may do and gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from orchestrion.agents.bus import Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.ear import Ear
from orchestrion.agents.limits import Limits
from orchestrion.agents.reports import Finding
from orchestrion.domain.events import (
    ApprovalGiven,
    CallStatus,
    MessageSent,
    ModelAnswered,
    Priority,
    RunStatus,
    ToolReturned,
)

if TYPE_CHECKING:
    from orchestrion.agents.mcp.servers import ServerPool


@dataclass(frozen=True)
class Work:
    """One run's work: who, what, where, and what was handed over."""

    session: str
    run: str
    agent: AgentDefinition
    task: str
    workspace: Path
    files: tuple[str, ...]
    """What to work on, relative to the workspace; empty means all."""
    out: Path
    """A folder of the run's own, outside the workspace, for what its tools leave."""
    python: Path
    python_from: str
    limits: Limits
    context: dict[str, Any] = field(default_factory=dict)
    """Handoff packages and messages, as they were when the run began; `rework` holds the reasons of a rejection."""
    seed: int = 0
    """All chance in this run follows from it."""
    home: Path | None = None
    """Of the log, for an agent's own process to speak on the bus."""
    servers: "ServerPool | None" = None
    """The session's MCP servers."""
    model: Any = None
    """What a thinking agent thinks with (see `minds`)."""
    model_url: str | None = None

    @property
    def validates(self) -> bool:
        """Whether it is to check the changes that `context["validation"]` tells of, and to judge them."""
        return "validation" in self.context


@dataclass(frozen=True)
class Judgement:
    """What a validator that thinks for itself says of the work it was given."""

    approved: bool
    reasons: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    """What it looked at or ran, and what that showed."""


@dataclass
class Outcome:
    """What came of a run. A status other than `completed` has a reason and, where one is known, a remedy."""

    status: RunStatus = "completed"
    summary: str = ""
    reason: str = ""
    remedy: str | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    fixed: list[Finding] = field(default_factory=list)
    files_read: tuple[str, ...] = ()
    judgement: Judgement | None = None
    """A validator's own verdict; without one its findings decide."""


class Lost(Exception):
    """Whether a call took effect is not known and must not be tried; ends the run as lost."""


class Desk(Protocol):
    """Where a runner's agent sits: its tools and its messages become facts here."""

    def called(self, tool: str, params: Any, mcp_server: str | None = None) -> str:
        """A tool is asked to act; the call's id. Raises Stopped if a limit does not allow it."""

    def recall(self, call: str, *, idempotent: bool) -> ToolReturned | None:
        """What a call answered before the conductor was resumed; None if it is to be made.

        Raises Lost for one that was under way and is not `idempotent`.
        """

    def spawned(self, call: str, pid: int) -> None:
        """The call runs as this process."""

    def retries(self, call: str, detail: dict[str, Any]) -> bool:
        """The call or model request failed and will be made again.

        False if that was said, and waited for, before a resume.
        """

    def returned(
        self,
        call: str,
        status: CallStatus,
        *,
        result: Any = None,
        error: str | None = None,
        exit_code: int | None = None,
        duration_ms: int | None = None,
    ) -> None:
        """The tool answered, or was cut off."""

    def asks_model(self) -> None:
        """A model is about to be asked. Raises Stopped if a budget does not allow it."""

    def used(self, request_id: str, model: str | None, **tokens: int) -> bool:
        """A model request used `tokens` so far (fields of `UsageRecorded`); they count against the budgets.

        False, and nothing is told, where another session of ours has told of a request of that name.
        """

    def tell_all(self, drafts: list[Draft], *, call: str | None = None) -> list[MessageSent]:
        """Say something to everybody; `call` is the tool call it rests on."""

    def send(self, to: str, draft: Draft, *, call: str | None = None) -> MessageSent:
        """Say something to an agent, a run, `all`, `conductor`, `human` or `topic:NAME`. Raises NotFound, Refused.

        With `call` the message is named after it: said again when that call is played again, it is the same one.
        """

    async def ask(
        self, capability: str, context: Any, *, urgency: Priority = "normal", call: str | None = None
    ) -> MessageSent:
        """Ask the most able agent that is idle for help, waiting for one; the request. Raises NotFound, Refused."""

    def hand_over(self, taker: str, task: str, given: Mapping[str, Any], *, call: str | None = None) -> str:
        """Offer work to another agent of the plan with what the log knows, and `given` beyond; the handoff's id.

        `given` as for `Handover.offer`. Raises NotFound, Refused.
        """

    def take_handoffs(self) -> list[dict[str, Any]]:
        """The packages that were offered to this run since it last looked and hold up; with this they are accepted."""

    def pattern(
        self,
        name: str,
        type: str,
        confidence: float,
        *,
        context: str | None = None,
        solution: str | None = None,
        call: str | None = None,
    ) -> str:
        """A pattern was discovered (`confidence` from 0 to 1): a fact, told to everybody; its id. Raises Refused."""

    def requested(self, model: str, params: Any = None) -> str:
        """A model is asked; the request's id. Raises Stopped if the tokens or calls are spent."""

    def recall_request(self) -> Any:
        """The `params` of the next request as they were before the conductor was resumed; None if it was not made."""

    def recall_answer(self, request: str) -> ModelAnswered | None:
        """What the model answered before the conductor was resumed; None if it is to be asked."""

    def answered(
        self,
        request: str,
        status: CallStatus,
        *,
        result: Any = None,
        error: str | None = None,
        duration_ms: int | None = None,
    ) -> None:
        """The model answered `request`, or did not."""

    async def approval(
        self, tool: str, params: Any, *, reason: str | None = None, call: str | None = None
    ) -> ApprovalGiven:
        """Wait for a person's word on a call: on `call`, or on the next one, before it is `called`.

        The run's own time stands still meanwhile; the answer is `expired` after the limit `approval_seconds`. The wait
        survives the conductor. Raises Stopped if the call would not be allowed anyway.
        """

    def take(self) -> list[MessageSent]:
        """What others said since the last look."""

    def ear(self) -> Ear:
        """Listens to what the agent's own program, the last call, tells of its doings."""


class Runner(Protocol):
    """Does an agent's work. Cancelled, it leaves no process behind and lets CancelledError pass."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        """Do `work`. An agent's own failure is an Outcome, not an exception."""
