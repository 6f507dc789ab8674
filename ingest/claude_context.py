"""What earlier lines of a Claude Code transcript tell about a later one, within a bounded memory."""

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from orchestrion.domain.events import Event
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed

Key = TypeVar("Key")
Value = TypeVar("Value")

PARSER_VERSION = 2
"""Raised when the same lines give better facts: those supersede the older ones."""

STREAM = 1
"""The parser version of what a session told on its standard output: its transcript knows more, times above all."""

PARTIAL = 0
"""The parser version of what a file tells of things that another file knows better, and so supersedes."""

MAIN = "main"
"""The agent of a session's own run, and that run's name within the session."""

REMEMBERED_LINES = 2**18
"""Lines whose copies are recognised; a copy further behind counts as recorded, and its facts still collide."""

REMEMBERED_SPAWNS = 2**12
REMEMBERED_RUNS = 2**16
REMEMBERED_REQUESTS = 2**13


class Recent(OrderedDict[Key, Value], Generic[Key, Value]):
    """A mapping that forgets its oldest entries beyond `limit`."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def keep(self, key: Key, value: Value) -> Value:
        """Remember `value`, and return it."""
        self[key] = value
        if len(self) > self.limit:
            self.popitem(last=False)
        return value


class Origin(NamedTuple):
    """Where a line stands: its session, the run that wrote it, its own id and its time (null if it has none)."""

    session: str
    run: str
    agent_id: str | None
    """None in the session's own run."""
    uuid: str
    at: datetime | None
    copy: bool = False
    """Whether this is a copy of a subagent's line in the file of the run that spawned it."""
    parser: int = PARSER_VERSION

    @property
    def main(self) -> bool:
        """Whether the session's own run wrote it."""
        return self.agent_id is None

    @property
    def speaker(self) -> str:
        """Who speaks: `main`, or the agent's id, for its name is known only where it was spawned."""
        return self.agent_id or MAIN

    def fields(self, parser: int | None = None) -> dict[str, Any]:
        """The fields that all facts of this line share. A subagent's name stands in its `agent.started` alone."""
        return {
            "source": "transcript",
            "parser": self.parser if parser is None else parser,
            "happened_at": self.at,
            "session": self.session,
            "run": self.run,
            "agent": MAIN if self.agent_id is None else None,
        }


@dataclass(slots=True)
class Spawn:
    """A call that asks for an agent, and what is known of its answer so far."""

    call: str
    origin: Origin
    agent: str
    prompt: str
    cause: str
    agent_id: str | None = None
    answered: bool = False


@dataclass(slots=True)
class Run:
    """What this file told of a subagent's run so far."""

    strong: bool = False
    """Its spawn is known."""
    ended: bool = False
    spawn: Spawn | None = None


@dataclass(slots=True)
class Context:
    """All that the reader of one file remembers, and the facts it has to tell."""

    companion: dict[str, Any] = field(default_factory=dict)
    """What the file beside an agent's own tells of it: its type, and the call that spawned it."""
    facts: list[Fact] = field(default_factory=list)

    seen: Recent[int, None] = field(default_factory=lambda: Recent(REMEMBERED_LINES))
    roots: Recent[str, str] = field(default_factory=lambda: Recent(REMEMBERED_RUNS))
    sessions: Recent[str, bool] = field(default_factory=lambda: Recent(REMEMBERED_RUNS))
    """Sessions begun: True by a line of their own run, False by a subagent's."""
    runs: Recent[str, Run] = field(default_factory=lambda: Recent(REMEMBERED_RUNS))
    spawns: Recent[tuple[str, str], Spawn] = field(default_factory=lambda: Recent(REMEMBERED_SPAWNS))
    usage: Recent[tuple[str, str], Any] = field(default_factory=lambda: Recent(REMEMBERED_REQUESTS))
    prompts: Recent[str, str] = field(default_factory=lambda: Recent(REMEMBERED_RUNS))
    """The last prompt of each session."""
    prompt_ids: Recent[tuple[str, str], None] = field(default_factory=lambda: Recent(REMEMBERED_RUNS))
    """Ids of prompts that are told: several lines may carry one, and only the first is named by it."""

    def tell(self, event: Event) -> Fact:
        """Add a fact at its natural place in the log; returns it."""
        fact = witnessed(event)
        self.facts.append(fact)
        return fact

    def repeats(self, session: str, uuid: str) -> bool:
        """Whether a line of this id was read before in this file; remembers it."""
        key = hash((session, uuid))
        if key in self.seen:
            return True
        self.seen.keep(key, None)
        return False

    def run(self, run: str) -> Run:
        """What is known of `run`."""
        return self.runs.get(run) or self.runs.keep(run, Run())

    def root(self, uuid: str, parent: str | None) -> str:
        """The first line of the side chain that `uuid` continues: itself if its parent is on none."""
        return self.roots.keep(uuid, self.roots.get(parent or "", uuid))
