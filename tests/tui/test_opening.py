"""What is opened, searched for and resized shows all that there is, and a chosen session stays chosen."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import Store
from orchestrion.tui.app import Dashboard
from orchestrion.tui.asking import Answered
from orchestrion.tui.bodies import Bodies
from orchestrion.tui.feed import Feed
from orchestrion.tui.large import LARGEST
from orchestrion.tui.questions import question
from orchestrion.tui.screens import sessions
from orchestrion.tui.screens.opened import OpenedCall, OpenedEvent
from orchestrion.tui.whole import Whole
from orchestrion.tui.widgets.json_tree import LONGEST_LINE, MOST_CHILDREN, _lines
from tests.tui.conftest import NOON, Reader

LONG = "\n".join(f"line {number} of what was read" for number in range(400)) + "\nTHE END"


@pytest.fixture
def large(tmp_path: Path) -> Any:
    """A log on disk with a call whose parameters and result are larger than an event holds."""
    with open_log(tmp_path / "home") as log:
        about: dict[str, Any] = {"source": "conductor", "session": "ses_1", "run": "ses_1/a", "agent": "a", "call": "c"}
        called = e.ToolCalled(**about, happened_at=NOON, tool="Write", params={"text": LONG})
        back = e.ToolReturned(**about, happened_at=NOON, status="ok", result=LONG)
        log.observe([witnessed(called), witnessed(back)])
        with Store(log, tmp_path / "projections") as store:
            yield log, Feed(store, lambda _sql, _at: None, log.verify, dict, log.blob)  # type: ignore[arg-type, return-value]


async def test_an_opened_call_and_event_are_whole_though_the_log_keeps_them_apart(large: Any) -> None:
    log, feed = large
    app = Dashboard(feed, session="ses_1")
    async with app.run_test(size=(120, 40)) as pilot:
        reader = await Reader(pilot, log).looks()
        assert "THE END" not in feed.views.query("SELECT params FROM tool_calls").rows[0][0]
        app.push_screen(OpenedCall("c"))
        await reader.looks()
        row = app.screen.answered["it"].dicts()[0]
        assert json.loads(row["params"]) == {"text": LONG}
        assert json.loads(row["result"]) == LONG
        app.pop_screen()
        app.push_screen(OpenedEvent(1))
        await reader.looks()
        data = json.loads(app.screen.answered["it"].dicts()[0]["data"])
        assert data["params"] == {"text": LONG}


async def test_what_stands_far_within_a_large_field_is_found_once_it_is_in_the_log(large: Any) -> None:
    log, feed = large
    about: dict[str, Any] = {"source": "conductor", "happened_at": NOON}
    log.observe([
        witnessed(e.SessionStarted(**about, session="ses_2", product="x", request=f"{LONG} of the request")),
        witnessed(e.MessageSent(**about, session="ses_2", message="m", sender="a", recipient="all",
                                type="progress_update", payload={"said": f'{LONG} "of the message"'})),
    ])  # fmt: skip
    app = Dashboard(feed)
    async with app.run_test(size=(120, 40)) as pilot:
        reader = await Reader(pilot, log).looks()
        await reader.finds("the end")
        assert sorted(reader.column("sessions", "session")) == ["ses_1", "ses_2"]
        await reader.finds("end of the request")
        assert reader.column("sessions", "session") == ["ses_2"]
        await reader.presses("5")
        await reader.finds("the end")
        assert reader.grid("calls").count == 1
        await reader.presses("3")
        await reader.finds('end "of the mess')
        assert reader.grid("messages").count == 1
        log.observe([witnessed(e.ToolCalled(**about, session="ses_3", run="ses_3/a", agent="a", call="d", tool="Write",
                                            params={"text": LONG}))])  # fmt: skip
        await reader.presses("5")
        assert reader.grid("calls").count == 2
        assert "THE END" not in feed.views.query("SELECT params FROM tool_calls WHERE call = 'd'").rows[0][0]


async def test_a_search_says_that_it_still_looks_only_until_all_was_looked_through_once(
    story: Any, open_dashboard: Any
) -> None:
    story.team()
    async with open_dashboard() as reader:
        screen = reader.app.screen
        screen.find = "audit"
        assert screen.sought_words == "with “audit”, still looking through large fields"
        await reader.finds("login")
        assert screen.sought_words == "with “login”"
        screen.looking = "login"  # once more, for what came since
        assert screen.sought_words == "with “login”"
        screen.looking = screen.find = ""
        assert not screen.sought_words


def test_large_fields_are_those_of_a_position_and_what_is_erased_is_not_found(large: Any) -> None:
    log, feed = large
    bodies = Bodies(feed.views, feed.blob)
    assert not bodies.knows("the end", 1)
    assert bodies.look("the end", lambda: True)
    assert bodies.knows("the end", log.head())
    assert bodies.holding("the end", None) == {"held": ("c",), "held_sessions": ("ses_1",)}
    assert bodies.holding("the end", 0) == {"held": (), "held_sessions": ()}
    assert bodies.holding("else", None) == {"held": (), "held_sessions": ()}
    assert not bodies.look("nowhere", lambda: True)
    assert not bodies.look("the end", lambda: False)
    assert not bodies.knows("the end", log.head())

    def gone(_: str) -> bytes:
        raise NotFound("no such body")

    assert not Bodies(feed.views, gone).look("the end", lambda: True)


def test_a_long_line_of_a_value_goes_on_on_the_next() -> None:
    line = "x" * (2 * LONGEST_LINE + 1)
    assert _lines(f"a\n{line}\n\nb") == ["a", "x" * LONGEST_LINE, "x" * LONGEST_LINE, "x", "", "b"]
    assert MOST_CHILDREN * LONGEST_LINE >= 100_000


async def test_the_session_that_was_chosen_stays_chosen_when_all_are_looked_at(story: Any, open_dashboard: Any) -> None:
    for number in range(1, 5):
        story.team(f"ses_{number}")
    async with open_dashboard(session="ses_2") as reader:
        await reader.presses("1")
        assert reader.grid("sessions").key == "ses_2"
        await reader.presses("2")
        assert reader.app.session == "ses_2"
        await reader.presses("1", "down")
        chosen = reader.grid("sessions").key
        assert chosen != "ses_2"
        await reader.presses("2")
        assert reader.app.session == chosen


async def test_a_search_without_a_hit_does_not_say_that_the_log_is_empty(story: Any, open_dashboard: Any) -> None:
    story.team()
    async with open_dashboard() as reader:
        await reader.presses("slash", *"nowhere", "enter")
        assert reader.grid("sessions").count == 0
        assert "No session is like that" in reader.text()
        assert "No session is in the log" not in reader.text()


async def test_quotes_are_found_where_json_writes_them_otherwise(story: Any, open_dashboard: Any) -> None:
    story.team()
    story.tell(e.MessageSent, run="ses_1/x", agent="x", message="quoting", sender="x", recipient="all",
               type="progress_update", payload={"text": 'say "hello" now'})  # fmt: skip
    story.call("ses_1/x", "x", "Bash", params={"command": 'echo "hello" there'})
    async with open_dashboard(session="ses_1") as reader:
        for key, name in (("3", "messages"), ("5", "calls"), ("1", "sessions")):
            await reader.presses(key, "slash", *'"hello"', "enter")
            assert reader.grid(name).count == 1, name


async def test_a_message_of_no_session_opens_with_its_thread(story: Any, open_dashboard: Any) -> None:
    about: dict[str, Any] = {"session": None, "source": "user", "type": "prompt"}
    story.tell(e.MessageSent, message="m1", sender="human", recipient="bob", payload={"text": "how far?"}, **about)
    story.tell(e.MessageSent, message="m2", sender="bob", recipient="human", payload={"text": "half way"},
               in_reply_to="m1", **about)  # fmt: skip
    async with open_dashboard(size=(120, 60)) as reader:
        await reader.presses("3", "enter")
        thread = reader.text().partition("Thread")[2]
        assert "how far?" in thread
        assert "half way" in thread


async def test_a_list_is_drawn_in_the_widths_of_its_new_size(story: Any, open_dashboard: Any) -> None:
    story.team()
    text = "a sentence that needs far more room than a small terminal has for it, to its very last word"
    story.tell(e.MessageSent, run="ses_1/x", agent="x", message="long", sender="x", recipient="all",
               type="progress_update", payload={"text": text})  # fmt: skip
    async with open_dashboard(session="ses_1", size=(80, 24)) as reader:
        await reader.presses("3")
        assert "very last word" not in reader.text()
        await reader.pilot.resize_terminal(200, 60)
        await asyncio.sleep(0.2)
        await reader.looks()
        assert "very last word" in reader.text()


async def test_events_behind_a_figure_name_tools_and_times_as_the_commentary_does(
    story: Any, open_dashboard: Any
) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        await reader.goes_to("tree", "tool_calls", row=2)
        await reader.presses("enter")
        told = reader.column("events", "told")
        assert len(told) == 4
        assert not any("unknown" in line for line in told), told


def test_tokens_of_a_run_that_nobody_recorded_are_unknown(story: Any, feed: Feed) -> None:
    story.team()
    story.tell(e.AgentStarted, run="ses_1/silent", agent="silent", task="nothing")
    feed.views.catch_up()
    sql = question("run").replace("$run", "'ses_1/silent'")
    found = feed.views.query(sql)
    row = dict(zip(found.columns, found.rows[0], strict=True))
    assert (row["own_input_tokens"], row["own_output_tokens"], row["agent"]) == (None, None, "silent")


def ages(reader: Reader) -> list[float]:
    answered = reader.grid("sessions").answered
    assert answered is not None
    return [row[answered.columns.index("age")] for row in answered.rows]


async def test_sessions_grow_older_while_nothing_comes(
    story: Any, open_dashboard: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.team()
    async with open_dashboard() as reader:
        (before,) = ages(reader)

        later = sessions.monotonic() + 7_200
        monkeypatch.setattr(sessions, "monotonic", lambda: later)
        reader.app.screen.grow_older()
        (after,) = ages(reader)
        assert 7_200_000 <= after - before < 7_300_000


@pytest.mark.parametrize("size", [10, LARGEST + 1])
def test_what_is_too_large_or_gone_shows_its_beginning_and_says_so(size: int) -> None:
    def gone(_: str) -> bytes:
        raise NotFound("no such body")

    told = {"params": {"text": "begin"}, "bodies": {"params": {"hash": "h", "size": size}}}
    row = Answered(("call", "params"), [("c", json.dumps(told["params"]))], 1)
    events = Answered(("data",), [(json.dumps(told),)], 1)
    found = Whole("true", {}, gone)(row, lambda _: events)
    ((why, shown),) = json.loads(found.rows[0][1]).items()
    assert shown == {"text": "begin"}
    assert why.startswith(f"the beginning of {size:,} bytes; ")
    assert ("no longer in the log" in why) == (size == 10)
