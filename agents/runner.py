"""What every runner is given, may do and gives back."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from orchestrion.agents.bus import Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.limits import Limits
from orchestrion.agents.reports import Finding
from orchestrion.domain.events import CallStatus, MessageSent, RunStatus


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
    """Handoff packages and messages, as they were when the run began."""


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


class Desk(Protocol):
    """Where a runner's agent sits: its tools and its messages become facts here."""

    def called(self, tool: str, params: Any, mcp_server: str | None = None) -> str:
        """A tool is asked to act; the call's id."""

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

    def tell_all(self, drafts: list[Draft], *, call: str | None = None) -> list[MessageSent]:
        """Say something to everybody; `call` is the tool call it rests on."""

    def take(self) -> list[MessageSent]:
        """What others said since the last look."""


class Runner(Protocol):
    """Does an agent's work. Cancelled, it leaves no process behind and lets CancelledError pass."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        """Do `work`. An agent's own failure is an Outcome, not an exception."""
