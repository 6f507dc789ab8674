"""Finds and reads a project's configuration file, and knows the line of every key in it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrion.domain.errors import BadDefinition, NotFound

CONFIG_NAMES = ("orchestrion.toml", "orchestrion.json", ".claude/orchestrion.json")
MAX_CONFIG_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A configuration file that was read."""

    path: Path
    text: str
    content: dict[str, Any]

    def at(self, key: str, section: str | None = None) -> str:
        """`file:line` of a key (or section), as far as the text shows it; else the file alone."""
        start = 0
        if section is not None and (found := _mention(section).search(self.text)):
            start = found.end()
        found = _mention(key).search(self.text, start)
        return f"{self.path}:{self.text.count(chr(10), 0, found.start(1)) + 1}" if found else str(self.path)


def read_config(project: Path, file: Path | None = None) -> ConfigFile | None:
    """The configuration `file`, or the nearest one from `project` upwards; None if there is none.

    Raises NotFound for a named file that is not there, BadDefinition with file and line for one with an error.
    """
    path = file or _nearest(project.resolve())
    if path is None:
        return None
    if not path.is_file():
        raise NotFound(f"there is no configuration file {path}")
    data = path.read_bytes()
    if len(data) > MAX_CONFIG_BYTES:
        raise BadDefinition(f"{path} is no configuration file: it has {len(data)} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadDefinition(f"{path}:{line}: not UTF-8 text (byte {error.start})") from error
    return ConfigFile(path, text, _parsed(path, text))


def _nearest(folder: Path) -> Path | None:
    """The project's own file: in `folder`, or above it as far as its repository's root; never from outside of it."""
    above = (folder, *folder.parents)
    root = next((i for i, place in enumerate(above) if (place / ".git").exists()), 0)
    for place in above[: root + 1]:
        found = [place / name for name in CONFIG_NAMES if (place / name).is_file()]
        if len(found) > 1:
            raise BadDefinition(f"{place} has two configurations, {found[0].name} and {found[1].name}; keep one")
        if found:
            return found[0]
    return None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    content = _json(path, text) if path.suffix == ".json" else _toml(path, text)
    if not isinstance(content, dict):
        raise BadDefinition(f'{path}:1: must be an object with sections such as "orchestration"')
    return content


def _json(path: Path, text: str) -> Any:
    import json

    def single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise BadDefinition(f"{path}: {twice!r} stands there twice")
        return dict(pairs)

    try:
        return json.loads(text, object_pairs_hook=single)
    except json.JSONDecodeError as error:
        raise BadDefinition(f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno})") from error
    except RecursionError as error:
        raise BadDefinition(f"{path}: nested too deeply for a configuration") from error


def _toml(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
        line = (place[1] if place else None) or str(text.count("\n") + 1)
        said = message[: place.start()] if place else message
        raise BadDefinition(f"{path}:{line}: not TOML: {said}") from error


def _mention(key: str) -> re.Pattern[str]:
    """Where `key` stands as a key or a section's name at the beginning of a TOML line, or quoted in JSON."""
    name = re.escape(key)
    return re.compile(rf"(?m)(?:^[ \t]*\[?[ \t]*|[{{,]\s*)(\"?{name}\"?)\s*[\]=.:]")
