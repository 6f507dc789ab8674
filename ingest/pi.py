"""Reads Pi sessions: lines of session, message, compaction and changes of the model, with camelCase tool calls."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader, kind_of, objects, spoken
from orchestrion.ingest.values import count, mapping, moment, text

PLAIN_TYPES = frozenset({"model_change", "thinking_level_change", "custom", "label", "session_info", "branch_summary"})
STOPS = {"aborted": "interruption", "error": "api_error"}


class PiReader(SessionReader):
    """Reads the lines of one session."""

    product = "pi"

    def __init__(self) -> None:
        super().__init__()
        self._prompt: str | None = None
        self._key = ""

    def line(self, value: dict[str, Any]) -> str:
        """Tell one line."""
        kind = kind_of(value)
        self.at = moment(value.get("timestamp"))
        if kind == "session":
            return self._head(value)
        if self.session is None:
            return "no-session"
        self._key = self.own(text(value.get("id")))
        if kind == "compaction":
            self.incident("compaction", {"summary": value.get("summary")}, self._key)
            return ""
        if kind == "message":
            message = mapping(value.get("message"))
            return self._message(kind_of(message, "role"), message)
        return kind if kind in PLAIN_TYPES else f"unknown:{kind}"

    def _head(self, value: dict[str, Any]) -> str:
        session, workspace = text(value.get("id")), text(value.get("cwd"))
        if session is None:
            return "no-session"
        if self.session is not None:
            return "second-head"
        project = (workspace or "").rstrip("/").rpartition("/")[2] or None
        self.begin(session, workspace=workspace, project=project, branch=text(value.get("branch")))
        return ""

    def _message(self, role: str, message: dict[str, Any]) -> str:
        match role:
            case "user":
                return self._asked(spoken(message.get("content")))
            case "assistant":
                return self._answered(message)
            case "toolResult":
                return self._returned(message)
            case "bashExecution":
                return self._executed(message)
        return f"unknown:message/{role}"

    def _asked(self, said: str) -> str:
        if not said.strip():
            return "empty-message"
        self._prompt = self._key
        self.say(self._key, "prompt", HUMAN, MAIN, said)
        return ""

    def _answered(self, message: dict[str, Any]) -> str:
        """What the model said, called, and cost; input excludes what came from the cache."""
        content = message.get("content")
        if (said := spoken(content)).strip():
            self.say(self._key, "response", MAIN, HUMAN, said, in_reply_to=self._prompt)
        for block in objects(content if isinstance(content, list) else []):
            call = text(block.get("id"))
            if block.get("type") == "toolCall" and call is not None:
                self.call(call, text(block.get("name")) or "", block.get("arguments"))
        self._spent(message)
        if (stop := STOPS.get(str(message.get("stopReason")))) is not None:
            self.incident(stop, {"error": message.get("errorMessage")}, self._key)
        return "empty-message"

    def _spent(self, message: dict[str, Any]) -> None:
        usage = mapping(message.get("usage"))
        names = {"input_tokens": "input", "output_tokens": "output", "cache_read_tokens": "cacheRead"}
        figures = {ours: count(usage.get(theirs)) for ours, theirs in names.items()}
        figures["cache_write_tokens"] = count(usage.get("cacheWrite"))
        if any(figures.values()):
            self.tell(e.UsageRecorded, request_id=self._key, model=text(message.get("model")), **figures)

    def _returned(self, message: dict[str, Any]) -> str:
        call = text(message.get("toolCallId"))
        if call is None:
            return "return-without-id"
        self.answer(call, "error" if message.get("isError") is True else "ok", spoken(message.get("content")))
        return ""

    def _executed(self, message: dict[str, Any]) -> str:
        """A command that the person ran."""
        code = message.get("exitCode")
        code = code if isinstance(code, int) and abs(code) < 2**31 else None
        status: e.CallStatus = "interrupted" if message.get("cancelled") is True else "error" if code else "ok"
        self.call(self._key, "bash", {"command": message.get("command")}, agent=HUMAN)
        self.answer(self._key, status, message.get("output"), agent=HUMAN, exit_code=code)
        return ""


class Pi:
    """The format of the sessions that the Pi coding agent leaves in `~/.pi/agent/sessions`."""

    name = "pi"
    parser = PiReader.parser
    usual_place: Path | None = Path("~/.pi/agent/sessions")

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether one of the first lines is the head of a session."""
        return any(each.get("type") == "session" and {"id", "timestamp"} <= each.keys() for each in objects(values))

    def reader(self, companion: dict[str, Any] | None = None) -> PiReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return PiReader()
