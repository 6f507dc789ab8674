"""How runs overlap: what the dashboard and the report both count."""

from datetime import datetime, timedelta

import pytest

from orchestrion.tui.work import Span, ancestors, overlap, spans_of, stretches

NOON = datetime(2026, 3, 1, 12)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_two_runs_at_once_are_parallel_for_as_long_as_both_work() -> None:
    found = overlap(stretches([Span("a", None, at(0), at(10)), Span("b", None, at(6), at(20))]))
    assert (found.busy, found.parallel, found.most) == (20, 4, 2)
    assert found.share == pytest.approx(0.2)


def test_a_run_that_waits_for_one_it_started_is_not_working_but_works_before_and_after() -> None:
    found = overlap(stretches([Span("trunk", None, at(0), at(10)), Span("helper", "trunk", at(3), at(7))]))
    assert (found.busy, found.parallel, found.most) == (10, 0, 1)


def test_what_has_no_time_has_no_share() -> None:
    assert overlap(stretches([Span("a", None, None, at(1)), Span("b", None, at(1), at(1))])).share is None


def test_an_open_run_lasts_until_the_last_thing_seen_and_one_of_unknown_end_does_not() -> None:
    row = {"parent_run": None, "started_at": at(0), "ended_at": None}
    rows = [row | {"run": "a", "status": "running"}, row | {"run": "b", "status": "unknown"}]
    assert [span.end for span in spans_of(rows, at(5))] == [at(5), None]


def test_runs_that_are_each_others_parents_end_the_climb() -> None:
    assert ancestors("a", {"a": "b", "b": "a"}) == {"a", "b"}
