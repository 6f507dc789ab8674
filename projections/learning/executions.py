"""The newest runs of an agent as learning sees them, read from the views; nothing is stored twice."""

import difflib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from orchestrion.domain.errors import NotFound
from orchestrion.domain.inert import one_line
from orchestrion.projections.learning.kept import KEPT_RUNS, Kept, kept, runs_of
from orchestrion.projections.learning.similarity import ALIKE, Task, similarity, technologies_of, words
from orchestrion.projections.store import Store

MAX_EXECUTIONS = 100
"""Runs of an agent that are looked at, the newest by their own times (`learning.maxExecutionsPerAgent`)."""
ENOUGH = 3
"""Runs below which nothing is said."""
Closeness = Callable[[str, str], float]
"""How near two texts are in meaning, from 0 to 1; where none is given, texts are compared by their words."""


class Failure(NamedTuple):
    """A tool call that did not come back well."""

    call: str
    tool: str | None
    said: str
    position: int


class Execution(NamedTuple):
    """One run; a plain tuple, for a hundred are made for each question.

    `good` is from 0 (badly) to 1 (well), None where nobody knows; `duration_ms` None likewise.
    """

    run: str
    session: str | None
    agent: str
    task: str | None
    status: str
    started_at: datetime | None
    duration_ms: int | None
    good: float | None
    position: int
    tools: tuple[str, ...] = ()
    """In order, repeats in a row once."""
    used: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    beside: tuple[tuple[str, str], ...] = ()
    """Pairs of tools of which one began before the other had returned."""
    files: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    complaints: tuple[str, ...] = ()
    """Why it failed, was refused or judged bad."""
    calls: int = 0
    judged_at: tuple[int, ...] = ()
    held: bool | None = None
    """Whether the interval that was estimated before it held its duration; None where there was none."""

    @property
    def evidence(self) -> tuple[int, ...]:
        """The run's position and those of its judgements."""
        return (self.position, *self.judged_at)


def executions(
    store: Store, agent: str, *, limit: int = MAX_EXECUTIONS, at: int | None = None, ready: Kept | None = None
) -> tuple[Execution, ...]:
    """The newest `limit` runs of `agent`, the newest first. Raises NotFound for a name the log does not know.

    `ready` is what is kept of the agent, if the caller has asked for it (`ready_for`).
    """
    ready = ready or ready_for(store, agent, limit, at)
    rows = ready.runs[:limit] if ready else runs_of(store, agent, limit, at)
    if not rows:
        must_be_known(store, agent, at)
    return _owned([execution_of(row) for row in rows])


def ready_for(store: Store, agent: str, limit: int, at: int | None) -> Kept | None:
    """What is kept of `agent`, if that is enough for its newest `limit` runs as of position `at`."""
    return kept(store, agent) if at is None and limit <= KEPT_RUNS else None


def alike(runs: Iterable[Execution], task: Task, closeness: Closeness | None = None) -> tuple[Execution, ...]:
    """Those of `runs` that are similar to `task` (see `similarity.ALIKE`)."""
    if task.says_nothing and closeness is None:
        return tuple(runs)
    return tuple(run for run in runs if likeness(run, task, closeness) >= ALIKE)


def likeness(run: Execution, task: Task, closeness: Closeness | None = None) -> float:
    """How similar `run` is to `task`, from 0 to 1."""
    return similarity(
        task,
        said=words(run.task),
        calls=run.calls,
        files=run.files,
        technologies=technologies_of(run.files, run.servers) if task.technologies else frozenset(),
        meant=_meant(run.task, task.text, closeness),
    )


def _meant(done: str | None, asked: str | None, closeness: Closeness | None) -> float | None:
    if closeness is None or not asked:
        return None
    return closeness(asked, done) if done else 0.0


def evidence_of(runs: Iterable[Execution]) -> list[int]:
    """The positions that `runs` stand at, rising, each once."""
    return sorted({position for run in runs for position in run.evidence})


def weights(runs: Iterable[Execution]) -> tuple[float, float]:
    """How much went well and how much badly; a run on which judges disagree counts in part for each."""
    known = [run.good for run in runs if run.good is not None]
    return sum(known), len(known) - sum(known)


def learning_records(
    store: Store, agent: str, *, limit: int = MAX_EXECUTIONS, at: int | None = None
) -> list[dict[str, Any]]:
    """The learning record of each of the newest runs of `agent`, as the specification nests it. Raises NotFound."""
    newest = "SELECT * FROM learn_records WHERE agent = $agent ORDER BY timestamp DESC NULLS LAST, run LIMIT $limit"
    table = store.query(newest, {"agent": agent, "limit": limit}, at=at)
    if not table.rows:
        must_be_known(store, agent, at)
    return [_record(row) for row in table.dicts()]


def _record(row: dict[str, Any]) -> dict[str, Any]:
    head = {name: row[name] for name in ("agent", "run", "timestamp", "position")}
    parts = ("successPatterns", "failures", "discoveries", "collaboration", "outcomes")
    return {**head, "sessionId": row["session"], **{name: orjson.loads(row[name]) for name in parts}}


def execution_of(row: Sequence[Any]) -> Execution:
    """The run of a row of `COLUMNS`, as a view or as JSON tells it."""
    (run, session, agent, task, status, began, duration, good, objections, reason, refused_because, modified, calls,
     position, judged_at, low, high, told) = row  # fmt: skip
    taught: dict[str, Any] = orjson.loads(told) if isinstance(told, str) else told or {}
    said = (*(objections or ()), refused_because, reason if good == 0 else None)
    return Execution(
        run,
        session,
        agent,
        task,
        status,
        datetime.fromisoformat(began) if isinstance(began, str) else began,
        duration,
        good,
        position,
        tools=tuple(taught.get("tools", ())),
        used=tuple(taught.get("used", ())),
        servers=tuple(taught.get("servers", ())),
        beside=tuple([(one, other) for one, other in taught.get("beside", ())]),
        files=tuple(dict.fromkeys([*(modified or ()), *taught.get("files", ())])),
        failures=tuple([_failure(failure) for failure in taught.get("failures", ())]),
        complaints=tuple(dict.fromkeys([text for text in said if text])),
        calls=calls,
        judged_at=tuple(judged_at or ()),
        held=_held(duration, low, high),
    )


def _held(duration: int | None, low: int | None, high: int | None) -> bool | None:
    if duration is None or low is None or high is None:
        return None
    return low <= duration <= high


def _failure(told: dict[str, Any]) -> Failure:
    return Failure(told["call"], told["tool"], told["said"] or str(told["status"]), told["position"])


def _owned(newest_first: Sequence[Execution]) -> tuple[Execution, ...]:
    """A failed call that a forked session replays counts for one run alone: the elder, of equals the first by name."""
    failed = [failure.call for run in newest_first for failure in run.failures]
    if len(set(failed)) == len(failed):
        return tuple(newest_first)
    owner: dict[str, str] = {}
    for run in sorted(newest_first, key=lambda run: (run.started_at or datetime.max, run.run)):
        for failure in run.failures:
            owner.setdefault(failure.call, run.run)
    return tuple(_without_replays(run, owner) for run in newest_first)


def _without_replays(run: Execution, owner: dict[str, str]) -> Execution:
    own = tuple(failure for failure in run.failures if owner[failure.call] == run.run)
    if len(own) == len(run.failures):
        return run
    return run._replace(failures=own)


def must_be_known(store: Store, agent: str, at: int | None) -> None:
    """Raises NotFound, with the nearest name, for one that the log knows no agent by."""
    known = "SELECT agent FROM runs WHERE agent IS NOT NULL UNION SELECT agent FROM roster ORDER BY agent"
    names = [str(row[0]) for row in store.query(known, at=at).rows]
    if agent in names:
        return
    if not names:
        raise NotFound("the log knows no agent yet; `orchestrion run` or `import` adds their runs")
    near = difflib.get_close_matches(agent, names, n=1, cutoff=0.0)[0]
    raise NotFound(f"the log knows no agent {one_line(agent)!r}; the nearest it knows is {one_line(near)!r}")
