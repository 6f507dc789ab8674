"""A scripted mind: a FunctionModel that plays an agent's lines, and remembers what it was told.

The same script plays every run of a team: which agent is asked is read from its instructions.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


@dataclass(frozen=True)
class Say:
    """One answer of the model: tool calls as (name, parameters), or plain text."""

    calls: Sequence[tuple[str, dict[str, Any]]] = ()
    text: str | None = None


def call(tool: str, **params: Any) -> Say:
    """Call one tool."""
    return Say([(tool, params)])


def finish(**report: Any) -> Say:
    """End with a report, or a verdict."""
    return call("finish", **report)


Line = Say | Callable[[str], Say] | Exception
"""What is said; a function gets all that the model was told so far."""


@dataclass
class Script:
    """Lines by agent: each model request of a run of that agent takes the next. After the last it repeats it."""

    lines: dict[str, list[Line]]
    asked: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    heard: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """By agent, what each request held in all."""

    def model(self) -> FunctionModel:
        """As a model."""
        return FunctionModel(self._answer, model_name="script")

    def _answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        name = agent_in(info.instructions or "")
        told = text_of(messages)
        self.heard[name].append(told)
        number = self.asked[name]
        self.asked[name] += 1
        line = self.lines[name][min(number, len(self.lines[name]) - 1)]
        if isinstance(line, Exception):
            raise line
        said = line(told) if callable(line) else line
        if said.text is not None:
            return ModelResponse(parts=[TextPart(said.text)])
        return ModelResponse(parts=[ToolCallPart(tool, params) for tool, params in said.calls])


def agent_in(instructions: str) -> str:
    """Which agent a model's instructions are for."""
    agent = re.search(r"You are ([\w-]+), an agent", instructions)
    return agent[1] if agent else "planner"


def text_of(messages: list[ModelMessage]) -> str:
    """All that stands in a conversation, one part after the other."""
    parts = [part for message in messages for part in message.parts]
    return "\n".join(
        content if isinstance(content := getattr(part, "content", getattr(part, "args", "")), str)
        else json.dumps(content, default=str)
        for part in parts
    )  # fmt: skip
