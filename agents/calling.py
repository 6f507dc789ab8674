"""One call of a command, made, recalled from before a crash, or made again after a failure that may pass."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from orchestrion.agents.child import Ended
from orchestrion.agents.limits import backoff_seconds
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.domain.events import CallStatus, ToolReturned
from orchestrion.domain.spending import Stopped

PREVIEW = 4_000
"""Letters of a command's output kept in the tool's result; counts and reports say the rest."""


@dataclass
class Answer:
    """What came of a call, as its fact says it; `result` holds plain values."""

    status: CallStatus
    error: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    exit_code: int | None = None
    duration_ms: int | None = None

    @classmethod
    def of(cls, fact: ToolReturned) -> "Answer":
        """The answer that stands in the log."""
        result = fact.result if isinstance(fact.result, dict) else {}
        return cls(fact.status, fact.error, result, fact.exit_code, fact.duration_ms)

    def end(self, outcome: Outcome) -> None:
        """If the call could not do its work, so ends the run."""
        if self.status == "ok":
            return
        if self.status == "interrupted":
            outcome.status = "cancelled"
        else:
            outcome.status = "timed_out" if self.status == "timed_out" else "failed"
        outcome.reason = self.error or "its call was cut off"
        outcome.remedy = self.result.get("remedy")


@dataclass(frozen=True)
class Call:
    """What is called, with what, and what may be done when it fails or nobody knows."""

    tool: str
    params: dict[str, Any]
    idempotent: bool
    retry_on: tuple[int | str, ...]


async def make(
    call: Call, work: Work, desk: Desk, act: Callable[[Callable[[int], None]], Awaitable[Answer]]
) -> tuple[str, Answer]:
    """Make `call` by `act`, which is given a function to tell the pid; the id of the last try, and its answer.

    Raises Stopped and Lost (see `Desk`).
    """
    retry = 0
    while True:
        name = desk.called(call.tool, call.params)
        known = desk.recall(name, idempotent=call.idempotent)
        answer = Answer.of(known) if known is not None else await answered(name, desk, act)
        retry += 1
        if retry > work.limits.retries or not _may_pass(answer, call):
            return name, answer
        seconds = backoff_seconds(work.limits, retry, seed=work.seed, call=name)
        if desk.retries(name, {"retry": retry, "wait_ms": round(seconds * 1000), "error": answer.error}):
            await asyncio.sleep(seconds)


def _may_pass(answer: Answer, call: Call) -> bool:
    if answer.status == "timed_out":
        return "timeout" in call.retry_on
    return answer.status == "error" and answer.exit_code in call.retry_on


async def answered(name: str, desk: Desk, act: Callable[[Callable[[int], None]], Awaitable[Answer]]) -> Answer:
    """Carry out the call `name` by `act`, and say what came of it."""
    begun = time.monotonic()
    try:
        answer = await act(lambda pid: desk.spawned(name, pid))
    except (asyncio.CancelledError, Stopped):
        desk.returned(name, "interrupted", duration_ms=round((time.monotonic() - begun) * 1000))
        raise
    desk.returned(
        name,
        answer.status,
        result=answer.result or None,
        error=answer.error,
        exit_code=answer.exit_code,
        duration_ms=answer.duration_ms,
    )
    return answer


def output_of(ended: Ended) -> dict[str, Any]:
    """What a command said, shortened, and how much it was."""
    return {
        "stdout": shortened(ended.stdout.text()),
        "stderr": shortened(ended.stderr.text()),
        "stdout_bytes": ended.stdout.size,
        "stderr_bytes": ended.stderr.size,
    }


def last_words(ended: Ended) -> str:
    """How a command that did not do its work went, and the end of what it said."""
    code = ended.exit_code
    how = f"was ended by signal {-code}" if code is not None and code < 0 else f"failed with exit code {code}"
    said = (ended.stderr.text().strip() or ended.stdout.text().strip())[-500:]
    return f"{how}: {said or 'it said nothing'}"


def filled(text: str, values: dict[str, str]) -> str:
    """`text` with the known `{names}` filled in; any other brace stays as it is."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def shortened(text: str) -> str:
    """The beginning and the end of a long text."""
    if len(text) <= PREVIEW:
        return text
    return f"{text[: PREVIEW // 2]}\n[…]\n{text[-PREVIEW // 2 :]}"
