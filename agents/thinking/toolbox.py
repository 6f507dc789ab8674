"""What a model may call: each call is checked, waits for a person where it must, and is a fact with its answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from orchestrion.agents.calling import Answer, answered
from orchestrion.agents.runner import Desk, Lost, Work
from orchestrion.agents.thinking.files import Files
from orchestrion.agents.thinking.quoting import Fence
from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.events import ApprovalGiven

MAX_TOLD_LETTERS = 30_000
"""Of a tool's answer; the rest is left out, and that is said."""
REDACTED = "[REDACTED:"
"""What stands in the log where a secret stood (`eventstore`)."""


class Params(BaseModel):
    """Parameters of a tool, as the model gives them."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class Seat:
    """Where a thinking agent sits."""

    work: Work
    desk: Desk
    fence: Fence
    files: Files
    read: dict[str, None] = field(default_factory=dict)
    """Files that were read, in order."""
    replaying: bool = False
    """Whether the model's present answer was taken from the log."""


Act = Callable[[Seat, str, Any, Callable[[int], None]], Awaitable[Answer]]
"""Does it: the seat, the call's id, the checked parameters, and a function to tell a process's pid."""


@dataclass(frozen=True)
class ToolOf:
    """One tool."""

    name: str
    description: str
    params: type[Params] | dict[str, Any]
    """Its parameters, or their JSON schema where the tool is somebody else's."""
    act: Act
    idempotent: bool = False
    """Whether a call may be made again when nobody knows if it took effect."""
    mcp_server: str | None = None
    wants_approval: Callable[[Work, dict[str, Any]], str | None] = lambda _work, _params: None
    """Why a person must approve a call, if one must."""
    quoted: bool = True
    """Whether its answers hold what others wrote."""

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON schema of the parameters."""
        return self.params if isinstance(self.params, dict) else self.params.model_json_schema()

    def checked(self, given: dict[str, Any]) -> Any:
        """`given` as the tool takes it. Raises ValidationError."""
        return given if isinstance(self.params, dict) else self.params.model_validate(given)


async def use(tool: ToolOf, seat: Seat, given: dict[str, Any]) -> str:
    """Call `tool` as the model asked; what the model is told. Raises Stopped and Lost (see `Desk`)."""
    try:
        params, problem = tool.checked(given), None
    except ValidationError as error:
        params, problem = None, _problems(error)
    reason = None if problem else tool.wants_approval(seat.work, given)
    word = await seat.desk.approval(tool.name, given, reason=reason) if reason else None
    call = seat.desk.called(tool.name, given, tool.mcp_server)
    known = seat.desk.recall(call, idempotent=tool.idempotent or seat.work.agent.idempotent)
    if known is not None:
        return told(Answer.of(known), seat, tool.name, quoted=tool.quoted)
    if seat.replaying and REDACTED in str(given):
        raise Lost(f"its call {call} was not answered, and its parameters are in the log only with secrets taken out")
    if problem is not None:
        answer = _said(seat, call, Answer("error", problem))
    elif word is not None and word.verdict != "approved":
        answer = _said(seat, call, Answer("denied", refused(word)))
    else:
        answer = await answered(call, seat.desk, lambda spawned: _safely(tool, seat, call, params, spawned))
    return told(answer, seat, tool.name, quoted=tool.quoted)


async def unknown(name: str, seat: Seat, given: Any, there: list[str]) -> None:
    """The model called a tool that does not exist: that is a fact, and answered as an error."""
    call = seat.desk.called(name, given)
    if seat.desk.recall(call, idempotent=True) is None:
        _said(seat, call, Answer("error", f"there is no tool called {name!r}; there are: {', '.join(there)}"))


async def _safely(tool: ToolOf, seat: Seat, call: str, params: Any, spawned: Callable[[int], None]) -> Answer:
    try:
        return await tool.act(seat, call, params, spawned)
    except OrchestrionError as error:
        if type(error).exit_code in {7, 8, 9}:  # the log itself: nothing can be said any more
            raise
        return Answer("error", str(error))
    except OSError as error:
        return Answer("error", f"{error.filename or tool.name}: {error.strerror or error}")


def _said(seat: Seat, call: str, answer: Answer) -> Answer:
    seat.desk.returned(call, answer.status, error=answer.error)
    return answer


def told(answer: Answer, seat: Seat, name: str, *, quoted: bool = True) -> str:
    """An answer of the tool `name` as the model gets it: marked as data if others wrote it."""
    text = str(answer.result.get("text") or "")[:MAX_TOLD_LETTERS]
    if answer.status != "ok":
        said = f"{answer.status}: {answer.error or 'it was cut off'}"
        return f"{said}\n{seat.fence.quote(text, name)}" if text else said
    return seat.fence.quote(text, answer.result.get("from") or name) if quoted else text


def answer_of(text: str, *, source: str | None = None, **more: Any) -> Answer:
    """A good answer, shortened to what a model is told at once."""
    if len(text) > MAX_TOLD_LETTERS:
        text = f"{text[:MAX_TOLD_LETTERS]}\n[… {len(text) - MAX_TOLD_LETTERS} letters left out; ask for less at once]"
    return Answer("ok", None, {"text": text, **({"from": source} if source else {}), **more})


def _problems(error: ValidationError) -> str:
    found = [f"{'.'.join(map(str, each['loc'])) or 'parameters'}: {each['msg']}" for each in error.errors()]
    return f"these parameters cannot be taken: {'; '.join(found)}"


def refused(word: ApprovalGiven) -> str:
    """What the model is told of a call that a person did not approve."""
    if word.verdict == "expired":
        return "nobody approved this call in time, so it was not made; go on without it"
    reason = f": {word.reason}" if word.reason else ""
    return f"a person ({word.by}) denied this call{reason}; do not try it again, go on without it"
