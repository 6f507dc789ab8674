"""Reads our own JSON Lines, as `export` writes them: bodies, and the events that name them, each in its place."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain.codec import decode
from orchestrion.domain.errors import UnreadableEvent
from orchestrion.domain.events import Event
from orchestrion.domain.record import Fact
from orchestrion.ingest.ledger import RECORDED, ignored
from orchestrion.ingest.telling import kind_of
from orchestrion.ingest.values import mapping, text

EVENT = "orchestrion.event"
BODY = "orchestrion.body"
VERSIONS = range(1, 2**63)


class OwnReader:
    """Reads the lines of one export; an event keeps its stream and version, so it meets itself where it stands."""

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the event of one line to `facts`, or its body to those at hand; returns the line's class."""
        line = mapping(value)
        match kind_of(line):
            case "orchestrion.event":
                return self._event(line, facts)
            case "orchestrion.body":
                return self._body(line)
            case kind:
                return ignored(f"unknown:{kind}")

    def taken(self) -> list[bytes]:
        """The bodies read since the last call."""
        bodies, self._bodies = self._bodies, []
        return bodies

    def _event(self, line: dict[str, Any], facts: list[Fact]) -> str:
        kind, stream, version = text(line.get("kind")), text(line.get("stream")), line.get("version")
        if kind is None or stream is None or not isinstance(version, int) or version not in VERSIONS:
            return ignored("no-place")
        state = mapping(line.get("state"))
        try:
            event = decode(kind, state)
        except UnreadableEvent:
            return ignored("unreadable")
        facts.append(Fact(stream, version, _as_written(event, state)))
        return RECORDED

    def _body(self, line: dict[str, Any]) -> str:
        """A body is taken only if it is what its name says."""
        said, packed = line.get("text"), line.get("base64")
        try:
            body = said.encode() if isinstance(said, str) else base64.b64decode(str(packed), validate=True)
        except (UnicodeEncodeError, binascii.Error, ValueError):
            return ignored("body-damaged")
        if hashlib.sha256(body).hexdigest() != line.get("hash"):
            return ignored("body-damaged")
        self._bodies.append(body)
        return RECORDED


def _as_written(event: Event, state: dict[str, Any]) -> Event:
    """`event` with its fields in the order in which they were stored: so it is stored again to the byte."""
    fields = event.__dict__
    ordered = {name: fields[name] for name in state if name in fields}
    object.__setattr__(event, "__dict__", ordered | fields)  # it is frozen, and only the order changes
    return event


class OwnLines:
    """The format of our own export."""

    name = "orchestrion"
    parser = 1
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first line is one of ours."""
        return any(mapping(value).get("type") in (EVENT, BODY) for value in values[:1])

    def reader(self, companion: dict[str, Any] | None = None) -> OwnReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return OwnReader()
