"""diff, why, whatif and profile: questions put to small logs whose answers are known."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.projections.inquiry import Supposition, compare, flame_svg, profile, suppose, why
from orchestrion.projections.inquiry.spans import Span, length, peak, union
from orchestrion.projections.inquiry.supposing import scheduled

BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


class Session:
    """An imported session, told event by event; times in seconds from its beginning."""

    def __init__(self, name: str) -> None:
        self.name, self.facts = name, list[e.Event]()
        self.shared: dict[str, Any] = {"source": "transcript", "session": name}
        self.facts.append(e.SessionStarted(**self.shared, product="claude-code", happened_at=at(0)))

    def run(self, agent: str, began: float, ended: float, **more: Any) -> "Session":
        who = {**self.shared, "run": f"{self.name}/{agent}", "agent": agent}
        self.facts.append(e.AgentStarted(**who, happened_at=at(began), **more))
        self.facts.append(e.AgentCompleted(**who, happened_at=at(ended), duration_ms=round((ended - began) * 1000)))
        return self

    def call(
        self, agent: str, tool: str, began: float, ended: float | None, *, status: Any = "ok", **params: Any
    ) -> str:
        who = {**self.shared, "run": f"{self.name}/{agent}", "agent": agent}
        call = f"{self.name}-{len(self.facts)}"
        self.facts.append(e.ToolCalled(**who, happened_at=at(began), call=call, tool=tool, params=params or None))
        if ended is not None:
            self.facts.append(e.ToolReturned(**who, happened_at=at(ended), call=call, status=status))
        return call

    def asked(self, agent: str, text: str, when: float) -> "Session":
        who = {**self.shared, "run": f"{self.name}/{agent}", "agent": agent}
        said = {"sender": "human", "recipient": agent, "type": "prompt", "payload": {"text": text}}
        self.facts.append(e.MessageSent(**who, message=f"{self.name}-p{when}", happened_at=at(when), **said))
        return self


@pytest.fixture
def asked_of(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """A store that has caught up with these sessions."""
    log = MemoryLog()
    stores: list[Store] = []

    def make(*sessions: Session) -> Store:
        for session in sessions:
            log.observe([witnessed(fact) for fact in session.facts])
        stores.append(Store(log, tmp_path / f"p{len(stores)}"))
        stores[-1].catch_up()
        return stores[-1]

    yield make
    for store in stores:
        store.close()
    log.close()


def team(name: str = "s") -> Session:
    """main asks two workers at the same time and waits for both; the second takes longer."""
    told = Session(name).run("main", 0, 20).asked("main", "Fix it", 0)
    one = told.call("main", "Task", 2, 8)
    other = told.call("main", "Task", 2, 18)
    told.run("quick", 2, 8, parent_run=f"{name}/main", parent_call=one)
    told.run("slow", 2, 18, parent_run=f"{name}/main", parent_call=other)
    told.call("slow", "Bash", 4, 14)
    return told


def test_a_profile_tells_where_the_time_went(asked_of) -> None:
    found = profile(asked_of(team()), "s")
    assert (found.wall_ms, found.work_ms, found.most_at_once) == (20_000, 26_000, 2)
    assert found.critical_ms == 20_000
    assert found.waiting_ms == 0
    assert (found.achieved, found.possible) == (1.3, 1.3)
    shares = {share.agent: share for share in found.agents}
    assert (shares["main"].waiting_ms, shares["main"].own_ms, shares["main"].in_tools_ms) == (16_000, 4_000, 0)
    assert shares["slow"].tools == {"Bash": 10_000}
    steps = [(step.agent, step.did, step.began_ms, step.ended_ms) for step in found.path]
    assert steps == [
        ("main", "own work", 0, 2000),
        ("slow", "own work", 2000, 4000),
        ("slow", "tool", 4000, 14_000),
        ("slow", "own work", 14_000, 18_000),
        ("main", "own work", 18_000, 20_000),
    ]


def test_a_flame_graph_is_well_formed_and_needs_nothing_else(asked_of) -> None:
    evil = Session("s").run('<script>"&\u202e', 0, 2)
    evil.call('<script>"&\u202e', "a\u0000b\x1b]0;x", 0, 1)
    drawn = flame_svg(profile(asked_of(evil), "s"))
    root = ET.fromstring(drawn)  # noqa: S314  our own output
    assert root.tag.endswith("svg")
    assert "<script" not in drawn
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert "\x1b" not in drawn


def test_a_session_without_times_has_a_profile_without_figures(asked_of) -> None:
    bare = Session("s")
    bare.facts.append(e.AgentStarted(source="conductor", session="s", run="s/a", agent="a"))
    found = profile(asked_of(bare), "s")
    assert (found.wall_ms, found.work_ms, found.achieved, found.agents) == (None, None, None, ())
    assert found.untimed_runs == ("s/a",)
    assert "nothing of known duration" in flame_svg(found)


def test_clocks_that_jump_back_leave_a_run_out_and_never_a_negative_time(asked_of) -> None:
    told = Session("s").run("good", 0, 4)
    who: dict[str, Any] = {"source": "transcript", "session": "s", "run": "s/odd", "agent": "odd"}
    told.facts += [e.AgentStarted(**who, happened_at=at(9)), e.AgentCompleted(**who, happened_at=at(1))]
    told.call("good", "Bash", 3, 2)
    found = profile(asked_of(told), "s")
    assert found.untimed_runs == ("s/odd",)
    assert found.agents[0].untimed_calls == 1
    assert all(step.ms >= 0 for step in found.path)


def test_why_goes_back_to_the_request_and_on_to_what_followed(asked_of) -> None:
    store = asked_of(team())
    bash = store.query("SELECT position FROM events WHERE kind = 'tool.called' AND run = 's/slow'").rows[0][0]
    found = why(store, bash)
    assert [link.act.kind for link in found.causes] == [
        "tool.called", "agent.started", "tool.called", "message.sent", "agent.started", "session.started",
    ]  # fmt: skip
    assert found.causes[1].by == "a call that starts an agent"
    assert [link.act.kind for link in found.followed] == ["tool.returned"]
    assert "Fix it" in found.causes[3].act.what
    everything = why(store, found.causes[-1].act.position, limit=3)
    assert len(everything.followed) == 3
    assert everything.total == store.position - 1


def test_why_refuses_a_position_that_holds_nothing(asked_of) -> None:
    with pytest.raises(NotFound, match="no event at position 999"):
        why(asked_of(team()), 999)


def test_why_says_which_cause_the_log_does_not_hold_and_survives_a_circle(asked_of) -> None:
    told = Session("s")
    who: dict[str, Any] = {"source": "transcript", "session": "s", "run": "s/a", "agent": "a"}
    call: dict[str, Any] = {**who, "tool": "x"}
    first = witnessed(e.ToolCalled(**call, call="1"))
    second = witnessed(e.ToolCalled(**call, call="2", cause=f"{first.stream}@{first.version}"))
    told.facts += [e.ToolCalled(**call, call="1", cause=f"{second.stream}@{second.version}"), second.event]
    told.facts.append(e.ToolCalled(**call, call="3", cause="run-nobody@7"))
    store = asked_of(told)
    assert [link.act.call for link in why(store, 2).causes] == ["1", "2"]
    assert why(store, 4).missing == "run-nobody@7"


def test_two_sessions_that_did_the_same_differ_in_nothing_but_time(asked_of) -> None:
    found = compare(asked_of(team("s1"), team("s2")), "s1", "s2")
    assert found.parting is None
    assert {pair.how for pair in found.pairs} == {"same"}
    assert all(same for name, _, _, same in found.aspects if name != "duration_ms")


def test_the_order_in_which_agents_side_by_side_were_recorded_is_no_difference(asked_of) -> None:
    one, other = Session("s1"), Session("s2")
    for told, order in ((one, "ab"), (other, "ba")):
        told.run("main", 0, 9)
        for worker in order:
            told.run(worker, 1, 5, parent_run=f"{told.name}/main")
            told.call(worker, "Bash", 2, 3)
    assert compare(asked_of(one, other), "s1", "s2").parting is None


def test_sessions_part_at_the_first_step_that_only_one_took(asked_of) -> None:
    one, other = Session("s1").run("main", 0, 9), Session("s2").run("main", 0, 9)
    one.call("main", "Read", 1, 2, file="a.py")
    other.call("main", "Read", 1, 2, file="b.py")
    other.call("main", "Bash", 3, 4)
    found = compare(asked_of(one, other), "s1", "s2")
    assert found.parting is not None
    assert (found.parting.how, found.parting.b.act.tool) == ("only b", "Bash")
    assert found.changed.a.act.what != found.changed.b.act.what
    assert found.as_json()["first_divergence"]["b"]["kind"] == "tool.called"


def test_a_shorter_timeout_would_have_stopped_what_took_longer(asked_of) -> None:
    store = asked_of(team())
    assert suppose(store, Supposition(timeout=60)) == []
    found = suppose(store, Supposition(timeout=10))
    assert {row.what.split()[0] for row in found} == {"s/main", "s/slow"}
    assert all(row.unknown for row in found)


def test_fewer_agents_at_once_would_have_taken_longer(asked_of) -> None:
    found = suppose(asked_of(team()), Supposition(parallel=1))
    assert [(row.recorded, row.supposed) for row in found] == [(16_000, 22_000)]
    assert suppose(asked_of(), Supposition(parallel=2)) == []


def test_a_budget_is_reached_at_a_certain_call_and_the_rest_would_not_have_been_made(asked_of) -> None:
    found = suppose(asked_of(team()), Supposition(calls=1))
    assert [(row.recorded, row.supposed) for row in found] == [(3, 1)]
    assert "1 more in" in found[0].what


def test_prices_change_the_cost_and_a_model_without_a_price_is_named(asked_of) -> None:
    class Dollar:
        def cost(self, usage: e.UsageRecorded) -> float | None:
            return usage.output_tokens / 100 if usage.model == "known" else None

    told = team()
    for number, model in enumerate(("known", "strange")):
        told.facts.append(
            e.UsageRecorded(
                **told.shared, request_id=str(number), model=model, output_tokens=200, happened_at=at(number)
            )
        )
    row = suppose(asked_of(told), Supposition(prices=Dollar()))[0]
    assert (row.recorded, row.supposed) == (None, 2.0)
    assert "strange" in row.unknown
    over = suppose(asked_of(), Supposition(tokens=300))
    assert [(row.about, row.recorded, row.supposed) for row in over] == [("budget of tokens", 400, 300)]


def test_an_empty_log_changes_in_nothing(asked_of) -> None:
    assert suppose(asked_of(), Supposition(timeout=1, parallel=1, calls=0, threshold=10)) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=20))
def test_stretches_add_up(pairs: list[tuple[int, int]]) -> None:
    stretches = [(began, began + ms) for began, ms in pairs]
    whole = union(stretches)
    assert length(whole) <= sum(ms for _, ms in pairs)
    assert all(one[1] < other[0] for one, other in pairwise(whole))
    assert peak(stretches) <= len(stretches)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), min_size=1, max_size=15), st.integers(1, 5))
def test_no_more_run_at_once_than_may_and_a_higher_limit_is_never_slower(
    pairs: list[tuple[int, int]], most: int
) -> None:
    runs = [Span(f"r{i}", "a", began, began + ms) for i, (began, ms) in enumerate(pairs)]
    begins = {limit: scheduled(runs, limit) for limit in (most, len(runs) + most)}
    spans = [(begins[most][run.id], begins[most][run.id] + run.ms) for run in runs]
    assert peak(spans) <= most
    ends = {limit: max(found[run.id] + run.ms for run in runs) for limit, found in begins.items()}
    assert ends[len(runs) + most] <= ends[most]
