"""What a run may take: agents at a time, seconds, bytes, messages."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one session; `None` seconds mean no bound of its own."""

    max_parallel_agents: int = 5
    agent_seconds: float = 600.0
    """Of one agent's run; a definition's own `timeout` may only shorten it."""
    session_seconds: float | None = 3600.0
    output_bytes: int = 1_000_000
    """Kept of each output stream of a command: its first and its last half; all bytes are counted."""
    report_bytes: int = 50_000_000
    """Of a SARIF or JUnit file; a larger one is refused by name."""
    findings_told: int = 100
    """Findings of one command that are told one by one, the most severe first; the rest in one message."""
    workspace_bytes: int = 2_000_000_000
    """Of the files that are copied for a session."""

    def __post_init__(self) -> None:
        if self.max_parallel_agents < 1:
            raise ValueError("max_parallel_agents must be at least 1")
