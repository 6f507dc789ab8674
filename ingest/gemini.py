"""Reads Gemini CLI chats: one JSON document, or, as newer versions write, its head and its messages as lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader, kind_of, objects, spoken
from orchestrion.ingest.values import count, mapping, moment, text

ENDS: dict[str, e.CallStatus] = {"success": "ok", "error": "error", "cancelled": "interrupted"}
HEAD = {"sessionId", "projectHash"}


class GeminiReader(SessionReader):
    """Reads the head and the messages of one chat; a message that is written again, grown, tells what is new."""

    product = "gemini"

    def __init__(self) -> None:
        super().__init__()
        self._prompt: str | None = None
        self._told: set[tuple[str, str]] = set()

    def line(self, value: dict[str, Any]) -> str:  # noqa: PLR0911 - one a kind
        """Tell the head, or one message."""
        if value.keys() >= HEAD:
            return self._head(value)
        if self.session is None:
            return "no-session"
        if any(name.startswith("$") for name in value):
            return "change-of-head"
        kind, key = kind_of(value), self.own(text(value.get("id")))
        self.at = moment(value.get("timestamp"))
        match kind:
            case "user" | "gemini" | "model":
                return self._said(kind == "user", value, key)
            case "error":
                if self._first("incident", key):
                    self.incident("api_error", {"text": spoken(value.get("content"))}, key)
                return "duplicate"
            case "info" | "warning" | "about" | "help" | "stats" | "quit":
                return kind
        return f"unknown:{kind}"

    def _head(self, value: dict[str, Any]) -> str:
        session = text(value.get("sessionId"))
        if session is None or self.session is not None:
            return "no-session" if session is None else "duplicate"
        self.at = moment(value.get("startTime"))
        self.begin(session)
        return ""

    def _first(self, what: str, key: str) -> bool:
        """Whether this is told for the first time in this file."""
        new = (what, key) not in self._told
        self._told.add((what, key))
        return new

    def _said(self, person: bool, value: dict[str, Any], key: str) -> str:
        said = spoken(value.get("content"))
        if said.strip() and self._first("message", key):
            if person:
                self._prompt = key
                self.say(key, "prompt", HUMAN, MAIN, said)
            else:
                self.say(key, "response", MAIN, HUMAN, said, in_reply_to=self._prompt)
        calls = value.get("toolCalls")
        for each in objects(calls if isinstance(calls, list) else []):
            self._tool(each)
        if not person:
            self._spent(value, key)
        return "duplicate" if ("message", key) in self._told else "empty-message"

    def _tool(self, call: dict[str, Any]) -> None:
        """A call, and its return once it has ended."""
        id, message = text(call.get("id")), self.at
        if id is None:
            return
        name, status = self.own(id), ENDS.get(str(call.get("status")))
        if self._first("call", name):
            self.call(name, text(call.get("name")) or "", call.get("args"))
        if status is not None and self._first("return", name):
            self.at = moment(call.get("timestamp")) or message
            self.answer(name, status, _result(call))
            self.at = message

    def _spent(self, value: dict[str, Any], key: str) -> None:
        """Tokens: input includes what came from the cache, output excludes thoughts."""
        tokens = mapping(value.get("tokens"))
        cached = count(tokens.get("cached"))
        figures = {
            "input_tokens": max(0, count(tokens.get("input")) - cached) + count(tokens.get("tool")),
            "output_tokens": count(tokens.get("output")) + count(tokens.get("thoughts")),
            "cache_read_tokens": cached,
        }
        if any(figures.values()) and self._first(f"usage {figures}", key):
            self.tell(e.UsageRecorded, request_id=key, model=text(value.get("model")), **figures)


def _result(call: dict[str, Any]) -> Any:
    """What a tool answered: the output or error in its response, else what was shown of it."""
    results = call.get("result")
    for each in objects(results if isinstance(results, list) else []):
        response = mapping(mapping(each.get("functionResponse")).get("response"))
        if (said := text(response.get("output")) or text(response.get("error"))) is not None:
            return said
    return call.get("resultDisplay")


class Gemini:
    """The format of the chats that Gemini CLI leaves in `~/.gemini/tmp`."""

    name = "gemini"
    parser = GeminiReader.parser
    usual_place: Path | None = Path("~/.gemini/tmp")

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first line is the head of a chat without its messages."""
        return any(each.keys() >= HEAD and "messages" not in each for each in objects(values[:1]))

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The head of a chat, then its messages."""
        chat = mapping(document)
        if not (chat.keys() >= HEAD and isinstance(chat.get("messages"), list)):
            return None
        return iter([{name: each for name, each in chat.items() if name != "messages"}, *chat["messages"]])

    def reader(self, companion: dict[str, Any] | None = None) -> GeminiReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return GeminiReader()
