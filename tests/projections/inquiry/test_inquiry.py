"""diff, why, whatif and profile: questions put to small logs whose answers are known."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.projections.inquiry import Supposition, compare, flame_svg, profile, suppose, why
from orchestrion.projections.inquiry.profiling import Backwards, path_of
from orchestrion.projections.inquiry.spans import Span, Timed, length, peak, union
from orchestrion.projections.inquiry.supposing import scheduled
from orchestrion.projections.learning.routing import Counts, draw

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

    def used(self, agent: str, request: str, tokens: int, when: float, model: str | None = None) -> "Session":
        who = {**self.shared, "run": f"{self.name}/{agent}", "agent": agent}
        self.facts.append(
            e.UsageRecorded(**who, request_id=request, output_tokens=tokens, model=model, happened_at=at(when))
        )
        return self

    def handed(self, giver: str, taker: str, when: float) -> "Session":
        runs = {"run": f"{self.name}/{giver}", "taker_run": f"{self.name}/{taker}"}
        who = {**self.shared, **runs, "giver": giver, "taker": taker, "task": "go on"}
        self.facts.append(e.HandoffOffered(**who, handoff=f"{self.name}-h{when}", happened_at=at(when)))
        return self

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


def test_a_run_that_outlasts_who_started_it_is_on_the_critical_path(asked_of) -> None:
    told = Session("s").run("main", 0, 5).run("watcher", 2, 20, parent_run="s/main").run("late", 30, 31)
    found = profile(asked_of(told), "s")
    steps = [(step.agent, step.did, step.began_ms, step.ended_ms) for step in found.path]
    assert steps == [
        ("main", "own work", 0, 2000), ("watcher", "own work", 2000, 20_000),
        ("late", "waiting", 20_000, 30_000), ("late", "own work", 30_000, 31_000),
    ]  # fmt: skip
    assert (found.wall_ms, found.critical_ms, found.waiting_ms) == (31_000, 21_000, 10_000)


def test_agents_that_hand_work_to_and_fro_take_no_longer_than_passed(asked_of) -> None:
    talking = Session("t").run("asker", 0, 9).run("doer", 1, 10).handed("asker", "doer", 2).handed("doer", "asker", 7)
    found = profile(asked_of(talking), "t")
    assert found.critical_ms + found.waiting_ms == found.wall_ms == 10_000


def test_one_moment_is_no_time_that_a_run_took(asked_of) -> None:
    told = Session("s").run("good", 0, 4).asked("seen-once", "Hello", 2)
    assert profile(asked_of(told), "s").untimed_runs == ("s/seen-once",)


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


def test_a_limit_of_agents_sees_what_an_imported_team_did_side_by_side_though_it_handed_work_over(asked_of) -> None:
    """Handoffs make no plan: the helpers are still those who work side by side, and main who waits for them."""
    helped = team().handed("main", "quick", 2).handed("quick", "slow", 3)
    (row,) = suppose(asked_of(helped), Supposition(parallel=1))
    assert (row.recorded, row.supposed) == (16_000, 22_000)
    talking = Session("t").run("asker", 0, 9).run("doer", 1, 8).handed("asker", "doer", 2).handed("doer", "asker", 7)
    rows = [row for row in suppose(asked_of(talking), Supposition(parallel=1)) if row.session == "t"]
    assert [(row.recorded, row.supposed) for row in rows] == [(9000, 16_000)]


def test_a_budget_ends_a_session_before_the_act_that_it_no_longer_allows(asked_of) -> None:
    """As `agents/budget.py` does it: it is asked before a run, a call and a request, and ends what has reached it."""
    store = asked_of(team().used("main", "r1", 100, 1).used("main", "r2", 100, 19))
    found = {calls: suppose(store, Supposition(calls=calls)) for calls in range(5)}
    reached = {calls: [(row.recorded, row.supposed) for row in rows] for calls, rows in found.items()}
    assert reached == {0: [(3, 0)], 1: [(3, 1)], 2: [(3, 2)], 3: [(3, 3)], 4: []}
    assert "before the call of Task at position" in found[1][0].what
    assert "without 2 tool calls, 1 model request, 2 runs: " in found[1][0].what
    assert "without 1 model request: the session has made all of its 3 tool calls" in found[3][0].what
    assert "without 3 tool calls, 2 model requests, 3 runs" in found[0][0].what


def test_a_session_that_spends_its_budget_with_its_last_act_is_not_stopped(asked_of) -> None:
    store = asked_of(team().used("main", "r1", 100, 1).used("main", "r2", 100, 19))
    assert suppose(store, Supposition(tokens=200)) == []
    (row,) = suppose(store, Supposition(tokens=100))
    assert (row.recorded, row.supposed) == (200, 100)
    (row,) = suppose(store, Supposition(tokens=99))
    assert (row.recorded, row.supposed, row.evidence[0] > 0) == (200, 100, True)


def test_what_a_model_costs_that_has_no_price_ends_a_budget_of_money(asked_of) -> None:
    class Cent:
        def cost(self, usage: e.UsageRecorded) -> float | None:
            return usage.output_tokens / 100 if usage.model == "known" else None

    told = team().used("main", "r1", 100, 1, "known").used("main", "r2", 100, 19, "known")
    assert suppose(asked_of(told), Supposition(cost=2.0, against=Cent())) == []
    (row,) = suppose(asked_of(), Supposition(cost=0.5, against=Cent()))
    assert (row.recorded, row.supposed) == (2, 1)
    (row,) = suppose(asked_of(team("s2").used("main", "r3", 1, 1)), Supposition(cost=9, against=Cent()), session="s2")
    assert (row.recorded, row.supposed) == (None, None)
    assert "the price of the model that was not named is not known" in row.what


def test_the_time_in_which_a_person_was_asked_is_not_the_runs(asked_of) -> None:
    told = Session("s").run("a", 0, 10)
    who: dict[str, Any] = {"source": "conductor", "session": "s", "run": "s/a", "agent": "a", "approval": "c"}
    told.facts.append(e.ApprovalRequested(**who, call="c", tool="Bash", happened_at=at(1)))
    told.facts.append(e.ApprovalGiven(**who, verdict="approved", by="ann", happened_at=at(5)))
    store = asked_of(told)
    assert suppose(store, Supposition(timeout=6.001)) == []
    (row,) = suppose(store, Supposition(timeout=6))
    assert (row.recorded, row.supposed) == ("completed", "timed_out")


PLANNED = {"source": "conductor", "session": "s", "happened_at": BEGAN}


def chosen(rationale: str | None) -> Session:
    """A session of ours whose plan chose between two agents."""
    told = Session("s")
    task = e.PlannedTask(id="t", agent="a", task="Fix it", able=("a", "b"), rationale=rationale)
    plan = {"request": "Fix it", "planner": "vocabulary", "tasks": (task,), "phases": (("a",),)}
    told.facts = [e.SessionStarted(**PLANNED, product="orchestrion"), e.PlanMade(**PLANNED, **plan)]
    return told


@pytest.mark.parametrize("seed", range(12))
def test_a_choice_is_drawn_again_by_the_seed_that_was_recorded_with_it(asked_of, seed: int) -> None:
    drawn, rationale = draw([Counts("a", 0, 0), Counts("b", 0, 0)], seed)
    rows = suppose(asked_of(chosen(rationale)), Supposition(routing="learned"))
    assert [(row.supposed, row.what) for row in rows] == ([] if drawn == "a" else [("b", rationale)])


def test_a_choice_without_a_recorded_seed_cannot_be_drawn_again(asked_of) -> None:
    (row,) = suppose(asked_of(chosen(None)), Supposition(routing="learned"))
    assert (row.recorded, row.supposed) == ("a", None)
    assert "no seed was recorded" in row.what
    assert row.unknown == "whom the draw would have chosen"
    assert suppose(asked_of(), Supposition(routing="fixed")) == []


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
    assert [(row.about, row.recorded, row.supposed) for row in over] == [("budget of tokens", 400, 400)]


def test_an_empty_log_changes_in_nothing(asked_of) -> None:
    assert suppose(asked_of(), Supposition(timeout=1, parallel=1, calls=0, threshold=10)) == []


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)), max_size=20))
def test_stretches_add_up(pairs: list[tuple[int, int]]) -> None:
    stretches = [(began, began + ms) for began, ms in pairs]
    whole = union(stretches)
    assert length(whole) <= sum(ms for _, ms in pairs)
    assert all(one[1] < other[0] for one, other in pairwise(whole))
    assert peak(stretches) <= len(stretches)


@st.composite
def teams(draw: st.DrawFn) -> Timed:
    """Runs that began and ended at any time, started by any run before them or by none, some after others."""
    runs: dict[str, Span] = {}
    for number in range(draw(st.integers(1, 8))):
        began = draw(st.integers(0, 30))
        run = Span(f"r{number}", "a", began, began + draw(st.integers(0, 20)))
        earlier = [other for other in runs.values() if other.ended <= run.began]
        run.after = [other.id for other in earlier if draw(st.booleans())]
        if runs and draw(st.booleans()):
            parent = runs[draw(st.sampled_from(sorted(runs)))]
            run.parent = parent.id
            parent.children.append(run)
        runs[run.id] = run
    return Timed(runs, BEGAN, ())


@given(teams())
@settings(max_examples=300)
def test_a_critical_path_covers_the_time_that_passed_once(timed: Timed) -> None:
    here = 0
    for step in path_of(timed):
        assert step.began_ms == here
        here = step.ended_ms
    assert here == timed.ms


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


@st.composite
def busy_runs(draw: st.DrawFn) -> Span:
    """A run with calls and started runs at any time, many at once, some of no time and some beyond its bounds."""
    moments = st.tuples(st.integers(0, 30), st.integers(0, 8))
    run = Span("r", "a", 2, 28)
    for number, (began, ms) in enumerate(draw(st.lists(moments, max_size=12))):
        run.calls.append(Span(f"c{number}", "t", began, began + ms, position=number))
    for number, (began, ms) in enumerate(draw(st.lists(moments, max_size=6))):
        run.children.append(Span(f"s{number}", "a", began, began + ms))
    return run


def ended_last(span: Span, low: int, here: int) -> Span | None:
    """What `Backwards` finds, as it is defined: a look at everything at each step."""
    inside = [inner for inner in (*span.children, *span.calls) if inner.began < here and inner.ended > low and inner.ms]
    key = lambda inner: (min(inner.ended, here), inner.position is None, inner.began, inner.id)  # noqa: E731
    return max(inside, key=key, default=None)


@given(busy_runs(), st.integers(0, 10), st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_what_ended_last_is_found_on_the_way_back_as_by_looking_at_everything(
    run: Span, low: int, steps: list[int]
) -> None:
    inside, here = Backwards(run), 32
    for step in steps:
        found = inside.ended_last(low, here)
        assert found is ended_last(run, low, here)
        here = max(low + 1, (here if found is None else min(found.began, here)) - step)


def test_a_long_session_is_profiled_in_seconds() -> None:
    run = Span("r", "a", 0, 40_000)
    run.calls = [Span(f"c{n}", "t", 2 * n, 2 * n + 1, position=n) for n in range(20_000)]
    began = process_time()
    assert len(path_of(Timed({"r": run}, BEGAN, ()))) == 40_000
    assert process_time() - began < 5
