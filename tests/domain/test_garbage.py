"""How seldom Python's collector looks is what it was once all who wanted it seldom have left, in whatever order."""

import gc
from collections.abc import Iterator

import pytest

from orchestrion.domain.garbage import SELDOM, collected_seldom


@pytest.fixture(autouse=True)
def threshold() -> Iterator[tuple[int, int, int]]:
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield gc.get_threshold()
    gc.set_threshold(*before)


def test_it_looks_seldom_within_and_as_before_after(threshold: tuple[int, int, int]) -> None:
    with collected_seldom():
        assert gc.get_threshold() == (SELDOM, 10, 10)
    assert gc.get_threshold() == threshold


def test_of_two_at_once_the_last_to_leave_restores_it(threshold: tuple[int, int, int]) -> None:
    one, other = collected_seldom(), collected_seldom()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    assert gc.get_threshold()[0] == SELDOM
    other.__exit__(None, None, None)
    assert gc.get_threshold() == threshold


def test_what_fails_within_restores_it_too(threshold: tuple[int, int, int]) -> None:
    @collected_seldom()
    def failing() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        failing()
    assert gc.get_threshold() == threshold


def test_a_collector_that_is_off_stays_off() -> None:
    gc.set_threshold(0, 10, 10)
    with collected_seldom():
        assert gc.get_threshold()[0] == 0
    assert gc.get_threshold()[0] == 0


def test_one_that_looks_still_more_seldom_is_left_alone() -> None:
    gc.set_threshold(SELDOM + 1, 10, 10)
    with collected_seldom():
        assert gc.get_threshold()[0] == SELDOM + 1
