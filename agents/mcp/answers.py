"""What an MCP server answers, as plain values; and what is wrong where it does not."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestrion.agents.calling import Answer
from orchestrion.domain.events import CallStatus

if TYPE_CHECKING:
    from mcp_types import CallToolResult

TEXT_CHARACTERS = 1_000_000
"""Of one answer; more is cut, and said to be."""
SAID_CHARACTERS = 300

Problem = Literal["unavailable", "timed_out", "died", "flooded", "refused", "malformed", "failed"]
"""unavailable: it cannot be reached; refused: the protocol's own error; malformed: no answer by the protocol;
failed: the tool says that it could not do it."""


@dataclass
class Trouble(Exception):
    """A server did not do what it was asked; `sentence` says so, `took_effect` whether it may have done it."""

    problem: Problem
    sentence: str
    took_effect: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.sentence)

    def as_answer(self) -> Answer:
        """As the answer of the call that met it."""
        status: CallStatus = "timed_out" if self.problem == "timed_out" else "error"
        said = f"{self.sentence}; whether it took effect is not known" if self.took_effect else self.sentence
        return Answer(status, said, {"problem": self.problem})


def answer_of(tool: str, result: "CallToolResult") -> Answer:
    """The result of `tool`: `text`; `structured` and `attached` (what is no text) where there is any."""
    texts, attached = [], []
    for part in result.content:
        kept = part.model_dump(mode="json", by_alias=True, exclude_none=True)
        if part.type == "text":
            texts.append(part.text)
        elif part.type == "resource" and isinstance(text := kept.get("resource", {}).get("text"), str):
            texts.append(text)
        else:
            attached.append(_described(kept))
    said: dict[str, Any] = {"text": _cut("\n".join(texts))}
    if result.structured_content is not None:
        size = len(json.dumps(result.structured_content, default=str))
        if size <= TEXT_CHARACTERS:
            said["structured"] = result.structured_content
        else:
            said["structured_characters"] = size
    if attached:
        said["attached"] = attached
    if result.is_error:
        reason = " ".join(said["text"].split())[:SAID_CHARACTERS] or "it did not say why"
        return Answer("error", f"{tool} could not do it: {reason}", {"problem": "failed", **said})
    return Answer("ok", None, said)


def trouble_of(server: str, tool: str, error: BaseException) -> Trouble:
    """What `error`, raised by the library in a call, means. Three ways lead here: MCPError, validation, transport."""
    from mcp import MCPError  # noqa: PLC0415 - takes 1.3 s to import
    from mcp_types import CONNECTION_CLOSED, REQUEST_TIMEOUT  # noqa: PLC0415
    from pydantic import ValidationError  # noqa: PLC0415

    if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
        return Trouble("died", f"the MCP server {server!r} ended in the midst of {tool}", took_effect=True)
    if isinstance(error, TimeoutError) or (isinstance(error, MCPError) and error.code == REQUEST_TIMEOUT):
        return Trouble("timed_out", f"the MCP server {server!r} did not answer {tool} in time", took_effect=True)
    said = " ".join(str(error).split())[:SAID_CHARACTERS]
    if isinstance(error, MCPError):
        return Trouble("refused", f"the MCP server {server!r} refused {tool}: {said}")
    if isinstance(error, ValidationError | RuntimeError | ValueError):
        return Trouble(
            "malformed", f"the MCP server {server!r} gave no valid answer to {tool}: {said}", took_effect=True
        )
    name = type(error).__name__
    return Trouble("died", f"the connection to the MCP server {server!r} broke in {tool}: {name}: {said}", True)


def _described(kept: dict[str, Any]) -> dict[str, Any]:
    """A part that is no text: what it is and how large, without its bytes."""
    resource = kept.get("resource", {})
    data = kept.get("data") or resource.get("blob") or ""
    about = {
        "type": kept.get("type"),
        "mimeType": kept.get("mimeType") or resource.get("mimeType"),
        "uri": kept.get("uri") or resource.get("uri"),
        "base64_characters": len(data) if isinstance(data, str) and data else None,
    }
    return {name: value for name, value in about.items() if value is not None}


def _cut(text: str) -> str:
    if len(text) <= TEXT_CHARACTERS:
        return text
    return f"{text[:TEXT_CHARACTERS]}\n[… {len(text) - TEXT_CHARACTERS} characters left out …]"
