"""What a session and its runs may take: agents at a time, seconds, bytes, messages, calls, tokens, money, tries."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

BACKOFF_FACTOR = 2.0
MAX_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one session; `None` means no bound of its own."""

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
    agent_tool_calls: int | None = 1_000
    """Of one run."""
    session_tool_calls: int | None = 10_000
    """Of all runs of a session."""
    agent_tokens: int | None = None
    """Of one run's model requests: input, output and cache, as they were reported."""
    session_tokens: int | None = None
    """Of all model requests of a session."""
    agent_cost: float | None = None
    """US dollars of one run's model requests, by the price table."""
    session_cost: float | None = None
    """US dollars of all model requests of a session."""
    model_seconds: float = 300.0
    """For one answer of a model."""
    approval_seconds: float = 1800.0
    """A person has so long to approve or deny a call; the agent's own time stands still meanwhile."""
    loop_calls: int = 5
    """So often in a row may a run give one tool the same parameters; then it is in a loop."""
    retries: int = 2
    """Of a call that failed in a way its agent's file declares retryable."""
    retry_seconds: float = 1.0
    """Before the first retry, at most; doubled for each further one."""
    mcp_call_seconds: float = 60.0
    """Of one call of an MCP server's tool, unless its entry in `.mcp.json` says otherwise."""
    mcp_start_seconds: float = 30.0
    """For an MCP server to start and say what it can."""
    mcp_restarts: int = 3
    """So often in a row is an MCP server that died or does not answer its start started again."""
    reworks: int = 1
    """So often does rejected work go back to its author."""

    def __post_init__(self) -> None:
        for name in ("max_parallel_agents", "loop_calls"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1")

    def as_json(self) -> dict[str, Any]:
        """By name, as a session's first fact keeps them."""
        return asdict(self)

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "Limits":
        """The limits that a session began with; names of other versions are passed over."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in kept.items() if name in known})


def backoff_seconds(limits: Limits, retry: int, *, seed: int, call: str) -> float:
    """How long to wait before the `retry`-th retry (from 1): full jitter, the same for the same seed and call.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    most = min(limits.retry_seconds * BACKOFF_FACTOR ** (retry - 1), MAX_BACKOFF_SECONDS)
    return random.Random(f"{seed}/{call}").uniform(0, most)  # noqa: S311 - spreads retries, guards no secret
