"""The handoff package: what an agent leaves to the next, built from the log and held against the workspace."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from orchestrion.domain import events as e
from orchestrion.domain.payloads import RANKS

MAX_LISTED = 50
"""Entries of one list of a package; the log has the rest."""
PROMPT = "prompt"
"""Where a call holds what its agent was told, the package included; that is no use of it."""
SEARCH_TOOLS = frozenset({"grep", "glob", "search", "rg", "find", "websearch"})


class Part(BaseModel):
    """A part of the package, with the specification's names (camelCase) outside."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class ExecutionContext(Part):
    """What the giver did and learned."""

    task: str
    files_modified: tuple[str, ...] = ()
    files_read: tuple[str, ...] = ()
    search_results: tuple[Any, ...] = ()
    decisions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    discoveries: tuple[str, ...] = ()


class Recommendations(Part):
    """What the giver thinks comes next."""

    next_actions: tuple[str, ...] = ()
    potential_issues: tuple[str, ...] = ()
    optimizations: tuple[str, ...] = ()
    testing_needed: bool = False
    security_review: bool = False


class Dependencies(Part):
    """What is done, and what the taker needs."""

    completed_tasks: tuple[str, ...] = ()
    required_inputs: tuple[str, ...] = ()
    """Files of the workspace."""
    optional_inputs: tuple[str, ...] = ()


class Package(Part):
    """The specification's handoff package."""

    giver: str = Field(validation_alias="from", serialization_alias="from")
    taker: str = Field(validation_alias="to", serialization_alias="to")
    execution_context: ExecutionContext
    mcp_data: dict[str, Any] = Field(default_factory=dict)
    recommendations: Recommendations
    urgency: e.Priority = "normal"
    requires_validation: bool = False
    blocking_issues: tuple[str, ...] = ()
    dependencies: Dependencies = Dependencies()

    def as_json(self) -> dict[str, Any]:
        """With the specification's names."""
        return self.model_dump(mode="json", by_alias=True)


@dataclass
class _Deeds:
    """What the log says that one run did."""

    task: str = ""
    modified: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    outputs: dict[str, Any] = field(default_factory=dict)
    failed: str | None = None
    findings: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    tips: list[str] = field(default_factory=list)
    searches: list[Any] = field(default_factory=list)
    mcp: dict[str, list[Any]] = field(default_factory=dict)
    asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    urgency: e.Priority = "normal"
    rejected: list[str] = field(default_factory=list)


def build_package(
    facts: Iterable[e.Event],
    *,
    run: str,
    giver: str,
    taker: str,
    completed: Sequence[str],
    validated_later: bool,
) -> Package:
    """The package of the giver's `run`, from the session's `facts` alone: it needs no giver that is still alive."""
    deeds = _Deeds()
    for fact in facts:
        if fact.run == run:
            _note(deeds, fact)
        elif isinstance(fact, e.MessageSent) and run in fact.recipient_runs and _is_rejection(fact):
            deeds.rejected += fact.payload.get("reasons") or ["the changes were not approved"]
    if not deeds.findings:  # where agents may not write to each other, the run's own outputs tell what it found
        deeds.findings = [each for each in deeds.outputs.get("findings") or () if isinstance(each, dict)]
        for finding in deeds.findings:
            deeds.urgency = max(deeds.urgency, _urgency(finding), key=RANKS.index)
    files = [finding["file"] for finding in deeds.findings if finding.get("file")]
    deleted = set(deeds.outputs.get("files_deleted") or ())
    blocking = [*deeds.rejected, *([deeds.failed] if deeds.failed else [])]
    return Package(
        giver=giver,
        taker=taker,
        execution_context=ExecutionContext(
            task=deeds.task,
            files_modified=deeds.modified,
            files_read=deeds.read[:MAX_LISTED],
            search_results=tuple(deeds.searches[:MAX_LISTED]),
            decisions=_decisions(deeds),
            warnings=tuple(deeds.warnings[:MAX_LISTED]),
            discoveries=tuple(map(_line, deeds.findings[:MAX_LISTED])),
        ),
        mcp_data=dict(deeds.mcp),
        recommendations=_recommendations(deeds),
        urgency=deeds.urgency,
        requires_validation=validated_later,
        blocking_issues=tuple(blocking),
        dependencies=Dependencies(
            completed_tasks=tuple(completed),
            required_inputs=tuple(name for name in dict.fromkeys([*files, *deeds.modified]) if name not in deleted),
        ),
    )


def problems_of(package: dict[str, Any], workspace: Path, completed: Iterable[str]) -> tuple[str, ...]:
    """Why `package` does not hold up: its schema, files that are not there, tasks that are not complete."""
    try:
        read = Package.model_validate(package)
    except ValidationError as error:
        return tuple(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
    problems = []
    root = workspace.resolve()
    for name in dict.fromkeys((*read.dependencies.required_inputs, *read.execution_context.files_modified)):
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            problems.append(f"{name}: lies outside the workspace")
        elif name in read.dependencies.required_inputs and not path.exists():
            problems.append(f"{name}: is not in the workspace")
    known = set(completed)
    problems += [f"{task}: is not complete" for task in read.dependencies.completed_tasks if task not in known]
    return tuple(problems)


def used_of(package: Mapping[str, Any], facts: Iterable[e.Event], run: str) -> tuple[str, ...]:
    """Files of `package` that its taker's `run` read, changed or named to a tool, as the session's `facts` show."""
    context, needs = package.get("executionContext") or {}, package.get("dependencies") or {}
    named = [*needs.get("requiredInputs", ()), *needs.get("optionalInputs", ())]
    named += [*context.get("filesModified", ()), *context.get("filesRead", ())]
    touched = [_touched(fact) for fact in facts if fact.run == run]
    return tuple(name for name in dict.fromkeys(named) if any(name in text for text in touched))


def _touched(fact: e.Event) -> str:
    match fact:
        case e.ToolCalled(params=dict(params)):
            return str({name: value for name, value in params.items() if name != PROMPT})
        case e.ToolCalled(params=params):
            return str(params)
        case e.AgentCompleted():
            return "\n".join((*fact.files_read, *fact.files_modified))
        case _:
            return ""


def _is_rejection(message: e.MessageSent) -> bool:
    return message.type == "validation_result" and isinstance(message.payload, dict) and not message.payload["approved"]


def _note(deeds: _Deeds, fact: e.Event) -> None:
    match fact:
        case e.AgentStarted(task=task):
            deeds.task = task or ""
        case e.AgentCompleted():
            deeds.modified, deeds.read = fact.files_modified, fact.files_read
            deeds.outputs = fact.outputs if isinstance(fact.outputs, dict) else {}
        case e.AgentFailed(reason=reason, outputs=outputs):
            deeds.failed = reason
            deeds.outputs = outputs if isinstance(outputs, dict) else {}
        case e.ToolCalled(call=call, mcp_server=server, tool=tool, params=params):
            said = {"tool": tool, "params": params}
            if server:
                deeds.mcp.setdefault(_mcp_key(server), []).append(said)
            elif tool.lower() in SEARCH_TOOLS:
                deeds.searches.append(said)
            deeds.asked[call] = said
        case e.ToolReturned(call=call, result=result) if call in deeds.asked:
            deeds.asked[call]["result"] = result
        case e.MessageSent():
            _heard(deeds, fact)
        case _:
            pass


def _mcp_key(server: str) -> str:
    """The specification's name for what came from a server it knows, else the server's own."""
    known = {"postgres": "postgresQueries", "memory": "memoryBankContext", "github": "githubContext"}
    return next((name for part, name in known.items() if part in server.lower()), server)


def _heard(deeds: _Deeds, message: e.MessageSent) -> None:
    payload = message.payload if isinstance(message.payload, dict) else {}
    if message.type in {"finding_report", "warning"}:
        deeds.urgency = max(deeds.urgency, message.priority, key=RANKS.index)
    if message.type == "finding_report":
        deeds.findings.append(payload)
    elif message.type == "warning":
        deeds.warnings.append(str(payload.get("warning")))
    elif message.type == "optimization_tip":
        deeds.tips.append(str(payload.get("tip")))


def _recommendations(deeds: _Deeds) -> Recommendations:
    advice = [f"{_where(f)}: {f['recommendation']}" for f in deeds.findings if f.get("recommendation")]
    severe = [f for f in deeds.findings if f.get("severity") in {"high", "critical"}]
    lesser = [f for f in deeds.findings if f not in severe]
    return Recommendations(
        next_actions=tuple(advice[:MAX_LISTED]),
        potential_issues=tuple(map(_line, lesser[:MAX_LISTED])),
        optimizations=tuple(deeds.tips[:MAX_LISTED]),
        testing_needed=bool(deeds.modified),
        security_review=bool(severe) or bool(deeds.rejected),
    )


def _urgency(finding: dict[str, Any]) -> e.Priority:
    """As its report would have been raised."""
    severity = finding.get("severity")
    return severity if severity in {"high", "critical"} else "normal"


def _decisions(deeds: _Deeds) -> tuple[str, ...]:
    """What the giver settled: what it fixed, and what it left."""
    fixed, remaining = deeds.outputs.get("fixed"), deeds.outputs.get("remaining")
    if fixed is None:
        return ()
    return (f"Fixed {fixed} findings automatically", f"Left {remaining} findings that need a person's judgement")


def _where(finding: dict[str, Any]) -> str:
    return f"{finding.get('file') or 'workspace'}:{finding.get('line') or 1}"


def _line(finding: dict[str, Any]) -> str:
    return f"{_where(finding)} {finding.get('rule') or ''} {finding.get('issue')}".replace("  ", " ")
