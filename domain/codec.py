"""Stored bytes to events: the closed registry, upcasts, and a plain refusal of what is newer or unknown."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from orchestrion.domain.errors import UnreadableEvent
from orchestrion.domain.events import KINDS, Event

Upcast = Callable[[dict[str, Any]], dict[str, Any]]

UPCASTS: Mapping[tuple[str, int], Upcast] = {}
"""(kind, stored version) to a function that gives the shape of the next version."""


def decode(kind: str, state: dict[str, Any]) -> Event:
    """The event of a stored `state`, whose `v` is its schema version. Raises UnreadableEvent, saying why."""
    cls = KINDS.get(kind)
    if cls is None:
        raise UnreadableEvent(f"unknown kind {kind!r}")
    fields = upcast(kind, state)
    fields.pop("v", None)
    try:
        return cls.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UnreadableEvent(f"{kind}: {where}: {first['msg']}") from error


def upcast(kind: str, state: dict[str, Any]) -> dict[str, Any]:
    """`state` in the shape of this version's `kind`. Raises UnreadableEvent if it was written by a newer one."""
    cls, version = KINDS[kind], state.get("v")
    if not isinstance(version, int):
        raise UnreadableEvent(f"{kind}: schema version {version!r} is no number")
    if version > cls.schema_version:
        raise UnreadableEvent(f"{kind}: schema version {version} is newer than ours ({cls.schema_version})")
    fields = dict(state)
    for step in range(version, cls.schema_version):
        fields = UPCASTS[kind, step](fields)
    return fields
