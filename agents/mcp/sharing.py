"""What one agent of a session was told by a read-only tool, for the others that ask the same."""

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from orchestrion.agents.calling import Answer

MAX_SHARED = 1_000
"""Answers kept at once."""
Key = tuple[str, str, str]


@dataclass
class Held:
    """An answer that is there or on its way, to the call that asked first; None if it came to nothing."""

    call: str
    age: int
    runs: set[str] = field(default_factory=set)
    answer: "asyncio.Future[Answer | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Sharing:
    """A run that asks again wants to look again: only others' answers are shared. What is written makes them stale."""

    def __init__(self) -> None:
        self._held: dict[Key, Held] = {}
        self._ages: dict[str, int] = defaultdict(int)

    def holds(self, key: Key, run: str) -> Held | None:
        """Somebody else's answer to the same question, if it is still good; it may be on its way."""
        held = self._held.get(key)
        if held is None or held.age != self._ages[key[0]] or run in held.runs:
            return None
        held.runs.add(run)
        return held

    def asks(self, key: Key, run: str, call: str) -> Held:
        """From now on others wait for, or get, the answer to `call`."""
        if len(self._held) >= MAX_SHARED:
            del self._held[next(iter(self._held))]
        self._held[key] = held = Held(call, self._ages[key[0]], {run})
        return held

    def answered(self, key: Key, held: Held, answer: Answer | None) -> None:
        """The answer is there; one that is not good is nobody else's."""
        good = answer if answer is not None and answer.status == "ok" else None
        if good is None and self._held.get(key) is held:
            del self._held[key]
        if not held.answer.done():
            held.answer.set_result(good)

    def wrote(self, server: str) -> None:
        """Something was changed at `server`, or its tools are others now: what it said before may not hold."""
        self._ages[server] += 1


def key_of(server: str, tool: str, params: Any) -> Key:
    """What makes two calls the same question."""
    return server, tool, json.dumps(params, sort_keys=True, default=str)


def shared(answer: Answer, call: str) -> Answer:
    """The answer as the fact of another call says it: the same, and whose it was."""
    return Answer(answer.status, answer.error, {"shared_from": call, **answer.result})
