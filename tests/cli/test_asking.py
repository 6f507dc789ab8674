"""The commands that ask: what they tell, in every format, of every session, at any position."""

import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from orchestrion.cli.asking import moment_of
from orchestrion.cli.statistics import question
from orchestrion.cli.wiring import asked, home_of
from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import VIEWS
from orchestrion.projections.store import SNAPSHOT_EVENTS


def test_a_list_is_a_json_array_of_the_views_own_columns(speak, told) -> None:
    views = {"sessions": "sessions", "agents": "agent_runs", "messages": "messages", "handoffs": "handoffs"}
    views |= {"tools": "tool_calls", "patterns": "patterns"}
    columns = {view.name: [name for name, _ in view.columns] for view in VIEWS}
    for command, view in views.items():
        rows = speak(command, "--home", told, "--format", "json").json
        assert len(rows) >= 2, command
        assert list(rows[0]) == columns[view], command


def test_times_are_utc_and_unknown_is_null(speak, told) -> None:
    row = speak("sessions", "--home", told, "--format", "json").json[0]
    assert row["started_at"] == "2026-01-30T10:23:45.123Z"
    assert row["branch"] is None


def test_structures_are_nested_in_json(speak, told) -> None:
    rows = speak("messages", "--home", told, "--type", "finding_report", "--format", "json").json
    assert [row["payload"]["line"] for row in rows] == [42, 42]


def test_filters_narrow_the_list(speak, told) -> None:
    def count(*arguments: str) -> int:
        return len(speak(*arguments, "--home", told, "--format", "json").json)

    assert count("tools", "--session", "ses_a", "--status", "error") == 1
    assert count("tools", "--tool", "Bash", "--session", "last", "--agent", "auditor") == 1
    assert count("messages", "--agent", "auditor", "--type", "finding_report", "--limit", "1") == 1
    assert count("tools", "--since", "2026-01-30T12:23:46+01:00") == 2


def test_a_time_may_be_a_date_a_moment_or_a_while_ago() -> None:
    now = datetime(2026, 1, 30, 12, tzinfo=UTC)
    assert moment_of("90m", now) == datetime(2026, 1, 30, 10, 30)
    assert moment_of("2 d ago", now) == datetime(2026, 1, 28, 12)
    assert moment_of("2026-01-30") == datetime(2026, 1, 30)
    assert moment_of("2026-01-30T10:00+02:00") == moment_of("2026-01-30T08:00Z") == datetime(2026, 1, 30, 8)


def test_the_limit_keeps_the_newest_and_shows_the_oldest_of_them_first(speak, told) -> None:
    rows = speak("tools", "--home", told, "--limit", "3", "--format", "json").json
    times = [row["started_at"] for row in rows]
    assert times == sorted(times)
    assert rows[-1]["session"] == "ses_beta"


def test_what_has_no_time_takes_no_place_from_the_newest(speak, play_home) -> None:
    home, _, record = play_home
    record(home, [e.SessionStarted(source="transcript", session=name, product="codex") for name in ("ses_0", "ses_z")])

    def listed(limit: int) -> list[str]:
        rows = speak("sessions", "--limit", limit, "--home", home, "--format", "json").json
        return [row["session"] for row in rows]

    everything = listed(100)
    assert everything[-1] == "ses_alpha", "the newest stands last"
    assert [listed(limit) for limit in (1, 2, 3)] == [everything[-limit:] for limit in (1, 2, 3)]


def test_at_shows_the_state_as_it_was(speak, told) -> None:
    then = speak("agents", "--home", told, "--at", 4, "--format", "json").json
    assert [(run["agent"], run["status"]) for run in then] == [("auditor", "running")]
    assert speak("sql", "SELECT count(*) AS n FROM events", "--at", 4, "--home", told, "--format", "json").json == [
        {"n": 4}
    ]


def test_a_session_is_named_by_its_beginning_or_as_the_last_one(speak, told) -> None:
    assert speak("show", "ses_alp", "--home", told, "--format", "json").json["session"] == "ses_alpha"
    assert speak("show", "last", "--home", told, "--format", "json").json["session"] == "ses_beta"


def test_an_ambiguous_beginning_is_refused_with_the_candidates(speak, told) -> None:
    said = speak("show", "ses_", "--home", told)
    assert said.code == 2
    assert "ses_alpha, ses_beta" in said.err


def test_a_session_that_is_not_there_is_not_found(speak, told) -> None:
    said = speak("show", "nobody", "--home", told)
    assert (said.code, said.out) == (3, "")
    assert "nobody" in said.err


@pytest.mark.parametrize("since", ["yesterdayish", "2026-13-01", "999999w"])
def test_a_time_that_is_none_is_refused(speak, told, since) -> None:
    said = speak("tools", "--since", since, "--home", told)
    assert said.code == 2
    assert since in said.err


def test_show_draws_the_tree_of_runs(speak, told) -> None:
    out = speak("show", "ses_alpha", "--home", told).out
    assert "● auditor (completed, 4.0 s, 2 tool calls, 1 messages): Fix it" in out
    assert "● fixer (timed_out, 3.0 s" in out


def test_show_in_json_has_the_runs(speak, told) -> None:
    assert [run["agent"] for run in speak("show", "ses_alpha", "--home", told, "--format", "json").json["runs"]] == [
        "auditor",
        "fixer",
    ]


def test_stats_count_by_everything(speak, told) -> None:
    with asked(home_of(told)) as store:

        def by(grouping: str, **narrowed: object) -> dict:
            rows = store.query(*question(grouping, **{"session": None, "since": None, **narrowed})).dicts()
            return {row.pop(next(iter(row))): row for row in rows}

        assert by("tool")["Bash"]["failed"] == 2
        assert by("tool", session="ses_beta")["Bash"]["failed"] == 1
        assert by("tool", since=datetime(2026, 1, 30, 12)) == {}
        assert by("agent")["auditor"]["median_ms"] == 4000
        assert by("message")["validation_request"]["senders"] == 1
        assert by("source")["orchestrion"]["sessions"] == 2
        assert by("project")["Fix it"]["sessions"] == 1
        assert by("model") == {}
    rows = speak("stats", "--by", "tool", "--session", "ses_a", "--home", told, "--format", "json").json
    assert {row["tool"]: row["calls"] for row in rows} == {"Bash": 1, "Read Fix it": 1}


def test_sql_answers_row_objects_and_takes_its_query_from_a_file(speak, told, tmp_path: Path) -> None:
    file = tmp_path / "q.sql"
    file.write_text("SELECT session, agents FROM sessions ORDER BY session")
    rows = [{"session": "ses_alpha", "agents": 2}, {"session": "ses_beta", "agents": 2}]
    assert speak("sql", "--file", file, "--home", told, "--format", "json").json == rows


def test_sql_takes_its_query_from_standard_input(program, told) -> None:
    said = program("sql", "-", "--home", told, "--format", "csv", input="SELECT 1 AS a, 2 AS a")
    assert said.out == "a,a_1\n1,2\n"


@pytest.mark.parametrize(
    "query", ["DELETE FROM events", "SELECT * FROM read_text('/etc/passwd')", "ATTACH 'x.db'", "SELECT", ""]
)
def test_sql_that_is_no_question_is_refused(speak, told, query) -> None:
    said = speak("sql", query, "--home", told)
    assert (said.code, said.out) == (6, "")
    assert said.err.count("\n") <= 2


def test_sql_wants_exactly_one_query(speak, told, tmp_path: Path) -> None:
    assert speak("sql", "--home", told).code == 2
    assert speak("sql", "SELECT 1", "--file", tmp_path / "q.sql", "--home", told).code == 2
    assert speak("sql", "--file", tmp_path / "none.sql", "--home", told).code == 3


def test_schema_lists_the_views_and_their_columns(speak) -> None:
    names = {row["view"] for row in speak("schema", "--format", "json").json}
    assert {"events", "sessions", "agent_runs", "tool_calls", "messages", "handoffs", "usage", "patterns"} <= names
    columns = [row["column"] for row in speak("schema", "usage", "--format", "json").json]
    assert columns[:3] == ["session", "run", "model"]
    assert speak("schema", "nothing").code == 3


def test_large_integers_and_values_that_json_lacks_survive(speak, told) -> None:
    query = "SELECT 12345678901234567890::HUGEINT AS big, 'nan'::DOUBLE AS nan, [1, 2] AS list, {'a': 1} AS struct"
    said = speak("sql", query, "--home", told, "--format", "json")
    row = json.loads(said.out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))[0]
    assert row["big"] in (12345678901234567890, "12345678901234567890")
    assert row["list"] == [1, 2]


def test_a_report_is_written_in_each_of_its_forms(speak, told, tmp_path: Path) -> None:
    written = speak("report", "ses_alpha", "--home", told).out
    assert "graph LR" in written
    assert "| auditor |" in written
    page = speak("report", "ses_alpha", "--home", told, "--format", "html").out
    assert page.startswith("<!")
    assert "<script" not in page
    document = speak("report", "ses_alpha", "--home", told, "--format", "json").json
    assert document["header"]["status"]["value"] == "failed"
    said = speak("report", "ses_alpha", "--home", told, "--output", tmp_path / "r.md")
    assert (said.out, (tmp_path / "r.md").read_text()) == ("", written)


def test_a_followed_report_ends_as_a_later_one_would(speak, told, tmp_path: Path) -> None:
    assert speak("report", "last", "--follow", "--home", told).code == 2
    assert speak("report", "last", "--follow", "--output", tmp_path / "r.md", "--home", told).code == 0
    assert (tmp_path / "r.md").read_text() == speak("report", "last", "--home", told).out


def test_a_question_about_a_long_log_has_its_snapshot_taken(program, tmp_path: Path) -> None:
    """Else each question would read all of it anew, and of a million events none would be answered."""
    home = tmp_path / "home"
    about: dict[str, Any] = {"source": "transcript", "session": "s", "sender": "a", "recipient": "b"}
    with closing(open_log(home)) as log:
        facts = (
            e.MessageSent(**about, type="response", payload={}, message=f"m{n}") for n in range(SNAPSHOT_EVENTS + 1)
        )
        log.observe(list(map(witnessed, facts)), clean=True)
    for _ in range(2):
        said = program("sql", "SELECT count(*) AS n FROM messages", "--home", home, "--format", "json")
        assert (said.code, said.json) == (0, [{"n": SNAPSHOT_EVENTS + 1}]), said.err
        taken = [path.name.split("-")[1] for path in (home / "projections").glob("g-*.duckdb")]
        assert taken == [str(SNAPSHOT_EVENTS + 1)]
