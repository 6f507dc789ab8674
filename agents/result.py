"""What `execute` gives back: one session in figures, its findings, its diff."""

from dataclasses import asdict, dataclass, field
from typing import Any

from orchestrion.domain.events import RunStatus


@dataclass
class RunReport:
    """How one run of an agent ended."""

    agent: str
    run: str
    task: str
    status: RunStatus
    duration_ms: int | None
    summary: str = ""
    reason: str | None = None
    remedy: str | None = None
    files_modified: tuple[str, ...] = ()


@dataclass
class ExecutionResult:
    """One session, as it ended. Times are measured milliseconds, None where a clock that jumped back left none."""

    session: str
    status: RunStatus
    phases: tuple[tuple[str, ...], ...]
    agents: list[RunReport] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    handoffs: list[dict[str, Any]] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    duration_ms: int | None = 0
    reason: str | None = None
    tests: dict[str, Any] | None = None
    diff: str = ""
    applied: list[str] | None = None
    """Paths brought back to the user's folder; None when that was not asked for or not done."""
    workspace: dict[str, Any] = field(default_factory=dict)

    @property
    def success(self) -> bool:
        """Whether every agent did its work."""
        return self.status == "completed"

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values; `phases` and `agents` as lists, `messages`, `handoffs`, `findings` as rows."""
        return {**asdict(self), "phases": [list(phase) for phase in self.phases], "success": self.success}
