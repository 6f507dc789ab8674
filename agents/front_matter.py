"""An agent's Markdown file taken apart: the front matter as keys with their lines, and the text below."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from orchestrion.agents.definition import CLAUDE_KEYS, AgentDefinition
from orchestrion.domain.errors import BadDefinition

MAX_BYTES = 1_000_000
_KEY = re.compile(r"^([A-Za-z][\w-]*):[ \t]*(.*)$")


def read_definition(path: Path) -> AgentDefinition:
    """The agent described in `path`. Raises BadDefinition, naming the file and the line."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadDefinition(f"{path}: cannot be read ({error.strerror})") from error
    if len(raw) > MAX_BYTES:
        raise BadDefinition(f"{path}: {len(raw)} bytes are too many for an agent's file (at most {MAX_BYTES})")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadDefinition(f"{path}:{line}: is not UTF-8 text; save it as UTF-8") from error
    return parse_definition(text, path)


def parse_definition(text: str, path: Path) -> AgentDefinition:
    """The agent described by `text`; `path` gives the name where the front matter has none. Raises BadDefinition."""
    lines = text.splitlines()
    if not lines or lines[0].strip() != "---":
        return _validated({"name": path.stem}, text.strip(), path, {})
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    if end is None:
        raise BadDefinition(f"{path}:1: the front matter is not closed; add a line of three dashes below it")
    fields = _mapping(lines[1:end], path)
    where = {match[1]: n for n, line in enumerate(lines[1:end], 2) if (match := _KEY.match(line))}
    fields.setdefault("name", path.stem)
    return _validated(fields, "\n".join(lines[end + 1 :]).strip(), path, where)


def _mapping(lines: list[str], path: Path) -> dict[str, Any]:
    """The front matter as YAML; if it is none, again with Claude Code's one-line texts taken as they stand."""
    try:
        loaded = yaml.safe_load("\n".join(lines))
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
    """`key: text` of Claude Code, quoted: its files hold colons and quotes that YAML would not take."""
    match = _KEY.match(line)
    if not match or match[1] not in CLAUDE_KEYS or match[2][:1] in {"", "|", ">", "["}:
        return line
    value = match[2]
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        value = value[1:-1]
    quoted = value.replace("\\n", "\n").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'{match[1]}: "{quoted}"'


def _yaml_problem(error: yaml.YAMLError, path: Path) -> str:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 2 if mark else 1
    return f"{path}:{line}: the front matter is no valid YAML: {getattr(error, 'problem', None) or error}"


def _validated(fields: dict[str, Any], instructions: str, path: Path, where: dict[str, int]) -> AgentDefinition:
    try:
        return AgentDefinition.model_validate({**fields, "instructions": instructions, "path": path})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        keys = [str(part) for part in first["loc"]]
        line = where.get(keys[0], 1) if keys else 1
        known = ", ".join(sorted(set(AgentDefinition.model_fields) - {"instructions", "path"}))
        hint = f"; known keys: {known}" if first["type"] == "extra_forbidden" and len(keys) == 1 else ""
        message = first["msg"].removeprefix("Value error, ")
        raise BadDefinition(f"{path}:{line}: {'.'.join(keys) or 'front matter'}: {message}{hint}") from error
