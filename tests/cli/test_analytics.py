"""docs/analytics.md: every question asked again of the recordings, its answer as it is written."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.main import main
from orchestrion.cli.plain import markdown
from orchestrion.cli.wiring import asked, home_of
from orchestrion.eventstore import open_log
from orchestrion.projections.inquiry import outcome_of, profile
from orchestrion.projections.locked import DUCKDB_MEMORY_MB

ROOT = Path(__file__).parents[2]
SESSIONS = ROOT.parent / "shared" / "sessions"
QUESTION = re.compile(
    r"## (?P<title>\d+\. [^\n]*)\n\n(?:(?!\n## ).)*?```sql\n(?P<sql>.*?)\n```\n\n(?P<answer>.*?)(?=\n## |\Z)", re.DOTALL
)
QUESTIONS = [found.groupdict() for found in QUESTION.finditer((ROOT / "docs" / "analytics.md").read_text())]


def as_markdown(found: Any) -> str:
    """As `orchestrion sql --format md` prints it."""
    lines = [found.columns, *found.rows]
    cells = ["| " + " | ".join(map(markdown, line)) + " |" for line in lines]
    return "\n".join([cells[0], "| " + " | ".join("---" for _ in found.columns) + " |", *cells[1:]])


def test_there_are_twenty_questions_each_with_its_answer() -> None:
    assert len(QUESTIONS) == 20
    assert all(each["answer"].startswith("| ") for each in QUESTIONS)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with all recordings."""
    if not SESSIONS.is_dir():
        pytest.skip(f"no recordings beside the checkout: {SESSIONS} is not there")
    home = tmp_path_factory.mktemp("recorded")
    assert main(["import", "auto", str(SESSIONS), "--home", str(home)]) == 0
    return home


def test_the_answers_are_those_of_the_recordings(recorded: Path) -> None:
    with asked(home_of(recorded)) as store:
        for each in QUESTIONS:
            assert as_markdown(store.query(each["sql"])) == each["answer"].strip(), each["title"]


def test_the_shipped_command_gives_the_same_answer(recorded: Path, speak: Any, tmp_path: Path) -> None:
    question = tmp_path / "question.sql"
    question.write_text(QUESTIONS[0]["sql"])
    said = speak("sql", "--file", question, "--home", recorded, "--format", "md")
    assert said.code == 0
    assert said.out.strip() == QUESTIONS[0]["answer"].strip()


@pytest.fixture(scope="module")
def cut(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """A position near the head, and a home with the log up to there."""
    folder = tmp_path_factory.mktemp("cut")
    with closing(open_log(recorded)) as log:
        at = log.head() - 50
    file, home = folder / "log.jsonl", folder / "home"
    assert main(["export", "--at", str(at), "-o", str(file), "--home", str(recorded)]) == 0
    assert main(["import", "orchestrion", str(file), "--home", str(home)]) == 0
    return at, home


def test_as_of_a_position_the_answers_are_those_of_a_log_cut_there(recorded: Path, cut: tuple[int, Path]) -> None:
    """Within the memory that a question has."""
    at, home = cut
    with asked(home_of(recorded)) as store, asked(home_of(home)) as part:
        store.lock_down([f"SET memory_limit = '{DUCKDB_MEMORY_MB}MB'", "SET temp_directory = ''"])
        for each in QUESTIONS:
            with store.sparing(each["sql"], at=at) as cursor:
                rows = cursor.execute(each["sql"]).fetchall()
            assert rows == part.query(each["sql"], at=at).rows, each["title"]


@pytest.mark.parametrize("number", [2, 4, 15])
def test_the_shipped_command_answers_as_of_a_position(recorded: Path, cut: tuple[int, Path], number, program) -> None:
    sql = QUESTIONS[number - 1]["sql"]
    found = program("sql", sql, "--at", cut[0], "--home", recorded, "--format", "json")
    assert found.code == 0, found.err
    assert found.json == program("sql", sql, "--at", cut[0], "--home", cut[1], "--format", "json").json


def test_learning_and_agent_runs_know_the_same_span_of_every_recorded_run(recorded: Path) -> None:
    with asked(home_of(recorded)) as store:
        differing = store.query(
            "SELECT run FROM agent_runs AS a FULL JOIN learn_runs AS l USING (run) WHERE (a.duration_ms, a.started_at, "
            "a.ended_at, a.status) IS DISTINCT FROM (l.duration_ms, l.started_at, l.ended_at, l.status)"
        )
        assert differing.rows == []


def test_the_critical_path_of_every_recorded_session_covers_the_time_that_passed_once(recorded: Path) -> None:
    with asked(home_of(recorded)) as store:
        for (session,) in store.query("SELECT session FROM sessions").rows:
            found = profile(store, session)
            if found.wall_ms is not None:
                assert (found.critical_ms or 0) + (found.waiting_ms or 0) == found.wall_ms, session


def test_blame_takes_every_labelled_conversation_for_failed(recorded: Path) -> None:
    with asked(home_of(recorded)) as store:
        judged = store.query("SELECT DISTINCT session FROM outcomes WHERE verdict = 'incorrect'").rows
        assert len(judged) == 13
        assert {outcome_of(store, session).what for (session,) in judged} == {"failed"}
