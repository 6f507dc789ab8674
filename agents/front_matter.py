"""A Markdown file with front matter taken apart: its keys with their lines, the text below, and what is wrong."""

import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from orchestrion.agents.definition import CLAUDE_KEYS, CLAUDE_ONLY, AgentDefinition
from orchestrion.agents.slash_command import COMMAND_KEYS, COMMAND_ONLY, SlashCommand
from orchestrion.domain.errors import BadDefinition

MAX_BYTES = 1_000_000
HIDDEN = frozenset({"instructions", "path", "without_effect", "text"})
"""Fields that no key of a front matter sets."""
_KEY = re.compile(r"^([A-Za-z][\w-]*):[ \t]*(.*)$")
_LITERAL = CLAUDE_KEYS | COMMAND_KEYS
_Part = TypeVar("_Part", bound=BaseModel)


def read_definition(path: Path) -> AgentDefinition:
    """The agent described in `path`. Raises BadDefinition, naming the file and the line."""
    return parse_definition(_text_of(path, "an agent's"), path)


def read_command(path: Path, name: str) -> SlashCommand:
    """The slash command called `name` in `path`. Raises BadDefinition, naming the file and the line."""
    fields, text, where = _taken_apart(_text_of(path, "a command's"), path)
    ignored = {key: fields.pop(key) for key in COMMAND_ONLY & fields.keys()}
    own = {"name": name, "text": text, "path": path, "without_effect": tuple(sorted(ignored))}
    return _validated(SlashCommand, {**fields, **own}, path, where)


def parse_definition(text: str, path: Path) -> AgentDefinition:
    """The agent described by `text`; `path` gives the name where the front matter has none. Raises BadDefinition."""
    fields, below, where = _taken_apart(text, path)
    ignored = {key: fields.pop(key) for key in CLAUDE_ONLY & fields.keys() - AgentDefinition.model_fields.keys()}
    own = {"instructions": below, "path": path, "without_effect": tuple(sorted(ignored))}
    return _validated(AgentDefinition, {"name": path.stem, **fields, **own}, path, where)


def _text_of(path: Path, whose: str) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadDefinition(f"{path}: cannot be read ({error.strerror})") from error
    if len(raw) > MAX_BYTES:
        raise BadDefinition(f"{path}: {len(raw)} bytes are too many for {whose} file (at most {MAX_BYTES})")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadDefinition(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from error


def _taken_apart(text: str, path: Path) -> tuple[dict[str, Any], str, dict[str, int]]:
    """The keys of the front matter, the text below it, and the line of each key."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return {}, text.strip(), {}
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise BadDefinition(f"{path}:1: the front matter is not closed; add a line of three dashes below it")
    where = {match[1]: n for n, line in enumerate(lines[1:end], 2) if (match := _KEY.match(line))}
    return _mapping(lines[1:end], path), "\n".join(lines[end + 1 :]).strip(), where


def _mapping(lines: list[str], path: Path) -> dict[str, Any]:
    """The front matter as YAML; if it is none, again with Claude Code's one-line texts taken as they stand."""
    try:
        loaded = yaml.safe_load("\n".join(lines))
    except RecursionError as error:
        raise BadDefinition(f"{path}:2: the front matter is nested too deeply") from error
    except yaml.YAMLError as error:
        try:
            loaded = yaml.safe_load("\n".join(map(_taken_literally, lines)))
        except yaml.YAMLError:
            raise BadDefinition(_yaml_problem(error, path)) from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise BadDefinition(f"{path}:2: the front matter must be keys with values, such as `name: reviewer`")
    return loaded


def _taken_literally(line: str) -> str:
    """`key: text` of Claude Code, quoted: its files hold colons, brackets and quotes that YAML would not take."""
    match = _KEY.match(line)
    if not match or match[1] not in _LITERAL or match[2][:1] in {"", "|", ">"}:
        return line
    value = match[2]
    if value.startswith("[") and match[1] in CLAUDE_KEYS - COMMAND_KEYS:
        return line
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    quoted = value.replace("\\n", "\n").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{match[1]}: "{quoted}"'


def _yaml_problem(error: yaml.YAMLError, path: Path) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 2 if mark else 1
    return f"{path}:{line}: the front matter is no valid YAML: {getattr(error, 'problem', None) or error}"


def _validated(model: type[_Part], fields: dict[str, Any], path: Path, where: dict[str, int]) -> _Part:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        keys = [str(part) for part in first["loc"]]
        line = where.get(keys[0], 1) if keys else 1
        names = {field.alias or name for name, field in model.model_fields.items() if name not in HIDDEN}
        hint = (
            f"; known keys: {', '.join(sorted(names))}" if first["type"] == "extra_forbidden" and len(keys) == 1 else ""
        )
        message = first["msg"].removeprefix("Value error, ")
        raise BadDefinition(f"{path}:{line}: {'.'.join(keys) or 'front matter'}: {message}{hint}") from error
