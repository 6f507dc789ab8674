"""A slash command: a prompt with places for arguments, and who is to work on it in which order."""

import re
import shlex
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, field_validator

from orchestrion.agents.definition import Part

COMMAND_KEYS = frozenset({"description", "argument-hint"})
"""Keys whose value Claude Code takes as it stands, brackets and all."""
COMMAND_ONLY = frozenset(
    {
        "allowed-tools", "context", "disable-model-invocation", "effort", "hooks", "model", "paths", "shell",
        "user-invocable", "version", "when_to_use",
    }
)  # fmt: skip
"""Keys that Claude Code knows and that have no effect here."""
_PLACE = re.compile(r"\$(?:ARGUMENTS\[(\d{1,3})\]|(ARGUMENTS)\b|(\d)(?!\d)|([A-Za-z_]\w*))")


class PlannedWork(Part):
    """One agent of a command's plan."""

    agent: str
    task: str | None = None
    """What it is asked; places for arguments are filled in. Else its own task, with the command's text."""
    after: tuple[str, ...] | None = None
    """Agents that must have finished first; else those of the entry before."""

    @field_validator("after", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class SlashCommand(Part):
    """One command, as its file describes it. Claude Code's keys, and our `team` and `plan`."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    name: str
    """As it is called, without the slash: the file's name, after its folders' (`frontend:component`)."""
    description: str = ""
    argument_hint: str = Field(default="", alias="argument-hint")
    arguments: tuple[str, ...] = ()
    """Names by which the text speaks of the arguments, in order: `$issue`."""
    agent: str | None = None
    """The one agent that does it."""
    team: str | tuple[str, ...] | None = None
    """A folder of agents' files, relative to the project; or the names of those who may be called."""
    plan: tuple[tuple[PlannedWork, ...], ...] = ()
    """Phases of agents; each waits for all of the phase before."""
    without_effect: tuple[str, ...] = ()
    text: str = ""
    """The prompt, below the front matter."""
    path: Path | None = None

    @field_validator("argument_hint", mode="before")
    @classmethod
    def _hint(cls, value: object) -> object:
        """`[file]` is a list for YAML, and a hint for people."""
        return f"[{', '.join(map(str, value))}]" if isinstance(value, list) else value or ""

    @field_validator("arguments", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("plan", mode="before")
    @classmethod
    def _phases(cls, value: object) -> object:
        """An entry is an agent's name, a mapping with more, or a list of either."""
        if not isinstance(value, list):
            raise ValueError("must be a list: agents' names, or lists of those who work at the same time")
        return [[_entry(each) for each in (phase if isinstance(phase, list) else [phase])] for phase in value]

    @property
    def _takes_arguments(self) -> bool:
        return any(place[4] is None or place[4] in self.arguments for place in _PLACE.finditer(self.text))

    def filled(self, text: str, arguments: "Arguments") -> str:
        """`text` with the arguments in their places; what was not given stays as it is written.

        `$ARGUMENTS` is all of them, `$ARGUMENTS[0]` the first, `$name` one that `arguments` names. `$1` is the first,
        unless `$0` is in the command's text: then that is. (Claude Code counted from 1 once and counts from 0 now.)
        """
        first = 0 if re.search(r"\$0(?!\d)", self.text) else 1

        def value(place: re.Match[str]) -> str:
            index, everything, digit, name = place.groups()
            if everything:
                return arguments.text
            if name is not None:
                number = self.arguments.index(name) if name in self.arguments else -1
            else:
                number = int(index) if index is not None else int(digit) - first
            return arguments.words[number] if 0 <= number < len(arguments.words) else place[0]

        return _PLACE.sub(value, text)

    def prompt(self, arguments: "Arguments") -> str:
        """The command's text for these arguments; they are added below a text that has no place for any."""
        prompt = self.filled(self.text, arguments)
        if arguments.text and not self._takes_arguments:
            prompt = f"{prompt}\n\nARGUMENTS: {arguments.text}".strip()
        return prompt


class Arguments:
    """What a command was called with: the `text` as typed, and its `words`, of which quotes may make one of several."""

    def __init__(self, text: str, words: list[str] | None = None) -> None:
        self.text = text.strip()
        self.words = _split(self.text) if words is None else words


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed is one that was meant
        return text.split()


def _entry(value: Any) -> Any:
    return {"agent": value} if isinstance(value, str) else value
