"""What other events of a session say of its calls, messages and runs: asked once, and kept up with what comes."""

import json
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any

from orchestrion.tui.literals import OneOf

Row = dict[str, Any]
Wanted = Mapping[str, Sequence[str]]
"""Ids of `calls`, `messages` and `runs`."""
MOST_KNOWN = 10_000
"""Calls, and messages, that are remembered: some ten megabytes. Of others the question is asked again."""
_ABOUT = {"calls": ("tool.called", "call"), "messages": ("message.sent", "message")}
"""What is named, to the kind of event that names it and the field with its id."""
_TOLD = ("position", "happened_at", "kind", "run", "agent", "call", "message")
_SAID = ("tool", "type", "sender")
"""The columns of `story_names`: those that an event has too, and those that stand in its `data`."""


class Names:
    """Rows of `story_names` by what they are about, as far as they were wanted; true of all events that it was told."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, list[Row]]] = {"calls": {}, "messages": {}, "runs": {}}
        self._turn = Lock()
        """What is heard while it is asked comes after the answer, which may not know of it yet."""

    def of(self, wanted: Wanted, ask: Callable[[Wanted], Sequence[Row]]) -> list[Row]:
        """The rows about what is `wanted`; `ask` is asked for those that are not known."""
        with self._turn:
            missing = {what: OneOf(id for id in ids if id not in self._known[what]) for what, ids in wanted.items()}
            if any(missing.values()):
                self._take(missing, ask(missing))
            return [row for what, ids in wanted.items() for id in ids for row in self._known[what].get(id, ())]

    def _take(self, missing: Wanted, rows: Sequence[Row]) -> None:
        found: dict[str, dict[str, list[Row]]] = {what: {id: [] for id in ids} for what, ids in missing.items()}
        for row in rows:
            for what, about in found.items():
                if (of_it := about.get(_id(what, row))) is not None:
                    of_it.append(row)
        for what, about in found.items():
            self._known[what] |= about

    def heard(self, event: Row, *, first: bool) -> None:
        """Take note of an event that came; `first`: nobody told of its call or message before."""
        with self._turn:
            self._hear(event, first)

    def _hear(self, event: Row, first: bool) -> None:
        for what, (kind, field) in _ABOUT.items():
            if event["kind"] == kind and (id := event[field]) is not None:
                if first:
                    self._learn(what, id, _named(event))
                else:  # of several witnesses the question knows what to believe
                    self._known[what].pop(id, None)
        run, agent = event["run"], event["agent"]
        if agent is not None and {row["agent"] for row in self._known["runs"].get(run, ())} != {agent}:
            self._known["runs"].pop(run, None)

    def _learn(self, what: str, id: str, row: Row) -> None:
        known = self._known[what]
        known[id] = [row]
        if len(known) > MOST_KNOWN:
            del known[next(iter(known))]


def _id(what: str, row: Row) -> Any:
    """Of which call, message or run a row of `story_names` tells."""
    if what == "runs":
        return row["run"] if row["agent"] is not None else None
    return row[_ABOUT[what][1]]


def _named(event: Row) -> Row:
    """An event as `story_names` has it."""
    data = json.loads(event["data"])
    return {name: event[name] for name in _TOLD} | {name: data.get(name) for name in _SAID}
