"""Each rule speaks where it should, is silent where it should be, and names the events it rests on."""

from types import ModuleType
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.tui.report import Advice, build


@pytest.fixture
def play(log: MemoryLog, stage: ModuleType) -> Any:
    play = stage.Play(log)
    play.begin()
    return play


def advice_of(store: Store, rule: str) -> list[Advice]:
    store.catch_up()
    return [one for one in build(store, "ses_play").advice if one.rule == rule]


def kinds_at(store: Store, positions: tuple[int, ...]) -> list[str]:
    asked = "SELECT kind FROM events WHERE list_contains($positions, position) ORDER BY position"
    return [row[0] for row in store.query(asked, {"positions": list(positions)}).rows]


def test_a_run_that_works_alone_most_of_the_time_is_a_bottleneck(play: Any, store: Store) -> None:
    play.run("slow", 0, 60)
    play.run("quick", 60, 65)
    play.run("quicker", 60, 66)
    (found,) = advice_of(store, "bottleneck")
    assert "slow worked alone for 1 min 00 s, 91% of the working time" in found.text
    assert kinds_at(store, found.positions) == ["agent.started", "agent.completed"]


def test_no_run_is_a_bottleneck_where_all_work_side_by_side(play: Any, store: Store) -> None:
    for name in ("one", "two", "three"):
        play.run(name, 0, 30)
    assert advice_of(store, "bottleneck") == []


def test_two_runs_in_a_row_that_nothing_links_could_have_run_side_by_side(play: Any, store: Store) -> None:
    play.run("docs", 0, 10)
    play.run("tests", 10, 14)
    (found,) = advice_of(store, "missed parallelism")
    assert "docs and tests ran one after the other" in found.text
    assert "4.0 s" in found.text
    assert len(found.positions) == 4


@pytest.mark.parametrize("link", ["message", "handoff", "plan"])
def test_two_runs_in_a_row_that_something_links_had_to(play: Any, store: Store, link: str) -> None:
    tasks = (
        e.PlannedTask(id="1", agent="first", task="a"),
        e.PlannedTask(id="2", agent="between", task="b", depends_on=("1",)),
        e.PlannedTask(id="3", agent="second", task="c", depends_on=("2",)),
    )
    if link == "plan":
        play.add(e.PlanMade, 0, request="r", planner="p", tasks=tasks, phases=(("first",), ("between",), ("second",)))
    play.run("first", 0, 10)
    if link == "message":
        play.say("first", "second", "context_share", 9)
    if link == "handoff":
        play.hand("first", "second", 10, 10)
    play.run("second", 10, 20)
    assert advice_of(store, "missed parallelism") == []


def test_an_agent_that_was_named_as_next_and_started_without_a_handoff_missed_one(play: Any, store: Store) -> None:
    play.run("giver", 0, 5, next_agents=("taker",))
    play.run("taker", 6, 8)
    (found,) = advice_of(store, "missed handoff")
    assert "giver named taker as next" in found.text


def test_one_that_was_handed_over_to_did_not(play: Any, store: Store) -> None:
    play.run("giver", 0, 5, next_agents=("taker",))
    play.hand("giver", "taker", 5, 6)
    play.run("taker", 6, 8)
    assert advice_of(store, "missed handoff") == []


def test_a_file_that_one_wrote_and_another_read_without_a_word_is_a_missed_handoff(play: Any, store: Store) -> None:
    play.run("writer", 0, 5)
    play.run("reader", 0, 9)
    play.call("writer", "Edit", 2, 1, params={"file_path": "a.py"})
    play.call("reader", "Read", 6, 1, params={"file_path": "a.py"})
    play.call("reader", "Read", 7, 1, params={"file_path": "b.py"})
    (found,) = advice_of(store, "missed handoff")
    assert "reader worked on a.py after writer had written it" in found.text
    assert len(found.positions) == 4


def test_the_same_call_three_times_is_told_and_twice_is_not(play: Any, store: Store) -> None:
    play.run("agent", 0, 9)
    for second in range(3):
        play.call("agent", "Grep", second, 0.5, params={"pattern": "x"})
    for second in range(2):
        play.call("agent", "Glob", second, 0.5, params={"pattern": "y"})
    (found,) = advice_of(store, "repeated tool calls")
    assert "agent called Grep 3 times" in found.text
    assert kinds_at(store, found.positions) == ["tool.called", "tool.returned"] * 3


def test_a_tool_that_fails_often_is_told_with_its_failures_alone(play: Any, store: Store) -> None:
    play.run("agent", 0, 9)
    for second in range(8):
        play.call("agent", "Bash", second, 0.5, status="error" if second < 3 else "ok")
    for second in range(20):
        play.call("agent", "Read", second, 0.1, status="error" if second < 3 else "ok")
    (found,) = advice_of(store, "failing tool")
    assert "Bash failed in 3 of 8 calls" in found.text
    assert len(found.positions) == 6


def test_questions_without_a_reply_are_told_once_the_session_is_over(play: Any, store: Store) -> None:
    play.say("a", "b", "validation_request", 1, name="asked", payload={"changes": ["x"]})
    play.say("a", "b", "assistance_request", 2, name="helped", payload={"capability": "sql"})
    play.say("b", "a", "result", 3, in_reply_to="helped", payload={"text": "done"})
    play.hand("a", "b", 4, None)
    assert advice_of(store, "unanswered message") == []
    play.end(10)
    texts = [one.text for one in advice_of(store, "unanswered message")]
    assert texts == ["a's validation_request to b got no reply", "a's handoff to b was neither accepted nor rejected"]


def test_a_message_that_expired_is_told(play: Any, store: Store) -> None:
    play.say("a", "b", "warning", 1, name="late", payload={"warning": "x"})
    play.add(e.MessageExpired, 5, message="late", recipient="b", reason="nobody")
    (found,) = advice_of(store, "unanswered message")
    assert "never delivered (expired)" in found.text
    assert kinds_at(store, found.positions) == ["message.sent", "message.expired"]


def test_a_message_that_reached_only_some_is_told_as_that(play: Any, store: Store) -> None:
    play.say("a", "all", "warning", 1, name="late", payload={"warning": "x"})
    play.add(e.MessageDelivered, 2, "b", message="late", recipient="b")
    play.add(e.MessageExpired, 5, "c", message="late", recipient="c", reason="gone")
    (found,) = advice_of(store, "unanswered message")
    assert "did not reach everybody" in found.text


def test_many_hits_of_one_rule_are_summed_up_with_the_evidence_of_all(play: Any, store: Store) -> None:
    play.run("agent", 0, 99)
    for number in range(8):
        for second in range(3):
            play.call("agent", "Grep", second, 0.5, params={"pattern": number})
    found = advice_of(store, "repeated tool calls")
    assert len(found) == 6
    assert found[-1].text == "and 3 more of this kind"
    assert len(found[-1].positions) == 3 * 3 * 2
