"""What a question costs: only what is looked at, counted once, told as before."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from typing import Any

import duckdb
import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import QueryRefused
from orchestrion.projections.models import models
from orchestrion.projections.reads import read_by
from orchestrion.projections.tables import Tables
from orchestrion.tui.asking import Answered, Ask, Growing, Question, answer, answers, asking
from orchestrion.tui.commentary import TOLD_OF, UNTOLD
from orchestrion.tui.lanes import Lane
from orchestrion.tui.literals import OneOf, bound
from orchestrion.tui.questions import question
from orchestrion.tui.screens.session import QUESTIONS
from orchestrion.tui.story import Told
from orchestrion.tui.witnesses import OfSession, Witnesses

STORY = Question(
    "story",
    question("story"),
    {"session": "ses_1"},
    (0, 5),
    order="position DESC",
    counted=question("story_count"),
    growing=Growing(question("story_new"), OfSession("ses_1", Witnesses())),
    finish=Told("ses_1"),
)


def test_a_list_that_grows_is_told_from_what_came_since(story: Any, feed: Any) -> None:
    story.team()
    before = answer(asking(feed.views), STORY)
    for calls in (1, 2, 6):
        for _ in range(calls):
            story.call("ses_1/x", "x", "Read")
        feed.views.catch_up()
        found = answer(asking(feed.views), STORY, before)
        assert found == answer(asking(feed.views), replace(STORY, growing=None))
        assert found.count == before.count + 2 * calls
        before = found


def test_what_another_witness_tells_of_a_list_that_grows_is_no_line_of_it(story: Any, feed: Any) -> None:
    story.team()
    before = answer(asking(feed.views), STORY)
    for source in ("hook", "transcript", "otlp", "mcp"):
        story.tell(e.SessionStarted, product="claude-code", source=source)
        story.tell(e.ToolCalled, run="ses_1/x", agent="x", call="c", tool="Read", source=source)
        story.tell(e.IncidentObserved, incident=source, type="retry")
        feed.views.catch_up()
        found = answer(asking(feed.views), STORY, before)
        assert found == answer(asking(feed.views), replace(STORY, growing=None))
        before = found
    assert [row["kind"] for row in before.dicts()] == ["incident.observed"] * 4 + ["tool.called"]


def test_python_and_sql_agree_on_what_several_witnesses_tell(story: Any, feed: Any) -> None:
    story.team()
    story.tell(e.AgentStarted, run="ses_1/y", agent="y")
    story.tell(e.AgentFailed, run="ses_1/y", agent="y", status="failed", reason="it broke")
    feed.views.catch_up()
    rows = feed.views.query('SELECT kind, fact, session, run, "call", message FROM happenings').dicts()
    assert {row["kind"] for row in rows if row["fact"] is not None} == set(TOLD_OF)
    assert all(row["fact"] == row.get(TOLD_OF.get(row["kind"], "")) for row in rows)


@pytest.mark.parametrize("asked", ["story", "story_count"])
def test_python_and_sql_agree_on_what_is_no_line_of_the_commentary(asked: str) -> None:
    listed = re.search(r"kind NOT IN \((.*?)\)", question(asked))
    assert listed is not None
    assert {kind.strip(" '") for kind in listed[1].split(",")} == UNTOLD


def test_of_a_list_that_grew_little_only_the_new_rows_are_asked(story: Any, feed: Any) -> None:
    story.team()
    asked: list[str] = []

    def query(sql: str, values: Any, **_: Any) -> Any:
        asked.append(bound(sql, values))
        return feed.views.query(asked[-1])

    before = answer(query, STORY)
    story.tell(e.IncidentObserved, incident="one", type="retry")
    feed.views.catch_up()
    asked.clear()
    assert before.asked is not None
    assert answer(query, STORY, before).count == before.count + 1
    assert f"position > {before.asked.rows[0][0]}" in asked[0]
    assert not any("count(*)" in sql for sql in asked)


def test_a_longer_page_than_before_is_asked_whole(story: Any, feed: Any) -> None:
    story.team()
    before = answer(asking(feed.views), STORY)
    longer = replace(STORY, window=(0, 7))
    assert answer(asking(feed.views), longer, before) == answer(asking(feed.views), longer)
    assert len(answer(asking(feed.views), longer, before).rows) == 7


def test_a_line_is_told_anew_where_what_came_since_says_more_of_it(story: Any, feed: Any) -> None:
    story.team()
    story.tell(e.ToolCalled, run="r", call="c", tool="Grep")
    feed.views.catch_up()
    before = answer(asking(feed.views), STORY)
    story.tell(e.IncidentObserved, run="r", agent="named", incident="two", type="retry")
    feed.views.catch_up()
    found = answer(asking(feed.views), STORY, before)
    assert found == answer(asking(feed.views), STORY)
    told = before.dicts()[0]["told"], found.dicts()[1]["told"]
    assert [line.strip() for line in told] == ["→ r calls Grep", "→ named calls Grep"]


def test_the_commentary_of_a_page_names_what_events_beyond_it_say(story: Any, feed: Any) -> None:
    story.team()
    story.tell(e.ToolCalled, run="r", agent="late", call="c", tool="Grep")
    for number in range(9):
        story.tell(e.IncidentObserved, incident=f"incident {number}", type="retry")
    story.tell(e.ToolReturned, run="r", call="c", status="ok")
    story.tell(e.MessageAcknowledged, run="r", message="msg_1ses_1", recipient="late")
    feed.views.catch_up()
    told = [row["told"] for row in answer(asking(feed.views), STORY).dicts()]
    assert told[:2] == ["· late takes note of security-auditor's finding_report", "✓ late · Grep ok in 10.0s"]


def test_a_lane_knows_what_it_was_told_until_the_log_has_grown_or_something_else_is_asked() -> None:
    lane = Lane(lambda: 0.0, slow=False)
    assert not lane.knows([STORY], None, 7)
    lane.begin([STORY], None)
    assert not lane.knows([STORY], None, 7)
    lane.end(7)
    assert lane.knows([replace(STORY)], None, 7)
    assert not lane.knows([STORY], None, 8)
    assert not lane.knows([STORY], None, 5)  # another log stands in its place
    assert not lane.knows([STORY], 3, 7)
    assert not lane.knows([replace(STORY, window=(60, 60))], None, 7)
    lane.begin([STORY], 3)
    lane.end(7)
    assert lane.knows([STORY], 3, 9)  # what was, stays
    lane.begin([STORY], 3)
    lane.end(None)
    assert not lane.knows([STORY], 3, 9)


def test_a_lane_tells_another_page_from_the_one_it_asked(feed: Any) -> None:
    lane = Lane(lambda: 0.0, slow=False)
    lane.begin([STORY], None)
    assert not lane.asks_else([replace(STORY)], None)
    assert lane.asks_else([replace(STORY, window=(60, 60))], None)
    assert lane.asks_else([STORY], 3)


@pytest.mark.parametrize("view", ["tool_calls", "events"])
def test_the_answers_of_a_round_are_of_one_position_though_the_log_goes_on(story: Any, feed: Any, view: str) -> None:
    story.team()
    feed.views.catch_up()
    counted = f"SELECT count(*) FROM {view}"  # noqa: S608 - our own names

    def meanwhile(answered: Answered, _: Ask) -> Answered:
        story.call("ses_1/x", "x", "Read")
        feed.views.catch_up()
        return answered

    found = answers(feed.views, [Question("first", counted, finish=meanwhile), Question("then", counted)], None)
    assert found["first"].rows == found["then"].rows
    assert answer(asking(feed.views), Question("later", counted)).rows > found["then"].rows


def test_what_other_events_leave_out_is_told_in_few_rows_however_many_there_are(story: Any, feed: Any) -> None:
    for _ in range(30):
        story.call("ses_1/x", "x", "Read")
    feed.views.catch_up()
    wanted = {"calls": OneOf(["call_7"]), "messages": OneOf([]), "runs": OneOf(["ses_1/x"])}
    found = answer(
        asking(feed.views), Question("names", question("story_names"), {"session": "ses_1", **wanted})
    ).dicts()
    assert [(row["call"], row["tool"]) for row in found if row["call"]] == [("call_7", "Read")]
    assert {(row["run"], row["agent"]) for row in found} == {("ses_1/x", "x")}
    assert len(found) == 2


def test_a_question_with_an_error_is_told_as_if_it_was_asked_alone(feed: Any) -> None:
    with pytest.raises(QueryRefused, match="no_such_view"):
        answers(feed.views, [Question("right", "SELECT 1"), Question("wrong", "FROM no_such_view")], None)


def test_what_a_question_asks_further_is_answered_as_truly_as_what_it_asked_first(story: Any, feed: Any) -> None:
    story.team()
    feed.views.catch_up()
    calls = Question("calls", "SELECT count(*) FROM tool_calls")
    [(before,)] = answer(asking(feed.views), calls).rows
    story.call("ses_1/x", "x", "Read")
    feed.views.catch_up()
    first = Question("first", "SELECT count(*) FROM messages", finish=lambda _, ask: ask(calls))
    found = answers(feed.views, [first, Question("then", "SELECT count(*) FROM handoffs")], None)
    assert found["first"].rows == [(before + 1,)]


def test_a_view_that_nobody_asked_before_is_read_by_what_is_asked_further_now_and_later(story: Any, feed: Any) -> None:
    story.team()
    feed.views.catch_up()
    calls = Question("calls", "SELECT count(*) FROM tool_calls")
    first = Question("first", "SELECT count(*) FROM handoffs", finish=lambda _, ask: ask(calls))
    asked = [first, Question("then", "SELECT count(*) FROM messages")]
    [(before,)] = answers(feed.views, asked, None)["first"].rows
    for more in (1, 2):
        story.call("ses_1/x", "x", "Read")
        feed.views.catch_up()
        assert answers(feed.views, asked, None)["first"].rows == [(before + more,)]
        assert answer(asking(feed.views), calls).rows == [(before + more,)]


def test_no_question_of_the_session_screen_has_to_be_asked_by_itself(
    story: Any, feed: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.team()
    feed.views.catch_up()
    alone: list[str] = []
    monkeypatch.setattr(feed.views, "query", alone.append)
    asked = [Question(name, question(name), {"session": "ses_1"}, rest=1.0) for name in QUESTIONS]
    for _ in range(2):
        assert answers(feed.views, asked, None)["session"].count == 1
    assert alone == []


def whole_questions() -> Iterator[str]:
    """The names of all questions but those that only narrow another one."""
    for file in files("orchestrion.tui.questions").iterdir():
        lines = file.read_text("utf-8").splitlines() if file.name.endswith(".sql") else []
        if next((line for line in lines if not line.startswith("--")), "").startswith(("SELECT", "WITH", "FROM")):
            yield file.name.removesuffix(".sql")


@pytest.mark.parametrize("asked", sorted(whole_questions()))
def test_duckdb_can_tell_what_each_question_reads(asked: str) -> None:
    """Else every model would be brought up to date for it, each time."""
    with duckdb.connect() as con:
        Tables.create(con, "own").make()
        con.execute("SET search_path = 'live'")
        read = read_by(con, question(asked))
    assert read, "DuckDB cannot tell"
    assert read.isdisjoint(model.name for model in models() if not model.key), "a view that is not made"
