"""What is measured of a session is what its times say."""

from datetime import datetime, timedelta

import pytest

from orchestrion.tui.report.facts import Call, Facts, Run
from orchestrion.tui.report.measures import mcp_use, mean, parallelism, percentile

START = datetime(2026, 1, 30, 10, 0)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def run(name: str, start: float, end: float | None, parent: str | None = None) -> Run:
    ended = None if end is None else at(end)
    return Run(name, name, parent, None, at(start), ended, None, "completed" if ended else "running")


def facts(*runs: Run, calls: tuple[Call, ...] = (), ended: float | None = None) -> Facts:
    until = None if ended is None else at(ended)
    return Facts("s", None, None, None, START, until, "completed", {}, runs=runs, calls=calls)


def call(server: str | None) -> Call:
    return Call("c", "r", "a", "t", server, None, None, None, "ok")


def test_two_runs_that_overlap_for_a_quarter_of_the_working_time_are_a_quarter_parallel() -> None:
    assert parallelism(facts(run("a", 0, 5), run("b", 3, 8))) == pytest.approx(2 / 8)


def test_time_in_which_nobody_works_does_not_count() -> None:
    assert parallelism(facts(run("a", 0, 2), run("b", 100, 102), run("c", 100, 102))) == pytest.approx(2 / 4)


def test_a_run_that_waits_for_the_run_it_started_does_not_work_beside_it() -> None:
    assert parallelism(facts(run("trunk", 0, 10), run("sub", 2, 6, "trunk"))) == 0


def test_two_children_of_a_waiting_run_do() -> None:
    runs = run("trunk", 0, 10), run("a", 2, 6, "trunk"), run("b", 2, 4, "trunk"), run("deep", 3, 5, "a")
    assert parallelism(facts(*runs)) == pytest.approx(0.2)


def test_a_run_that_is_its_own_ancestor_ends_the_climb() -> None:
    assert parallelism(facts(run("a", 0, 2, "b"), run("b", 0, 2, "a"))) == 0


def test_a_run_without_an_end_has_lasted_until_the_last_thing_seen() -> None:
    assert parallelism(facts(run("a", 0, None), run("b", 4, 8), ended=8)) == pytest.approx(0.5)


def test_without_any_known_time_parallelism_is_unknown() -> None:
    assert parallelism(facts()) is None


def test_mcp_use_is_the_share_of_calls_to_mcp_servers_and_unknown_without_calls() -> None:
    assert mcp_use(facts(calls=(call("memory"), call(None), call(None), call("git")))) == 0.5
    assert mcp_use(facts()) is None


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 5), (0.95, 10), (1.0, 10)])
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == value


def test_nothing_measured_is_unknown_not_zero() -> None:
    assert percentile([], 0.95) is None
    assert mean([]) is None
