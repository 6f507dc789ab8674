"""The payload of each message type; what a sender must say, and which priority it gives the message."""

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestrion.domain.errors import Refused
from orchestrion.domain.events import MessageType, Priority
from orchestrion.domain.text import Text

Severity = Literal["info", "low", "medium", "high", "critical"]


RANKS: tuple[Priority, ...] = ("low", "normal", "high", "critical")


def share(confidence: Any) -> Any:
    """A confidence from 0 to 1; the specification's, above 1, are percent. What is no number is left as it is."""
    is_number = isinstance(confidence, int | float) and not isinstance(confidence, bool)
    return confidence / 100 if is_number and confidence > 1 else confidence


class Payload(BaseModel):
    """What every payload allows: more fields than it demands."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Said(Payload):
    """Something in plain words."""

    text: Text


class FindingReport(Payload):
    """Something is wrong in a place."""

    severity: Severity
    issue: Text
    file: Text | None = None
    line: int | None = None
    rule: Text | None = None
    recommendation: Text | None = None


class ContextShare(Payload):
    """Something others should know."""

    context: Any


class Warn(Payload):
    """Something others should beware of."""

    warning: Text


class AssistanceRequest(Payload):
    """Somebody able is wanted."""

    capability: Text
    context: Any = None


class ValidationRequest(Payload):
    """Work is ready to be checked. The specification's names are understood as well."""

    changes: tuple[str, ...] = Field(validation_alias=AliasChoices("changes", "changesImplemented"))
    files: tuple[str, ...] = Field(default=(), validation_alias=AliasChoices("files", "filesModified"))


class ValidationResult(Payload):
    """The check's answer, with what it rests on."""

    approved: bool
    evidence: Any = None
    reasons: tuple[str, ...] = ()


class HandoffNotice(Payload):
    """A handoff was offered; its package stands in the handoff's own stream."""

    handoff: Text
    task: Text


class ProgressUpdate(Payload):
    """How far the work is."""

    progress: Text
    percent: float | None = Field(default=None, ge=0, le=100)


class PatternReport(Payload):
    """A pattern was noticed; confidence from 0 to 1, or in percent above 1."""

    pattern: Text
    confidence: Annotated[float, BeforeValidator(share)] = Field(ge=0, le=1)
    context: Any = None
    solution: Text | None = None


class OptimizationTip(Payload):
    """How to do it better."""

    tip: Text


PAYLOADS: dict[MessageType, type[Payload]] = {
    "finding_report": FindingReport,
    "context_share": ContextShare,
    "warning": Warn,
    "assistance_request": AssistanceRequest,
    "validation_request": ValidationRequest,
    "validation_result": ValidationResult,
    "handoff": HandoffNotice,
    "progress_update": ProgressUpdate,
    "pattern_discovered": PatternReport,
    "optimization_tip": OptimizationTip,
    "prompt": Said,
    "response": Said,
    "task": Said,
    "result": Said,
}


def checked(kind: MessageType, payload: dict[str, Any]) -> Payload:
    """`payload` as its type's model. Raises Refused, naming the field that is missing or wrong."""
    try:
        return PAYLOADS[kind].model_validate(payload)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "payload"
        raise Refused(f"a {kind} message cannot be sent: {where}: {first['msg']}") from error


def priority_of(payload: Payload, asked: Priority | None = None) -> Priority:
    """The priority a message gets: what its payload demands, or what was asked for if that is higher."""
    demanded: Priority | None = None
    match payload:
        case FindingReport(severity=("high" | "critical") as severity):
            demanded = severity
        case ValidationRequest() | ValidationResult() | HandoffNotice():
            demanded = "high"
        case ProgressUpdate() if asked is None:
            demanded = "low"
        case _:
            pass
    return max((p for p in (demanded, asked) if p), key=RANKS.index, default="normal")
