"""The HTML report is one file that asks for nothing, runs nothing, and shows text as text."""

import re
from html.parser import HTMLParser
from types import ModuleType
from xml.etree import ElementTree

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.tui.report import build, html, json_text

VOID = {"meta", "link"}
SVG = "{http://www.w3.org/2000/svg}"


class Reader(HTMLParser):
    """Collects tags, attributes and text, and checks that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data


def read(document: str) -> Reader:
    reader = Reader()
    reader.feed(document)
    reader.close()
    assert reader.open == []
    return reader


@pytest.fixture
def document(log: MemoryLog, store: Store, stage: ModuleType) -> str:
    for _ in stage.story(stage.Play(log)):
        pass
    store.catch_up()
    return html(build(store, "ses_play"))


def timeline_of(document: str) -> ElementTree.Element:
    drawn = re.search(r"<svg.*?</svg>", document, re.S)
    assert drawn is not None
    return ElementTree.fromstring(drawn[0])  # noqa: S314 - our own document


def test_it_asks_for_nothing_and_runs_nothing(document: str) -> None:
    reader = read(document)
    assert not reader.tags & {"script", "iframe", "object", "embed", "img", "base", "form"}
    assert reader.attributes["href"] == {"data:,"}
    assert "src" not in reader.attributes
    assert not [name for name in reader.attributes if name.startswith("on") or name == "style"]
    assert "default-src 'none'; style-src 'sha256-" in next(
        value for value in reader.attributes["content"] if "default-src" in value
    )
    assert "url(" not in document
    assert "@import" not in document


def test_it_draws_agents_as_lanes_calls_as_bars_messages_and_handoffs_as_arrows(document: str) -> None:
    drawn = timeline_of(document)
    classes = [node.get("class", "").split() for node in drawn.iter()]
    lanes = [node.text for node in drawn.iter() if node.get("class") == "lane"]
    assert lanes == ["security-auditor", "backend-api-developer", "test-suite-developer", "docs-writer"]
    assert sum("bar" in names for names in classes) == 9
    assert sum(names == ["bar", "failed"] for names in classes) == 1
    assert sum(names == ["bar", "mcp"] for names in classes) == 1
    assert sum("arrow" in names for names in classes) == 5
    assert sum(names == ["arrow", "handoff"] for names in classes) == 1
    titles = [node.text or "" for node in drawn.iter("title")]
    assert "Bash · 1.1 s · error · positions 20, 21" in titles


def test_every_figure_can_be_checked_at_its_positions(document: str) -> None:
    assert "positions 20, 21" in read(document).attributes["title"]


def test_hostile_text_stays_text(log: MemoryLog, store: Store, stage: ModuleType, hostile: ModuleType) -> None:
    hostile.hostile_play(stage.Play(log))
    store.catch_up()
    document = html(build(store, "ses_play"))
    reader = read(document)
    assert not reader.tags & {"script", "img", "b "}
    assert "src" not in reader.attributes
    assert not [name for name in reader.attributes if name.startswith("on")]
    assert not set(document) & set(hostile.OBEYED)
    assert "<script>alert(1)</script>" in reader.said
    assert "&#60;script&#62;" in reader.said, "what looked like a reference is shown as it was written"
    timeline_of(document)


def test_the_json_of_hostile_text_holds_no_character_that_a_terminal_obeys(
    log: MemoryLog, store: Store, stage: ModuleType, hostile: ModuleType
) -> None:
    hostile.hostile_play(stage.Play(log))
    store.catch_up()
    assert not set(json_text(build(store, "ses_play"))) & set(hostile.OBEYED)
