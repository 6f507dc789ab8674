"""Whatever was seen: a run that goes badly never makes anything surer that it contradicts."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.projections.learning.executions import ENOUGH, Execution, weights
from orchestrion.projections.learning.patterns import _mined
from orchestrion.projections.learning.posterior import confidence, mean
from orchestrion.projections.learning.sequences import WORTH, mined, recommended

NOW = datetime(2026, 3, 1)
TOOLS = st.lists(st.sampled_from(["Read", "Edit", "Bash"]), min_size=1, max_size=5).map(
    lambda names: tuple(name for i, name in enumerate(names) if i == 0 or names[i - 1] != name)
)


def run(number: int, tools: tuple[str, ...], good: float | None) -> Execution:
    at, status = NOW + timedelta(minutes=number), "completed" if good else "failed"
    return Execution(f"s{number}/a", f"s{number}", "a", "fix", status, at, 1000, good, number + 1, tools=tools)


RUNS = st.lists(st.tuples(TOOLS, st.sampled_from([0.0, 0.5, 1.0, None])), max_size=12).map(
    lambda pairs: [run(number, tools, good) for number, (tools, good) in enumerate(pairs)]
)


@settings(max_examples=150, deadline=None)
@given(runs=RUNS, tools=TOOLS)
def test_a_run_that_goes_badly_never_raises_a_confidence(runs: list[Execution], tools: tuple[str, ...]) -> None:
    before, after = recommended(runs), recommended([*runs, run(99, tools, 0.0)])
    assert (after["confidence"] or 0) <= (before["confidence"] or 0)
    surer = [confidence(*weights(seen)) for seen in ([*runs, run(99, tools, 0.0)], runs)]
    assert surer[0] <= surer[1]


@settings(max_examples=60, deadline=None)
@given(runs=RUNS, tools=TOOLS)
def test_nor_does_it_make_a_way_of_working_surer(runs: list[Execution], tools: tuple[str, ...]) -> None:
    ways = ("tool_sequence", "agent_sequence")
    after = {(p.type, p.name): p.confidence(NOW) for p in _mined([*runs, run(99, tools, 0.0)], {})}
    for pattern in _mined(runs, {}):
        if pattern.type in ways:
            assert after[pattern.type, pattern.name] <= pattern.confidence(NOW)


def test_tools_that_could_run_side_by_side_are_missed_where_they_do_not() -> None:
    beside = [
        Execution(f"s{n}/a", f"s{n}", "a", "fix", "completed", NOW, 1, 1.0, n + 1, tools=("Grep", "Read"),
                  beside=(("Grep", "Read"),))
        for n in range(3)
    ]  # fmt: skip
    apart = [run(number, ("Grep", "Read"), 1.0) for number in (7, 8)]
    missed = [pattern for pattern in _mined([*beside, *apart], {}) if pattern.type == "missed_parallelism"]
    assert [(p.name, len(p.supported_at), p.contradictions) for p in missed] == [
        ("Grep and Read one after the other", 2, 3)
    ]
    assert missed[0].evidence == [8, 9]


@settings(max_examples=150, deadline=None)
@given(runs=RUNS)
def test_what_is_recommended_is_the_surest_of_all_that_is_mined(runs: list[Execution]) -> None:
    candidates = []
    for steps, holding in mined(runs).items():
        good, bad = weights(holding)
        if good >= ENOUGH and mean(good, bad) >= WORTH:
            candidates.append((-confidence(good, bad), -len(steps), list(steps)))
    expected = min(candidates)[2] if candidates else None
    assert recommended(runs)["toolSequence"] == expected
