"""Real recorded sessions become reports that agree with the views, now and at every position tried."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrion.eventstore import MemoryLog, secret_redactor
from orchestrion.ingest import import_paths
from orchestrion.projections import Store
from orchestrion.tui.report import build, html, json_text, markdown

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "sessions"
RECORDINGS = sorted(FOLDER.glob("claude-code*"))
if not RECORDINGS:
    pytest.skip(f"no recordings beside the checkout: {FOLDER} is not there", allow_module_level=True)
SEED = 5


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("home")
    redactor = secret_redactor(home, {})
    log = MemoryLog(redactor)
    import_paths(log, redactor, "claude-code", RECORDINGS)
    with Store(log, home / "projections") as store:
        store.catch_up()
        yield store
    log.close()


def sessions(store: Store) -> list[dict[str, Any]]:
    return store.query("SELECT * FROM sessions ORDER BY session").dicts()


def test_their_figures_are_those_of_the_views(recorded: Store) -> None:
    assert len(sessions(recorded)) > 10
    for row in sessions(recorded):
        report = build(recorded, row["session"])
        assert report.metrics["tool_calls"].value == row["tool_calls"]
        assert report.summary["messages"].value == row["messages"]
        assert len(report.agents) == row["agents"]
        assert report.metrics["output_tokens"].value in (row["output_tokens"], None)
        assert report.last == row["position"]


def test_every_position_that_a_figure_names_is_one_of_the_session(recorded: Store) -> None:
    for row in sessions(recorded):
        asked = "SELECT position FROM events WHERE session = $session"
        own = {place for (place,) in recorded.query(asked, {"session": row["session"]}).rows}
        report = build(recorded, row["session"])
        named = {place for figure in report.metrics.values() for place in figure.positions}
        named |= {place for advice in report.advice for place in advice.positions}
        named |= {place for line in report.agents for place in line.positions}
        assert named <= own
        assert all(advice.positions for advice in report.advice)


def test_a_report_at_a_position_looks_at_nothing_that_came_after(recorded: Store) -> None:
    chance = random.Random(SEED)  # noqa: S311 - a seeded choice, no secret
    for row in chance.sample(sessions(recorded), 6):
        asked = "SELECT position FROM events WHERE session = $session"
        at = chance.choice(recorded.query(asked, {"session": row["session"]}).rows)[0]
        report = build(recorded, row["session"], at)
        assert report.last == at
        assert max((place for figure in report.metrics.values() for place in figure.positions), default=0) <= at


def test_they_can_be_written_in_every_form(recorded: Store) -> None:
    for row in sessions(recorded):
        report = build(recorded, row["session"])
        assert markdown(report).count("\n## ") == 7
        assert html(report).endswith("</html>\n")
        assert json_text(report).startswith("{")
