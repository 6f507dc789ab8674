"""Our entries in a Claude Code settings file: put in, taken out, and nothing else touched."""

import json
import re
from pathlib import Path
from typing import Any

from orchestrion.domain.errors import BadDefinition
from orchestrion.ingest.hooks.events import EVENTS, NOT_ASKED_FOR
from orchestrion.ingest.hooks.json_text import Container, Item, container, inserted, line_of, removed

TIMEOUT_SECONDS = 5
"""After this the client gives up on the hook; it takes some 50 ms."""

ASKED_FOR = tuple(event for event in EVENTS if event not in NOT_ASKED_FOR)

COMMAND_ONLY = frozenset({"SessionStart"})
"""Events that Claude Code (2.1.330) never posts: they keep a command where the others are posted."""

_OURS = re.compile(r"orchestrion(?:-hook|(?:\.exe)?['\"]? hook|\.cli\.hook)(?![\w-])")
_OUR_URL = re.compile(r"http://127\.0\.0\.1:\d+/hooks/[\w-]+")


def with_hooks(text: str, command: str, path: Path, url: str | None = None) -> str:
    """The settings `text` with `command` hooked to every event that is asked for; as it is if that stands there.

    With a `url` events are posted there instead, but for those that never are. Older hooks of ours give way.
    Raises BadDefinition, naming `path` and line, for settings with an error.
    """
    checked(text, path)
    wanted = {event: command if url is None or event in COMMAND_ONLY else url for event in ASKED_FOR}
    found = [(event, name) for event, _, _, name in _ours(text)]
    if sorted(found) == sorted(wanted.items()):
        return text
    text = without_hooks(text, path)
    if container(text).get("hooks") is None:
        text = inserted(text, container(text), {}, "hooks")
    for event, target in wanted.items():
        how = {"type": "http", "url": url} if target == url else {"type": "command", "command": command}
        entry = {"hooks": [{**how, "timeout": TIMEOUT_SECONDS}]}
        hooks = _hooks(text)
        at = hooks.get(event)
        text = inserted(text, hooks, [entry], event) if at is None else inserted(text, container(text, at.value), entry)
    return text


def without_hooks(text: str, path: Path) -> str:
    """The settings `text` without any command of ours, and without the lists and objects that this leaves empty.

    Raises BadDefinition for settings with an error.
    """
    checked(text, path)
    while (found := next(iter(_ours(text)), None)) is not None:
        event, group, index, _ = found
        text = _without(text, event, group, index)
    return text


def checked(text: str, path: Path) -> None:
    """Raise BadDefinition, naming file and line, unless `text` is a settings file whose hooks we can add to."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadDefinition(f"{path}:{error.lineno}: not JSON: {error.msg} (column {error.colno}); mend it") from error
    except RecursionError as error:
        raise BadDefinition(f"{path}: nested too deeply for settings") from error
    if not isinstance(content, dict):
        raise BadDefinition(f"{path}:1: settings must be a JSON object")
    hooks = container(text).get("hooks")
    if hooks is None:
        return
    if not isinstance(hooks.content, dict):
        raise BadDefinition(f'{path}:{line_of(text, hooks.start)}: "hooks" must be an object of events')
    for event in container(text, hooks.value).items:
        if not isinstance(event.content, list):
            raise BadDefinition(f"{path}:{line_of(text, event.start)}: the hooks of {event.key} must be a list")


def _hooks(text: str) -> Container:
    member = container(text).get("hooks")
    assert member is not None  # noqa: S101  `with_hooks` has put it there
    return container(text, member.value)


def _ours(text: str) -> list[tuple[str, int, int, str]]:
    """(event, index of the group, index of the hook, command or URL) of each hook of ours."""
    member = container(text).get("hooks")
    events: dict[str, Any] = member.content if member else {}
    return [
        (event, group, index, name)
        for event, groups in events.items()
        for group, entry in enumerate(groups)
        for index, hook in enumerate(_list(entry))
        if (name := _name(hook)) is not None
    ]


def _name(hook: Any) -> str | None:
    """The command or URL of a hook of ours; None for those of others."""
    said = hook if isinstance(hook, dict) else {}
    command, url = said.get("command"), said.get("url")
    if isinstance(command, str) and _OURS.search(command):
        return command
    return url if isinstance(url, str) and _OUR_URL.fullmatch(url) else None


def _list(entry: Any) -> list[Any]:
    hooks = entry.get("hooks") if isinstance(entry, dict) else None
    return hooks if isinstance(hooks, list) else []


def _without(text: str, event: str, group: int, index: int) -> str:
    """`text` without one hook, taking along whatever holds nothing but it."""
    root = container(text)
    hooks_at = _index(root, "hooks")
    hooks = container(text, root.items[hooks_at].value)
    event_at = _index(hooks, event)
    groups = container(text, hooks.items[event_at].value)
    entry = container(text, groups.items[group].value)
    listed = container(text, _member(entry, "hooks").value)
    holders = [(root, hooks_at), (hooks, event_at), (groups, group), (listed, index)]
    whole = [len(hooks.items) == 1, len(groups.items) == 1, len(listed.items) == 1]
    depth = 3
    while depth > 0 and whole[depth - 1]:
        depth -= 1
    return removed(text, *holders[depth])


def _index(of: Container, key: str) -> int:
    return of.items.index(_member(of, key))


def _member(of: Container, key: str) -> Item:
    member = of.get(key)
    assert member is not None  # noqa: S101  `_ours` has seen it
    return member
