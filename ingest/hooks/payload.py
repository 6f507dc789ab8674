"""What a hook says, read tolerantly: any field may be missing or of another type than expected."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrion.ingest.claude_context import MAIN
from orchestrion.ingest.values import mapping, milliseconds, text


@dataclass(frozen=True, slots=True)
class Payload:
    """One hook payload, when it arrived, and the name of its arrival (its identity where it holds none)."""

    fields: dict[str, Any]
    at: datetime
    arrival: str

    @property
    def event(self) -> str:
        return self.text("hook_event_name") or "unnamed"

    @property
    def session(self) -> str | None:
        return self.text("session_id")

    @property
    def agent_id(self) -> str | None:
        """The subagent in which it fired; None in the session's own run."""
        return self.text("agent_id")

    @property
    def speaker(self) -> str:
        """Who speaks, as the transcripts' importer names them: `main`, or the agent's id."""
        return self.agent_id or MAIN

    @property
    def run(self) -> str | None:
        return f"{self.session}/{self.speaker}" if self.session else None

    def text(self, name: str) -> str | None:
        """The field if it is a text that says something."""
        return text(self.fields.get(name))

    def mapping(self, name: str) -> dict[str, Any]:
        """The field if it is a JSON object, else an empty one."""
        return mapping(self.fields.get(name))

    def milliseconds(self, name: str) -> int | None:
        """The field if it is a duration."""
        return milliseconds(self.fields.get(name))

    def common(self) -> dict[str, Any]:
        """The fields that all its facts share."""
        return {
            "source": "hook",
            "happened_at": self.at,
            "session": self.session,
            "run": self.run,
            "agent": self.text("agent_type") if self.agent_id else MAIN,
            "correlation": self.text("prompt_id"),
        }


def read(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in `raw`; None for everything else. Bytes that are no UTF-8 stay visible as surrogates."""
    try:
        fields = json.loads(raw.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None
