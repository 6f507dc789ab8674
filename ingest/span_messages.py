"""Finds the words in a span's attributes: what an agent or a model was asked, and what it answered.

Sources: OpenTelemetry's GenAI conventions (messages of parts, as JSON), OpenLLMetry's (`gen_ai.prompt.0.content`),
OpenInference's (`llm.input_messages.0.message.content`) and Pydantic AI's (`pydantic_ai.all_messages`).
"""

import re
from collections.abc import Mapping
from typing import Any

from orchestrion.ingest.spans import first, told
from orchestrion.ingest.telling import objects
from orchestrion.ingest.values import mapping, text

MOST = 64
"""Messages that are looked at in one span; requests to models repeat their whole history."""

_ASKED = ("gen_ai.input.messages", "pydantic_ai.all_messages", "gen_ai.prompt")
_ANSWERED = ("gen_ai.output.messages", "gen_ai.completion")
_NUMBERED_ASKED = (
    re.compile(r"gen_ai\.prompt\.(\d+)\.(role|content)"),
    re.compile(r"llm\.input_messages\.(\d+)\.message\.(role|content)"),
)
_NUMBERED_ANSWERED = (
    re.compile(r"gen_ai\.completion\.(\d+)\.(role|content)"),
    re.compile(r"llm\.output_messages\.(\d+)\.message\.(role|content)"),
)


def asked(attributes: Mapping[str, Any]) -> str | None:
    """The words of the user's first message, if the span holds any."""
    messages = _messages(attributes, _ASKED, _NUMBERED_ASKED)
    return next((said for each in messages if each.get("role") == "user" and (said := _said(each))), None)


def lately_asked(attributes: Mapping[str, Any]) -> str | None:
    """The words that the user said since the model's last answer: what is new in a request."""
    new: list[str] = []
    for each in reversed(_messages(attributes, _ASKED, _NUMBERED_ASKED)):
        if each.get("role") != "user":
            break
        new.append(_said(each))
    return "\n\n".join(said for said in reversed(new) if said) or None


def answered(attributes: Mapping[str, Any]) -> str | None:
    """The words of the answer, if the span holds any."""
    said = [_said(each) for each in _messages(attributes, _ANSWERED, _NUMBERED_ANSWERED)]
    return "\n\n".join(each for each in said if each) or None


def _messages(
    attributes: Mapping[str, Any], names: tuple[str, ...], numbered: tuple[re.Pattern[str], ...]
) -> list[dict[str, Any]]:
    """The last messages under one of `names`, else those whose attributes are numbered."""
    whole = told(first(attributes, names))
    if isinstance(whole, list):
        return objects(whole[:1] + whole[1:][-MOST:])
    for pattern in numbered:
        found: dict[int, dict[str, Any]] = {}
        for name, value in attributes.items():
            if (match := pattern.fullmatch(name)) is not None and len(match[1]) < 10:
                found.setdefault(int(match[1]), {})[match[2]] = value
        if found:
            return [found[number] for number in sorted(found)][-MOST:]
    return []


def _said(message: dict[str, Any]) -> str:
    """The words of one message: its content, or its parts that are text."""
    content = told(message.get("content"))
    if isinstance(content, str):
        return content
    parts = message.get("parts") if isinstance(message.get("parts"), list) else content
    if not isinstance(parts, list):
        return ""
    words = [text(part.get("content")) or text(part.get("text")) for part in objects(parts) if _is_text(part)]
    return "\n\n".join(word for word in words if word)


def _is_text(part: dict[str, Any]) -> bool:
    return mapping(part).get("type", "text") in ("text", "input_text", "output_text")
