"""A log of any size that reads like imported sessions: trunks and subagents, calls of uneven size, answers, usage."""

import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import witnessed

TOOLS = {"Bash": 38, "Read": 27, "Edit": 14, "Grep": 9, "Write": 5, "Glob": 3, "Task": 2, "mcp__memory__search": 2}
TEXT = "the test fails because a path is missing so read the file change one line and run everything again"
WORDS = TEXT.split(" ")


def facts(count: int, seed: int = 7) -> Iterator[Fact]:
    """`count` facts, session after session; the same seed gives the same facts."""
    made = (fact for number in itertools.count() for fact in _session(random.Random(seed * 1_000_003 + number), number))  # noqa: S311 - chance, no secret
    return itertools.islice(made, count)


def _session(chance: random.Random, number: int) -> Iterator[Fact]:
    session = f"{number:08x}-5a1e-4f00-9c3d-{chance.randrange(16**12):012x}"
    clock = _Clock(chance, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * number))
    common: dict[str, Any] = {"source": "transcript", "session": session, "parser": 1}
    trunk = f"{session}/main"
    yield witnessed(
        e.SessionStarted(
            product="claude-code", project=f"/src/p{number % 40}", client="2.1.9", happened_at=clock(), **common
        )
    )
    yield witnessed(e.AgentStarted(run=trunk, agent="main", happened_at=clock(), **common))
    yield from _turns(
        chance, clock, {**common, "run": trunk, "agent": "main"}, chance.randrange(20, 160), f"{number:x}"
    )
    for sub in range(chance.choice([0, 0, 1, 3])):
        run = {**common, "run": f"{session}/a{sub}", "agent": chance.choice(["reviewer", "explorer", "tester"])}
        yield witnessed(e.AgentStarted(task=_text(chance, 20), parent_run=trunk, happened_at=clock(), **run))
        yield from _turns(chance, clock, run, chance.randrange(5, 60), f"{number:x}s{sub}")
        yield witnessed(e.AgentCompleted(summary=_text(chance, 30), happened_at=clock(), **run))


def _turns(chance: random.Random, clock: "_Clock", who: dict[str, Any], turns: int, mark: str) -> Iterator[Fact]:
    for turn in range(turns):
        name = f"{mark}x{turn:x}"
        if turn % 12 == 0:
            yield witnessed(
                e.MessageSent(
                    message=f"p{name}", sender="human", recipient="main", type="prompt",
                    payload={"text": _text(chance, 25)}, happened_at=clock(), **who,
                )
            )  # fmt: skip
        yield witnessed(
            e.UsageRecorded(
                request_id=f"req{name}", model="claude-opus-4", input_tokens=chance.randrange(9),
                output_tokens=chance.randrange(1500), cache_read_tokens=chance.randrange(150_000),
                cache_write_tokens=chance.randrange(4000), happened_at=clock(), **who,
            )
        )  # fmt: skip
        for index in range(chance.choice([1, 1, 1, 2, 3])):
            yield from _call(chance, clock, who, f"toolu_{name}_{index}")
        if chance.random() < 0.4:
            said = {"text": _text(chance, int(chance.lognormvariate(3, 0.8)))}
            yield witnessed(
                e.MessageSent(
                    message=f"m{name}", sender=who["agent"], recipient="human", type="response", payload=said,
                    happened_at=clock(), **who,
                )
            )  # fmt: skip


def _call(chance: random.Random, clock: "_Clock", who: dict[str, Any], call: str) -> Iterator[Fact]:
    tool = chance.choices(list(TOOLS), list(TOOLS.values()))[0]
    params = {"file_path": f"/src/p/{chance.choice(WORDS)}.py", "command": _text(chance, 9)}
    yield witnessed(e.ToolCalled(call=call, tool=tool, params=params, happened_at=clock(), **who))
    if chance.random() < 0.002:
        return
    failed = chance.random() < 0.05
    result = _text(chance, min(400, int(chance.lognormvariate(3, 1))))
    yield witnessed(
        e.ToolReturned(call=call, status="error" if failed else "ok", result=result, happened_at=clock(), **who)
    )


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=max(1, words)))


class _Clock:
    """Moments that mostly go forward, as recorded ones do."""

    def __init__(self, chance: random.Random, now: datetime) -> None:
        self._chance, self._now = chance, now

    def __call__(self) -> datetime:
        self._now += timedelta(milliseconds=self._chance.randrange(-40, 4000))
        return self._now
