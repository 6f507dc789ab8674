"""Reads Claude Code transcripts: each line becomes facts by itself and what earlier lines told.

Nothing depends on later lines, on the file's path or on line numbers, so a part of a file tells the same facts as the
whole. The format is described where it was met: lines of JSON, one object each, named by `type`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain.record import Fact
from orchestrion.ingest import claude_messages as messages
from orchestrion.ingest import claude_rules as rules
from orchestrion.ingest import claude_runs as runs
from orchestrion.ingest.claude_context import MAIN, PARSER_VERSION, Context, Origin
from orchestrion.ingest.ledger import DUPLICATE, RECORDED, ignored
from orchestrion.ingest.values import mapping, moment, text

QUEUE = frozenset({"enqueue", "dequeue", "remove", "popAll"})
RECOGNISED = frozenset({"summary", "file-history-snapshot", "queue-operation"})


class ClaudeReader:
    """Reads the values of one file in order."""

    def __init__(self, companion: dict[str, Any] | None = None, parser: int = PARSER_VERSION) -> None:
        self._context, self._parser = Context(companion=companion or {}), parser

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the facts of one value to `facts`; returns its class: recorded, duplicate, or ignored by a named rule."""
        if not isinstance(value, dict):
            return ignored("not-an-object")
        self._context.facts = facts
        before = len(facts)
        rule = self._passing(value) or self._line(value)
        if len(facts) > before:
            return RECORDED
        return DUPLICATE if rule == DUPLICATE else ignored(rule)

    def _passing(self, line: dict[str, Any]) -> str | None:
        """The rule of a line of progress that says nothing of its own, once its session is known: most lines."""
        if line.get("type") != "progress" or not self._context.sessions.get(str(line.get("sessionId"))):
            return None
        kind = text(mapping(line.get("data")).get("type"))
        return f"progress/{kind}" if kind in rules.PROGRESS else None

    def _line(self, line: dict[str, Any]) -> str:
        """Tell one line; returns the rule that holds if it brings no fact."""
        kind = messages.named(line.get("type"))
        if kind in rules.PLAIN_TYPES:
            return kind
        if kind not in ("user", "assistant", "system", "progress", "attachment", "queue-operation"):
            return f"unknown:{kind}"
        origin = self._origin(line)
        if origin is None:
            return "no-session"
        if kind == "queue-operation":
            operation = messages.named(line.get("operation"))
            if operation not in QUEUE:
                return f"unknown:queue-operation/{operation}"
            return messages.notified(self._context, origin, line.get("content"), operation)
        return self._enveloped(kind, origin, line)

    def _enveloped(self, kind: str, origin: Origin, line: dict[str, Any]) -> str:
        """Tell a line that has an id, once."""
        if origin.uuid and self._context.repeats(origin.session, origin.uuid):
            return DUPLICATE
        runs.begin(self._context, origin, line, None if origin.main else messages.task_of(line))
        match kind:
            case "user":
                return messages.user(self._context, origin, line)
            case "assistant":
                return messages.assistant(self._context, origin, line)
            case "system":
                return self._system(origin, line)
            case "progress":
                return self._progress(origin, line)
            case _:
                return self._attachment(origin, mapping(line.get("attachment")))

    def _origin(self, line: dict[str, Any]) -> Origin | None:
        """Where a line stands; None if it names no session."""
        session, uuid, agent_id = text(line.get("sessionId")), text(line.get("uuid")) or "", text(line.get("agentId"))
        if session is None:
            return None
        if agent_id is None and line.get("isSidechain") is True:
            agent_id = f"side-{self._context.root(uuid, text(line.get('parentUuid')))}"
        at = moment(line.get("timestamp"))
        return Origin(session, f"{session}/{agent_id or MAIN}", agent_id, uuid, at, parser=self._parser)

    def _system(self, origin: Origin, line: dict[str, Any]) -> str:
        """Tell an incident that the client noted."""
        subtype = messages.named(line.get("subtype"))
        if subtype in rules.SYSTEM:
            return f"system/{subtype}"
        if subtype not in rules.INCIDENTS:
            return f"unknown:system/{subtype}"
        names = ("content", "compactMetadata", "error", "retryAttempt", "retryInMs", "maxRetries")
        detail = {name: line[name] for name in names if name in line}
        return messages.incident(self._context, origin, rules.INCIDENTS[subtype], detail)

    def _progress(self, origin: Origin, line: dict[str, Any]) -> str:
        """Tell a subagent's line, of which the spawning run's file holds a copy."""
        data = mapping(line.get("data"))
        kind, agent_id, copy = messages.named(data.get("type")), text(data.get("agentId")), mapping(data.get("message"))
        if kind in rules.PROGRESS:
            return f"progress/{kind}"
        if kind != "agent_progress":
            return f"unknown:progress/{kind}"
        if agent_id is None:
            return "progress/agent_progress"
        session, uuid = origin.session, text(copy.get("uuid")) or ""
        inner = Origin(session, f"{session}/{agent_id}", agent_id, uuid, moment(copy.get("timestamp")), copy=True)
        spawn = self._context.spawns.get((session, str(line.get("parentToolUseID"))))
        if spawn is not None:
            runs.identified(self._context, spawn, agent_id, inner, alive=True)
        inside = messages.named(copy.get("type"))
        if inside not in ("user", "assistant"):
            return "progress/agent_progress"
        return self._enveloped(inside, inner, copy)

    def _attachment(self, origin: Origin, attachment: dict[str, Any]) -> str:
        """Tell what the client put into the context, where a person or a failed hook stands behind it."""
        kind = messages.named(attachment.get("type"))
        if kind == "queued_command":
            return messages.queued(self._context, origin, attachment)
        if kind in rules.HOOK_ERRORS:
            return messages.incident(self._context, origin, "hook_error", attachment)
        return f"attachment/{kind}" if kind in rules.ATTACHMENTS else f"unknown:attachment/{kind}"


class ClaudeCode:
    """The format of the transcripts that Claude Code leaves in `~/.claude/projects`."""

    name = "claude-code"
    parser = PARSER_VERSION
    usual_place: Path | None = Path("~/.claude/projects")

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether one of the first lines is an envelope, or one of those that stand without."""
        lines = [value for value in values if isinstance(value, dict)]
        return any("sessionId" in line and "uuid" in line and "type" in line for line in lines) or any(
            line.get("type") in RECOGNISED and line.keys() & {"leafUuid", "messageId", "operation"} for line in lines
        )

    def reader(self, companion: dict[str, Any] | None = None) -> ClaudeReader:
        """A reader for one file; `companion` is what the file beside an agent's own says of it."""
        return ClaudeReader(companion)
