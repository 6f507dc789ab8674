"""Writes the log as JSON Lines: each body before the first event that names it, each event as it is stored."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from orchestrion.cli import exits
from orchestrion.cli.asking import session_of
from orchestrion.cli.files import write
from orchestrion.cli.show import say
from orchestrion.cli.wiring import Home, opened_log, stored
from orchestrion.domain.errors import NotFound

if TYPE_CHECKING:
    from orchestrion.domain.ports import Log

ROWS = 2000


def exported(home: Home, session: str | None, output: Path | None, *, at: int | None = None) -> int:
    """Write the events of `session` (all, if None) up to position `at` to `output` (None: standard output); the exit
    code. Raises NotFound, and Refused where `session` begins several.
    """
    with opened_log(home) as log:
        lines = Lines(log, _meant(log, home, session, at), at)
        write(output, lines.encoded())
    say(f"{lines.events} events and {lines.bodies} bodies exported.")
    if lines.missing:
        say(f"{lines.missing} bodies are no longer in the log, and so are missing here.")
    return exits.OK


def _meant(log: "Log", home: Home, session: str | None, at: int | None) -> str | None:
    """The session that was named: its id, the beginning of it, or `last`."""
    if session is None:
        return None
    with stored(log, home) as store:
        return session_of(store, session, at=at)


class Lines:
    """The lines of an export, and how many there were."""

    def __init__(self, log: "Log", session: str | None = None, at: int | None = None) -> None:
        self._log, self._session, self._at = log, session, at
        self.events = self.bodies = self.missing = 0
        self._written: set[str] = set()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        after = 0
        while rows := self._log.rows(after=after, limit=ROWS):
            after = rows[-1][0]
            for position, stream, version, kind, recorded_at, raw in rows:
                if self._at is not None and position > self._at:
                    return
                state = _decoded(raw)
                if self._session is not None and not self._concerns(state):
                    continue
                yield from self._bodies_of(state)
                self.events += 1
                place = {"stream": stream, "version": version, "position": position, "recorded_at": recorded_at}
                yield {"type": "orchestrion.event", "kind": kind, **place, "state": state}

    def encoded(self) -> Iterator[bytes]:
        """The same as they are written."""
        for line in self:
            yield orjson.dumps(line) + b"\n"

    def _concerns(self, state: dict[str, Any]) -> bool:
        """Whether an event is of the session, or the ledger of an import that brought it."""
        return state.get("session") == self._session or self._session in state.get("sessions", ())

    def _bodies_of(self, state: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The bodies that an event names, each once in an export."""
        names = [ref["hash"] for ref in state.get("bodies", {}).values()]
        for name in (*names, *state.get("blocks", ())):
            if name in self._written:
                continue
            self._written.add(name)
            try:
                body = self._log.blob(name)
            except NotFound:
                self.missing += 1
                continue
            self.bodies += 1
            yield {"type": "orchestrion.body", "hash": name, **_packed(body)}


def _decoded(raw: bytes) -> dict[str, Any]:
    """A stored state; empty if it is damaged, so that the import names it."""
    try:
        state = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return state if isinstance(state, dict) else {}


def _packed(body: bytes) -> dict[str, str]:
    """A body as text where it is text."""
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}
