"""Stories of somebody with a browser: a real Chromium opens the page of a real log."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SQLiteLog
from orchestrion.projections import Store
from orchestrion.tui.report import build, html

PLAYED = 14
"""A position within the play, after its first handoff, where two events of another session stand before it."""


def play_all(stage: ModuleType, log: SQLiteLog, session: str = "ses_play") -> None:
    for _ in stage.story(stage.Play(log, session)):
        pass


def test_i_open_the_printed_address_see_my_sessions_and_open_one(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    play_all(stage, log)
    stage.Play(log, "ses_live").begin("Build a new endpoint")
    visit.opens(running.url)
    visit.page.wait_for_selector("text=2 sessions")
    assert visit.page.locator("tbody tr").first.inner_text().startswith("running")
    visit.picture("sessions")
    visit.page.click("text=Fix security vulnerability")
    visit.page.wait_for_selector("h1:has-text('Fix security')")
    assert visit.page.locator(".timeline text.lane").all_text_contents() == [
        "security-auditor",
        "backend-api-developer",
        "test-suite-developer",
        "docs-writer",
    ]
    assert visit.page.locator(".timeline .bar").count() == 9
    assert visit.page.locator(".timeline .arrow.handoff").count() == 1
    visit.wait_told(log.head() - 1)
    visit.picture("session-light")
    visit.page.go_back()
    visit.page.wait_for_selector("text=2 sessions")
    assert visit.complaints == []
    assert visit.hosts == {"127.0.0.1"}


def test_what_happens_appears_without_a_reload(running: Any, log: SQLiteLog, stage: ModuleType, visit: Any) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    visit.opens(f"{running.url}?session=ses_play")
    visit.page.wait_for_selector("dt:has-text('Last seen')")
    visit.page.evaluate("window.unchanged = true")
    for _ in story:
        pass
    visit.wait_told(log.head())
    visit.page.wait_for_selector("dt:has-text('Ended')")
    visit.page.wait_for_selector(".badge.good:has-text('completed')")
    visit.page.wait_for_selector(".card:has-text('Tool calls') >> text=9")
    assert visit.told() == list(range(1, log.head() + 1))
    assert visit.page.evaluate("window.unchanged")
    assert visit.complaints == []


def test_what_several_witnesses_tell_is_told_once(running: Any, log: SQLiteLog, stage: ModuleType, visit: Any) -> None:
    about: dict[str, Any] = {"session": "ses", "run": "ses/a", "call": "c"}
    for source in ("hook", "transcript"):
        log.observe([witnessed(e.ToolCalled(source=source, tool="Bash", params={}, **about))])
    visit.opens(f"{running.url}?session=ses")
    for source in ("hook", "transcript"):
        log.observe([witnessed(e.ToolReturned(source=source, status="ok", **about))])
    log.observe([witnessed(e.ToolCalled(source="hook", tool="Bash", params={}, **{**about, "call": "d"}))])
    visit.wait_told(5)
    assert visit.told() == [1, 3, 5]
    assert visit.complaints == []


def test_a_new_session_appears_in_the_list(running: Any, log: SQLiteLog, stage: ModuleType, visit: Any) -> None:
    visit.opens(running.url)
    visit.page.wait_for_selector("text=The log holds no session yet")
    stage.Play(log).begin("Do something new")
    visit.page.wait_for_selector("a:has-text('Do something new')")


def test_when_the_connection_breaks_it_says_so_and_misses_nothing(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    story = stage.story(stage.Play(log))
    next(story)
    visit.opens(f"{running.url}?session=ses_play")
    next(story)
    visit.wait_told(8)
    running.stop()
    visit.page.wait_for_selector('#live[data-state="broken"]')
    assert "connection lost" in visit.page.inner_text("#live")
    for _ in story:
        pass
    running.start()
    visit.wait_told(log.head())
    visit.live()
    assert visit.told() == list(range(1, log.head() + 1)), "each event once, none left out"
    visit.page.wait_for_selector(".card:has-text('Tool calls') >> text=9")


def test_trouble_with_the_log_is_told_and_goes_away(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, home: Path
) -> None:
    stage.Play(log).begin()
    visit.opens(f"{running.url}?session=ses_play")
    (home / "log.db").rename(home / "log.away")
    visit.page.wait_for_selector("#trouble:visible")
    assert visit.page.inner_text("#trouble")
    (home / "log.away").rename(home / "log.db")
    visit.page.wait_for_selector("#trouble", state="hidden")


def test_i_look_at_it_as_it_stood_at_a_position(
    running: Any, log: SQLiteLog, store: Store, stage: ModuleType, visit: Any
) -> None:
    play_all(stage, log)
    visit.page.goto(f"{running.url}?session=ses_play&at=9")
    visit.page.wait_for_selector("text=as it stood at position 9")
    assert visit.page.locator(".timeline text.lane").all_text_contents() == ["security-auditor"]
    assert visit.told() == list(range(1, 10))
    visit.page.locator("#position").focus()
    visit.page.keyboard.press("ArrowRight")
    visit.page.wait_for_selector("text=as it stood at position 10")
    visit.wait_told(10)
    assert "at=10" in visit.page.url
    visit.picture("session-at-10")
    visit.page.click("#scrubber button")
    visit.live()
    visit.wait_told(log.head())
    assert visit.page.locator(".timeline text.lane").count() == 4


def test_a_figure_opens_the_events_it_rests_on_by_keyboard(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    play_all(stage, log)
    visit.opens(f"{running.url}?session=ses_play")
    visit.page.locator(".card:has-text('Failed') button").focus()
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#evidence[open] summary")
    assert re.findall(r"^(\d+) ([\w.]+)", visit.page.inner_text("#evidence-events"), re.M) == [
        ("20", "tool.called"),
        ("21", "tool.returned"),
    ]
    visit.picture("evidence")
    visit.page.keyboard.press("Escape")
    visit.page.wait_for_selector("#evidence", state="hidden")


@pytest.mark.parametrize(
    "expected",
    [
        ("Runs", "1", {"agent.started", "agent.completed"}),
        ("Tool calls", "3", {"tool.called", "tool.returned"}),
        ("Messages", "1", {"message.sent"}),
        ("Duration", "", {"session.started", "agent.started"}),
    ],
)
def test_a_number_of_the_list_opens_the_events_behind_it(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any, expected: tuple[str, str, set[str]]
) -> None:
    column, said, kinds = expected
    stage.Play(log, "ses_other").run("other", 0, 1)
    play_all(stage, log)
    visit.page.goto(f"{running.url}?at={PLAYED}")
    visit.page.wait_for_selector("tbody tr >> nth=1")
    heads = visit.page.locator("thead th").all_text_contents()
    cell = visit.page.locator("tr:has-text('Fix security') td").nth(heads.index(column))
    cell.locator("button").click()
    visit.page.wait_for_selector("#evidence[open] summary")
    shown = re.findall(r"^(\d+) ([\w.]+) ", visit.page.inner_text("#evidence-events"), re.M)
    assert cell.inner_text().startswith(said)
    assert kinds <= {kind for _, kind in shown}
    assert {int(position) for position, _ in shown} <= set(range(3, PLAYED + 1))
    assert all("ses_other" not in each for each in visit.page.locator("#evidence-events pre").all_text_contents())


def test_a_figure_says_how_many_events_it_rests_on_where_they_are_not_all_shown(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    play = stage.Play(None)
    play.begin()
    for number in range(60):
        play.call("agent", "Read", number, 0.1)
    log.observe([stage.witnessed(event) for event in play.events])
    visit.page.goto(running.url)
    visit.page.click("tbody button:has-text('60')")
    visit.page.wait_for_selector("h2:has-text('Tool calls of ses_play: the first 100 of 120 events')")
    visit.page.goto(f"{running.url}?session=ses_play")
    visit.page.click(".card:has-text('Tool calls') button")
    visit.page.wait_for_selector("h2:has-text('Tool calls: the first 100 of 120 events')")


def test_the_keyboard_stays_on_what_is_drawn_again(running: Any, log: SQLiteLog, stage: ModuleType, visit: Any) -> None:
    play = stage.Play(log)
    play.begin("Do it")
    visit.opens(running.url)
    visit.page.focus("a:has-text('Do it')")
    play.run("a", 1, 2)
    visit.page.wait_for_selector("tbody td.number button:has-text('1')")
    stage.Play(log, "ses_new").begin("Another")
    visit.page.wait_for_selector("a:has-text('Another')")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("h1:has-text('Do it')")
    visit.live()
    visit.page.focus(".card:has-text('Duration') button")
    play.call("a", "Read", 3, 0.1)
    visit.page.wait_for_selector(".card:has-text('Tool calls') button:has-text('1')")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("#evidence[open] h2:has-text('Duration')")


def test_i_search_my_sessions(running: Any, log: SQLiteLog, stage: ModuleType, visit: Any) -> None:
    play_all(stage, log)
    stage.Play(log, "ses_other").begin("Write a poem")
    visit.opens(running.url)
    visit.page.keyboard.press("/")
    visit.page.keyboard.type("poem")
    visit.page.keyboard.press("Enter")
    visit.page.wait_for_selector("text=1 session with “poem”")
    assert visit.page.locator("tbody tr").count() == 1


def test_a_session_that_is_not_there_is_one_sentence(running: Any, visit: Any) -> None:
    visit.page.goto(f"{running.url}?session=ses_nope")
    visit.page.wait_for_selector("text=there is no session 'ses_nope'")
    visit.page.wait_for_selector('#live[data-state="refused"]')
    assert "connection" not in visit.page.inner_text("#live")


def test_a_session_that_is_not_there_yet_is_shown_once_it_is(
    running: Any, log: SQLiteLog, stage: ModuleType, visit: Any
) -> None:
    visit.page.goto(f"{running.url}?session=ses_play")
    visit.page.wait_for_selector("text=there is no session 'ses_play'")
    stage.Play(log).begin("Do it")
    visit.page.wait_for_selector("h1:has-text('Do it')")
    visit.live()
    assert visit.told() == [1]


def test_hostile_texts_stay_texts(
    running: Any, log: SQLiteLog, stage: ModuleType, hostile: ModuleType, visit: Any
) -> None:
    hostile.hostile_play(stage.Play(log))
    visit.opens(running.url)
    visit.page.wait_for_selector("a:has-text('<script>alert(1)</script>')")
    visit.opens(f"{running.url}?session=ses_play")
    visit.wait_told(log.head())
    visit.page.locator("button.places").first.click()
    visit.page.wait_for_selector("#evidence[open] pre")
    shown = visit.page.inner_text("body")
    assert "<img src=x onerror=alert(1)>" in shown
    assert not set(shown) & set(hostile.OBEYED)
    assert (
        visit.page.locator("main script, main img, main iframe, main b b, [onerror], [onload], [onclick]").count() == 0
    )
    assert visit.page.evaluate("Object.prototype.polluted") is None
    links = visit.page.locator("a").evaluate_all("links => links.map(link => link.href)")
    assert [link for link in links if not link.startswith(running.url)] == []
    assert visit.complaints == []
    assert visit.hosts == {"127.0.0.1"}
    visit.picture("hostile")


def test_even_a_page_that_tried_could_not_make_html_of_text(running: Any, visit: Any) -> None:
    visit.opens(running.url)
    tried = (
        "() => { try { document.body.innerHTML = '<b>x</b>'; return 'made'; } catch (error) { return error.name; } }"
    )
    assert visit.page.evaluate(tried) == "TypeError"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_words_can_be_read_in_light_and_dark(
    running: Any, log: SQLiteLog, stage: ModuleType, visiting: Any, scheme: str
) -> None:
    play_all(stage, log)
    visit = visiting(scheme)
    visit.opens(f"{running.url}?session=ses_play")
    visit.wait_told(log.head())
    visit.picture(f"session-{scheme}")
    assert visit.page.evaluate(FAINT_WORDS) == []


FAINT_WORDS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (node) => { for (let at = node; at; at = at.parentElement) {
    const found = rgba(getComputedStyle(at).backgroundColor);
    if (found[3] === 255) return found; } return [255, 255, 255, 255]; };
  const faint = new Set();
  for (const node of document.querySelectorAll("main *, #bar *")) {
    if (node.tagName === "title") continue;
    if (![...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim())) continue;
    const style = getComputedStyle(node);
    const [one, other] = [light(rgba(node instanceof SVGElement ? style.fill : style.color)), light(behind(node))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) faint.add(`${node.tagName}.${node.getAttribute("class")} ${contrast.toFixed(2)}`);
  }
  return [...faint];
}"""
"""Elements whose words have less contrast than WCAG 2.2 asks for (1.4.3, level AA: 4.5 to 1)."""


@pytest.fixture
def plays(stage: ModuleType, hostile: ModuleType) -> tuple[ModuleType, ModuleType]:
    return stage, hostile


def test_a_report_sent_to_somebody_opens_by_itself(
    store: Store, log: SQLiteLog, plays: tuple[ModuleType, ModuleType], visit: Any, tmp_path: Path
) -> None:
    stage, hostile = plays
    play_all(stage, log)
    hostile.hostile_play(stage.Play(log, "ses_hostile"))
    store.catch_up()
    folder = tmp_path
    for session in ("ses_play", "ses_hostile"):
        file = folder / f"{session}.html"
        file.write_text(html(build(store, session)), "utf-8")
        visit.page.goto(file.as_uri())
        assert visit.page.locator("svg.timeline").bounding_box()["height"] > 50
        assert visit.page.evaluate("getComputedStyle(document.querySelector('.card')).borderRadius") == "10px"
        visit.picture(f"report-{session}")
    assert visit.page.locator("script, img, iframe").count() == 0
    assert visit.complaints == []
    assert visit.hosts <= {file.as_uri()[:20]}
