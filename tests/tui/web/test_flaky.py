"""Stories of somebody whose connection is slow or breaks: the page shows what is asked for, and goes on asking."""

import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchestrion.eventstore import SQLiteLog
from orchestrion.tui.web import stream
from tests.tui.conftest import PATIENCE_SECONDS

HELD = """
const answers = window.fetch;
window.held = [];
window.letGo = async () => {
  for (const free of window.held.splice(0)) free();
  await new Promise((done) => setTimeout(done, 0));
};
window.fetch = async (path, ...rest) => {
  const answer = await answers(path, ...rest);
  if (!window.holds || !String(path).includes(window.holds)) return answer;
  const body = await answer.json();
  answer.json = async () => body;
  document.documentElement.dataset.held = path;
  await new Promise((free) => window.held.push(free));
  return answer;
};
"""
"""Holds back every answer whose path has `window.holds` in it, until `letGo`, after which all it did is done."""


def fails_once(page: Any, path: str) -> None:
    page.route(f"**/{path}?**", lambda route: route.abort(), times=1)


@pytest.fixture
def slow(visit: Any) -> Any:
    visit.page.add_init_script(HELD)
    return visit


def wait_held(visit: Any) -> None:
    visit.page.wait_for_selector("html[data-held]")


def test_an_answer_that_nobody_asks_for_any_more_is_not_drawn(
    running: Any, log: SQLiteLog, stage: ModuleType, slow: Any
) -> None:
    stage.Play(log, "ses_big").begin("A slow one")
    stage.Play(log, "ses_quick").begin("A quick one")
    slow.opens(running.url)
    slow.page.evaluate("window.holds = 'id=ses_big'")
    slow.page.click("text=A slow one")
    wait_held(slow)
    slow.page.click("text=A quick one")
    slow.page.wait_for_selector("h1:has-text('A quick one')")
    slow.live()
    slow.page.evaluate("letGo()")
    assert slow.page.inner_text("h1") == "A quick one"
    assert slow.page.title().startswith("A quick one")
    assert slow.told() == [2]
    assert slow.complaints == []


def test_the_list_that_comes_late_does_not_replace_the_session(
    running: Any, log: SQLiteLog, stage: ModuleType, slow: Any
) -> None:
    stage.Play(log, "ses_a").begin("The first")
    slow.opens(running.url)
    slow.page.evaluate("window.holds = 'api/sessions'")
    stage.Play(log, "ses_b").begin("The second")
    wait_held(slow)
    slow.page.click("text=The first")
    slow.page.wait_for_selector("h1:has-text('The first')")
    slow.live()
    slow.page.evaluate("letGo()")
    assert slow.page.inner_text("h1") == "The first"


def test_events_that_come_late_do_not_stand_under_another_figure(
    running: Any, log: SQLiteLog, stage: ModuleType, slow: Any
) -> None:
    for _ in stage.story(stage.Play(log)):
        pass
    slow.opens(f"{running.url}?session=ses_play")
    slow.page.evaluate("window.holds = 'positions=1'")
    slow.page.click("#commentary li:first-child button")
    wait_held(slow)
    slow.page.keyboard.press("Escape")
    slow.page.click("#commentary li[data-position='20'] button")
    slow.page.wait_for_selector("#evidence-events summary:has-text('tool.called')")
    slow.page.evaluate("letGo()")
    assert slow.page.locator("#evidence-events summary b").all_text_contents() == ["20"]


def test_a_first_answer_that_failed_is_asked_for_again(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    stage.Play(log).begin("Do it")
    fails_once(visit.page, "api/sessions")
    visit.page.goto(running.url)
    visit.page.wait_for_selector("a:has-text('Do it')")
    visit.live()


@pytest.mark.parametrize("path", ["api/session", "api/bounds", "api/commentary"])
def test_a_session_whose_first_answers_failed_is_whole_in_the_end(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, path: str
) -> None:
    stage.Play(log).begin("Do it")
    fails_once(visit.page, path)
    visit.opens(f"{running.url}?session=ses_play")
    assert visit.told() == [1]
    assert visit.page.locator("#position").count() == 1


def test_what_was_drawn_stays_while_it_cannot_be_drawn_again(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    visit.opens(f"{running.url}?session=ses_play")
    visit.page.route("**/api/session?**", lambda route: route.abort())
    next(story)
    visit.page.wait_for_selector('#live[data-state="broken"]')
    assert visit.told() == list(range(1, 9))
    assert visit.page.locator("#position").count() == 1
    visit.page.unroute_all()
    visit.page.wait_for_selector(".card:has-text('Tool calls') >> text=3")
    visit.live()
    assert visit.told() == list(range(1, 9))


COUNTS = """
  const asked = window.fetch;
  window.began = window.ended = 0;
  window.fetch = (...given) => {
    window.began += 1;
    return asked(...given).finally(() => { window.ended += 1; });
  };
"""


def test_it_asks_again_ever_more_slowly_and_never_stops(running: Any, log: SQLiteLog, visit: Any) -> None:
    visit.page.clock.install()
    visit.page.add_init_script(COUNTS)
    visit.page.route("**/api/sessions?**", lambda route: route.abort())
    visit.page.goto(running.url)

    def asked(after_seconds: int) -> int:
        """How often it has asked once so much more of its time has gone, and all of that has failed."""
        visit.page.clock.run_for(after_seconds * 1_000)
        until = time.monotonic() + PATIENCE_SECONDS
        while visit.page.evaluate("began === 0 || began !== ended"):
            assert time.monotonic() < until
        return int(visit.page.evaluate("began"))

    often = asked(0)
    assert visit.page.get_attribute("#live", "data-state") == "broken"
    for seconds in (1, *[30] * 10):
        before, often = often, asked(seconds)
        assert often > before, "it never stops"
    assert asked(29) <= often + 1, "twice a minute once it failed often"
    visit.page.unroute_all()
    visit.page.clock.run_for(30_000)
    visit.page.wait_for_selector("text=The log holds no session yet")


def test_the_slider_reaches_what_came_after_the_page(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    visit.opens(f"{running.url}?session=ses_play")
    next(story)
    visit.wait_told(8)
    slider = visit.page.locator("#position")
    assert (slider.get_attribute("max"), slider.input_value()) == ("7", "7")
    slider.focus()
    visit.page.keyboard.press("ArrowLeft")
    visit.page.wait_for_selector("text=as it stood at position 7")
    next(story)
    visit.page.click("#scrubber button")
    visit.live()
    head = log.head()
    visit.wait_told(head)
    assert (slider.get_attribute("max"), slider.input_value()) == (str(head - 1), str(head - 1))


def test_the_slider_stands_where_the_address_says_after_going_back(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    for _ in stage.story(stage.Play(log)):
        pass
    visit.opens(f"{running.url}?session=ses_play")
    visit.page.evaluate("history.pushState(null, '', '?session=ses_play&at=9'); dispatchEvent(new Event('popstate'))")
    visit.page.wait_for_selector("text=as it stood at position 9")
    assert visit.page.inner_text("#scrubber output") == "position 9"
    visit.page.go_back()
    visit.live()
    assert visit.page.inner_text("#scrubber output") == "now"


def test_a_stream_that_is_silent_is_opened_again(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT_SECONDS", 3600.0)
    stage.Play(log).begin()
    opened: list[str] = []
    visit.page.on("request", lambda request: opened.append(request.url) if "api/stream" in request.url else None)
    visit.page.clock.install()
    visit.opens(f"{running.url}?session=ses_play")
    assert len(opened) == 1
    with visit.page.expect_request("**/api/stream?**"):
        visit.page.clock.run_for(40_000)
    visit.live()


HEARING = """
const Streams = EventSource;
window.EventSource = class extends Streams {
  constructor(address) {
    super(address);
    window.stream = this;
    this.addEventListener("beat", () => { document.documentElement.dataset.beat = ""; });
  }
};
"""


def test_a_beat_is_heard(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "BEAT_SECONDS", 0.05)
    stage.Play(log).begin()
    visit.page.add_init_script(HEARING)
    visit.page.goto(f"{running.url}?session=ses_play")
    visit.page.wait_for_selector("html[data-beat]")
    visit.live()


def test_a_server_with_another_token_is_told_not_waited_for(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    stage.Play(log).begin()
    visit.opens(f"{running.url}?session=ses_play")
    running.stop()
    running.token = "another-token"
    running.start()
    visit.page.wait_for_selector("#trouble:has-text('Open the address')")
    assert visit.told() == [1], "what was drawn stays"


def test_a_page_too_many_says_so_and_is_live_once_there_is_room(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.Play(log).begin()
    monkeypatch.setattr(stream, "MOST_STREAMS", 0)
    visit.page.goto(f"{running.url}?session=ses_play")
    visit.page.wait_for_selector("#trouble:has-text('0 pages are open already')")
    monkeypatch.setattr(stream, "MOST_STREAMS", 1)
    visit.live()
    visit.page.wait_for_selector("#trouble", state="hidden")


def test_trouble_that_ended_while_the_connection_was_broken_is_over(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, home: Path
) -> None:
    stage.Play(log).begin()
    visit.opens(f"{running.url}?session=ses_play")
    (home / "log.db").rename(home / "log.away")
    visit.page.wait_for_selector("#trouble:visible")
    running.stop()
    (home / "log.away").rename(home / "log.db")
    running.start()
    visit.page.wait_for_selector("#trouble", state="hidden")


HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_page_that_nobody_sees_lets_its_connection_go_and_misses_nothing(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    play = stage.Play(log)
    play.begin()
    visit.opens(f"{running.url}?session=ses_play")
    with visit.page.expect_event("requestfailed", lambda request: "api/stream" in request.url):
        visit.page.evaluate(HIDE, True)
    play.run("a", 1, 2)
    visit.page.evaluate(HIDE, False)
    visit.wait_told(log.head())
    visit.live()
    assert visit.told() == list(range(1, log.head() + 1))


def test_after_a_long_absence_the_commentary_has_no_gap(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    play = stage.Play(log)
    play.begin()
    visit.opens(f"{running.url}?session=ses_play")
    visit.page.evaluate(HIDE, True)
    away = stage.Play(None)
    for number in range(400):
        away.call("agent", "Read", number, 0.1)
    log.observe([stage.witnessed(event) for event in away.events])
    visit.page.evaluate(HIDE, False)
    visit.wait_told(801)
    assert visit.told() == list(range(502, 802))


def test_seven_pages_of_which_one_is_seen_are_all_served(
    running: Any, log: SQLiteLog, stage: ModuleType, chromium: Any
) -> None:
    stage.Play(log).begin("Do it")
    with chromium.new_context() as context:
        for _ in range(7):
            page = context.new_page()
            page.goto(running.url)
            page.wait_for_selector('#live[data-state="live"]')
            page.evaluate(HIDE, True)
        page.evaluate(HIDE, False)
        page.click("text=Do it")
        page.wait_for_selector("#commentary li")


def test_a_log_that_begins_anew_is_drawn_anew(running: Any, log: SQLiteLog, stage: ModuleType, visit: Any) -> None:
    stage.Play(log).begin()
    visit.page.add_init_script(HEARING)
    visit.opens(f"{running.url}?session=ses_play")
    visit.page.evaluate("document.querySelector('#commentary li').dataset.position = 999")
    visit.page.evaluate("stream.dispatchEvent(new MessageEvent('reset', { data: '{}' }))")
    visit.wait_told(1)
    visit.live()
    assert visit.told() == [1]


def test_what_is_pressed_while_the_list_grows_is_clicked(
    running: Any, log: SQLiteLog, stage: ModuleType, slow: Any
) -> None:
    play = stage.Play(log)
    play.begin("Do it")
    slow.opens(running.url)
    slow.page.evaluate("window.holds = 'api/sessions'")
    slow.page.hover("a:has-text('Do it')")
    slow.page.mouse.down()
    play.run("a", 1, 2)
    wait_held(slow)
    slow.page.evaluate("letGo()")
    slow.page.mouse.up()
    slow.page.wait_for_selector("h1:has-text('Do it')")
