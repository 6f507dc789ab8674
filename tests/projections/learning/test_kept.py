"""What a snapshot keeps ready says the same as the whole log does, whatever has happened since."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.projections import Store, build_snapshot
from orchestrion.projections.learning import kept as keeping
from orchestrion.projections.learning import query_learnings
from orchestrion.projections.learning.kept import kept, runs_of

AGENTS = ("fixer", "checker")
BEGAN = datetime.fromisoformat("2026-03-01T09:00:00+00:00")
FOLDERS = itertools.count()


def run(agent: str, number: int, *, end: bool = True, tools: tuple[str, ...] = ("Read", "Edit")) -> list[e.Event]:
    """A run with its calls, ended or not."""
    at = BEGAN + timedelta(minutes=number)
    shared: dict[str, Any] = {
        "source": "conductor", "session": f"s{number}", "run": f"s{number}/{agent}-1", "agent": agent,
    }  # fmt: skip
    told: list[e.Event] = [e.AgentStarted(**shared, happened_at=at, task="Fix the login")]
    for i, tool in enumerate(tools):
        call, begun = f"{number}-{agent}-{i}", at + timedelta(seconds=i)
        told.append(e.ToolCalled(**shared, happened_at=begun, call=call, tool=tool))
        told.append(e.ToolReturned(**shared, happened_at=begun, call=call, status="ok" if i else "error", error="no"))
    if end:
        told.append(e.AgentCompleted(**shared, happened_at=at + timedelta(seconds=30), duration_ms=30_000))
    return told


def word(kind: str, agent: str, number: int) -> list[e.Event]:
    """One fact that bears on a run, a message or a handoff told before (or on none)."""
    other = AGENTS[1 - AGENTS.index(agent)]
    session, subject, at = f"s{number}", f"s{number}/{agent}-1", BEGAN + timedelta(hours=number + 1)
    shared: dict[str, Any] = {"source": "user", "session": session, "happened_at": at}
    told: dict[str, e.Event] = {
        "judged": e.OutcomeJudged(**shared, subject=subject, verdict="rejected", by="ann"),
        "asked": e.MessageSent(**shared, run=subject, agent=agent, message=f"m{number}{agent}", sender=agent,
                               recipient=other, type="assistance_request"),
        "answered": e.MessageSent(**shared, message=f"r{number}", sender="human", recipient="all", type="response",
                                  in_reply_to=f"m{number}{agent}"),
        "handed": e.HandoffOffered(**shared, handoff=f"h{number}", giver=agent, taker=other, task="go on"),
        "done": e.HandoffCompleted(**shared, handoff=f"h{number}", taker="somebody"),
        "late": e.AgentFailed(source="hook", run=subject, reason="no", happened_at=at),
        "forked": e.SessionForked(**shared, parent="s0", shared=3),
    }  # fmt: skip
    return [told[kind]]


KINDS = ("judged", "asked", "answered", "handed", "done", "late", "forked")
ACTS = st.one_of(
    st.builds(run, st.sampled_from(AGENTS), st.integers(0, 3), end=st.booleans()),
    st.builds(word, st.sampled_from(KINDS), st.sampled_from(AGENTS), st.integers(0, 3)),
)


@pytest.fixture(scope="session")
def making(tmp_path_factory: pytest.TempPathFactory, source_of: Any) -> Callable[[], tuple[Path, Any]]:
    """A new folder each time, and what makes a snapshot's source."""
    return lambda: (tmp_path_factory.mktemp(f"kept{next(FOLDERS)}"), source_of)


@settings(max_examples=12, deadline=None)
@given(before=st.lists(ACTS, min_size=1, max_size=5), after=st.lists(ACTS, max_size=3))
def test_a_snapshot_and_its_tail_teach_what_the_whole_log_teaches(
    making: Any, rows_of: Any, log_of: Any, before: list[list[e.Event]], after: list[list[e.Event]]
) -> None:
    folder, source_of = making()
    facts = [*itertools.chain(*before), *itertools.chain(*after)]
    rows = rows_of(facts)
    cut = len(rows_of([*itertools.chain(*before)]))
    build_snapshot(source_of(log_of(rows[:cut])), folder)
    with Store(log_of(rows), folder) as quick:
        quick.catch_up()
        assert _taught(quick) == _anew(log_of(rows), folder)


@settings(max_examples=12, deadline=None)
@given(acts=st.lists(ACTS, min_size=2, max_size=6), snapped=st.booleans())
def test_what_was_kept_while_the_log_grew_is_what_the_whole_log_teaches(
    making: Any, rows_of: Any, log_of: Any, acts: list[list[e.Event]], snapped: bool
) -> None:
    folder, source_of = making()
    cuts = [len(rows_of([*itertools.chain(*acts[: upto + 1])])) for upto in range(len(acts))]
    rows = rows_of([*itertools.chain(*acts)])
    log = log_of(rows[: cuts[0]])
    if snapped:
        build_snapshot(source_of(log_of(rows[: cuts[0]])), folder)
    with Store(log, folder) as growing:
        for cut in cuts:
            log.all = rows[:cut]
            growing.catch_up()
            assert _taught(growing) == _anew(log_of(rows[:cut]), folder)


def _taught(store: Store) -> dict[str, Any]:
    known = store.query("SELECT DISTINCT agent FROM runs WHERE agent IS NOT NULL").rows
    return {agent: query_learnings(store, agent) for (agent,) in known}


def _anew(log: Any, folder: Path) -> dict[str, Any]:
    with Store(log, folder / "none") as whole:
        whole.catch_up()
        return _taught(whole)


def test_what_is_kept_of_an_agent_serves_until_something_of_it_happens(
    tmp_path: Path, rows_of: Callable[..., Any], log_of: Any, source_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = [*run("fixer", 0), *run("checker", 1)]
    build_snapshot(source_of(log_of(rows_of(facts))), tmp_path)
    log = log_of(rows_of(facts))
    asked: list[str] = []

    def asking(store: Store, agent: str, limit: int, at: int | None) -> Any:
        asked.append(agent)
        return runs_of(store, agent, limit, at)

    monkeypatch.setattr(keeping, "runs_of", asking)
    with Store(log, tmp_path) as store:
        store.catch_up()
        for agent in AGENTS:
            query_learnings(store, agent)
        assert asked == []
        log.all = rows_of([*facts, *word("judged", "fixer", 0)])
        store.catch_up()
        for _ in range(2):
            assert query_learnings(store, "checker")["basis"]["wentBadly"] == 0
            assert query_learnings(store, "fixer")["basis"]["wentBadly"] == 1
        assert asked == ["fixer"]
        log.all = rows_of([*facts, *word("judged", "fixer", 0), *word("judged", "checker", 1)])
        store.catch_up()
        assert query_learnings(store, "fixer")["basis"]["wentBadly"] == 1
        assert asked == ["fixer"]
        assert query_learnings(store, "checker")["basis"]["wentBadly"] == 1
        assert asked == ["fixer", "checker"]


def test_what_a_caller_does_with_an_answer_changes_nothing_that_is_kept(shown: Any) -> None:
    store = shown(*run("fixer", 0), *(fact for number in range(3) for fact in word("handed", "fixer", number)))
    first = query_learnings(store, "fixer")
    whole = repr(first)
    for part in first.values():
        if isinstance(part, dict):
            for value in part.values():
                if isinstance(value, list | dict):
                    value.clear()
    assert repr(query_learnings(store, "fixer")) == whole


def test_no_more_agents_are_kept_than_so_many(shown: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "KEPT_AGENTS", 1)
    store = shown(*run("fixer", 0), *run("checker", 1))
    for agent in (*AGENTS, *AGENTS):
        assert kept(store, agent).runs
    assert list(keeping._memories[store]._known) == ["checker"]
