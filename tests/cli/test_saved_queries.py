"""Saved queries asked by name, and checks as a gate: parameters are bound, errors are sentences, verdicts are codes."""

import json
import os
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from orchestrion.domain.errors import BadDefinition, Refused
from orchestrion.projections.saved import read_query, saved_queries, shipped

ECHO = """-- Says what it was given.
-- param: what text
-- param: many integer = 2 : how often
-- param: since time = null
SELECT $what AS what, $many AS many, $since AS since, '$not' AS "$neither" -- nor $this
"""


@pytest.fixture
def home(told: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "home"
    shutil.copytree(told, copy)
    (copy / "queries").mkdir()
    (copy / "queries" / "echo.sql").write_text(ECHO)
    return copy


@pytest.mark.parametrize("what", ["x", "it's", "'; DROP TABLE events; --", '"', "$many", "-5", "a=b", "ü␛"])
def test_a_value_is_bound_and_never_pasted(speak, home, what: str) -> None:
    said = speak("ask", "echo", f"--what={what}", "--many", "7", "--home", home, "--format", "json")
    assert said.json == [{"what": what, "many": 7, "since": None, "$neither": "$not"}]


def test_a_query_is_asked_with_its_defaults_and_types(program, home) -> None:
    said = program(
        "ask", "echo", "--what", "x", "--since", "2026-01-30T12:00+02:00", "--home", home, "--format", "json"
    )
    assert said.json == [{"what": "x", "many": 2, "since": "2026-01-30T10:00:00Z", "$neither": "$not"}]


@pytest.mark.parametrize(
    ("words", "code", "told_"),
    [
        (["echo"], 2, "needs --what VALUE"),
        (["echo", "--what"], 2, "--what needs a value"),
        (["echo", "what"], 2, "'what' is no parameter"),
        (["echo", "--what", "a", "--what", "b"], 2, "given twice"),
        (["echo", "--what", "a", "--more", "b"], 2, "no parameter 'more'; it has --what, --many, --since"),
        (["echo", "--what", "a", "--many", "b"], 2, "'b' is not a whole number"),
        (["echo", "--what", "a", "--many", str(2**64)], 2, "is not a whole number"),
        (["echo", "--what", "a", "--since", "now"], 2, "is not a time such as"),
        (["ecko"], 3, "did you mean echo?"),
        (["../echo"], 3, "no saved query"),
        (["broken"], 6, "no_such_view"),
        (["two"], 6, "One question at a time"),
        (["writes"], 6, "Only questions are answered"),
        (["odd"], 2, "odd.sql:1: write `-- param:"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_a_sentence(speak, home, words, code: int, told_: str) -> None:
    folder = home / "queries"
    (folder / "broken.sql").write_text("SELECT * FROM no_such_view")
    (folder / "two.sql").write_text("SELECT 1; SELECT 2")
    (folder / "writes.sql").write_text("CREATE TABLE x (a INTEGER)")
    (folder / "odd.sql").write_text("-- param: a colour\nSELECT $a")
    said = speak("ask", *words, "--home", home)
    assert (said.code, said.out) == (code, "")
    assert told_ in said.err


def test_without_a_name_the_queries_are_listed_and_a_bad_file_hides_no_other(speak, home) -> None:
    (home / "queries" / "bad.sql").write_text("-- param: at text\nSELECT $at")
    said = speak("ask", "--home", home, "--format", "json")
    found = {row["query"]: row for row in said.json}
    assert found["echo"]["help"] == "Says what it was given."
    assert found["echo"]["parameters"] == "--what TEXT [--many INTEGER=2] [--since TIME]"
    assert {"agents-that-fail", "dearest-sessions", "failing-tools", "repeated-calls"} <= found.keys()
    assert "bad.sql: a parameter may not be called at" in said.err


def test_the_shipped_queries_answer_on_a_log_and_on_an_empty_one(speak, home, tmp_path) -> None:
    from orchestrion.eventstore import open_log

    open_log(tmp_path / "empty").close()
    for name in saved_queries([shipped("queries")])[0]:
        said = speak("ask", name, "--home", home, "--format", "json")
        assert said.code == 0, said.err
        assert "NaN" not in said.out
        assert speak("ask", name, "--home", tmp_path / "empty", "--format", "json").json == []
    assert speak("ask", "failing-tools", "--calls", "1", "--home", home, "--format", "json").json[0]["tool"] == "Bash"


def test_a_folder_of_a_project_comes_first_and_the_past_can_be_asked(speak, home, tmp_path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "echo.sql").write_text("SELECT count(*) AS n FROM tool_calls")
    told_ = ["ask", "echo", "--folder", mine, "--home", home, "--format", "json"]
    assert speak(*told_).json == [{"n": 4}]
    assert speak(*told_, "--at", "4").json == [{"n": 1}]


def test_checks_give_an_exit_code_and_evidence(speak, home, tmp_path) -> None:
    good, bad = tmp_path / "good.sql", tmp_path / "bad.sql"
    good.write_text("-- Nothing.\nSELECT 1 WHERE false")
    bad.write_text("-- No call fails.\nSELECT session, tool, error FROM tool_calls WHERE status = 'error'")
    junit = tmp_path / "junit.xml"
    said = speak("assert", good, bad, "--home", home, "--junit", junit, "--format", "json")
    assert said.code == 11
    assert [(row["check"], row["status"], row["rows"]) for row in said.json] == [
        ("good", "passed", 0),
        ("bad", "failed", 2),
    ]
    assert said.json[1]["evidence"][0]["tool"] == "Bash"
    suite = ET.fromstring(junit.read_text())[0]  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    assert "tool Bash" in suite[1][0].get("message")
    assert speak("assert", good, "--home", home).code == 0


def test_a_check_that_cannot_be_asked_is_an_error_and_the_others_are_still_judged(speak, home, tmp_path) -> None:
    wrong, bad = tmp_path / "wrong.sql", tmp_path / "bad.sql"
    wrong.write_text("SELECT nothing FROM nowhere")
    bad.write_text("SELECT 1 AS one")
    junit = tmp_path / "junit.xml"
    said = speak("assert", wrong, bad, "--home", home, "--junit", junit, "--format", "json")
    assert said.code == 6
    assert [row["status"] for row in said.json] == ["error", "failed"]
    assert "nowhere" in ET.fromstring(junit.read_text())[0][0][0].get("message")  # noqa: S314
    assert speak("assert", tmp_path / "gone.sql", "--home", home).code == 3
    assert speak("assert", bad, "--set", "x", "--home", home).code == 2
    assert "none of these checks" in speak("assert", bad, "--set", "x=1", "--home", home).err


def test_a_check_whose_parameters_have_an_error_is_one_error_among_the_others(program, speak, home, tmp_path) -> None:
    bad, good, junit = tmp_path / "header.sql", tmp_path / "good.sql", tmp_path / "junit.xml"
    bad.write_text("-- What it checks.\n-- param: days anything\nSELECT $days")
    good.write_text("-- param: most integer = 1\nSELECT 1 AS one WHERE $most = 0")
    said = program("assert", bad, good, "--set", "days=3", "--home", home, "--junit", junit, "--format", "json")
    assert said.code == 6
    assert [row["status"] for row in said.json] == ["error", "passed"]
    assert f"{bad}:2: write `-- param:" in said.json[0]["error"]
    case = ET.fromstring(junit.read_text())[0][0]  # noqa: S314
    assert (case.get("name"), case[0].tag, f"{bad}:2" in case[0].get("message", "")) == ("header", "error", True)
    bad.write_bytes(b"SELECT '\xff'")
    assert (
        "header.sql is no UTF-8 text" in speak("assert", bad, good, "--home", home, "--format", "json").json[0]["error"]
    )


SHIPPED = [path for folder in ("queries", "checks") for path in sorted(shipped(folder).glob("*.sql"))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_order_of_imports_does_not_change_an_answer_nor_its_order(speak, twice, tmp_path, path: Path) -> None:
    found = []
    for home in twice:
        # As a query of one's own, with whatever lets it find something.
        own = tmp_path / path.name
        own.write_text(re.sub(r"(param: (?:calls|percent|dollars)) (\w+) = \d+", r"\1 \2 = 0", path.read_text()))
        said = speak("ask", path.stem, "--folder", tmp_path, "--home", home, "--format", "json")
        assert said.code == 0, said.err
        found.append(said.json)
    assert found[0] == found[1]
    assert found[0] or path.stem in ("dearest-sessions", "sessions-within-budget")


@pytest.mark.parametrize("list_", ["sessions", "agents", "messages", "handoffs", "tools", "patterns"])
def test_lists_of_what_came_at_one_time_have_one_order(speak, twice, list_: str) -> None:
    found = []
    for home in twice:
        rows = speak(list_, "--limit", "4", "--home", home, "--format", "json").json
        found.append([{name: value for name, value in row.items() if name != "position"} for row in rows])
    assert found[0] == found[1]


def test_a_folder_that_is_not_there_is_refused(program, home, tmp_path) -> None:
    for words in ((), ("failing-tools",)):
        said = program("ask", *words, "--folder", tmp_path / "nofolder", "--home", home)
        assert (said.code, said.out) == (3, "")
        assert "there is no folder" in said.err


def test_the_shipped_checks_find_what_they_are_for(program, speak, home, tmp_path) -> None:
    from orchestrion.eventstore import open_log

    said = program("assert", "no-unanswered-validation", "tool-failures-below", "sessions-within-budget",
                   "--set", "calls=1", "--home", home, "--format", "json")  # fmt: skip
    assert {row["check"]: row["status"] for row in said.json} == {
        "no-unanswered-validation": "failed", "tool-failures-below": "failed", "sessions-within-budget": "passed",
    }  # fmt: skip
    assert said.json[1]["evidence"][0]["failed_percent"] == 100
    open_log(tmp_path / "empty").close()
    names = [row["check"] for row in speak("assert", "--format", "json").json]
    assert len(names) >= 3
    assert speak("assert", *names, "--home", tmp_path / "empty").code == 0


def test_hostile_text_in_a_row_is_inert_in_junits_file(speak, poisoned, tmp_path) -> None:
    check, junit = tmp_path / "c.sql", tmp_path / "j.xml"
    check.write_text("SELECT request FROM sessions")
    assert speak("assert", check, "--home", poisoned, "--junit", junit).code == 11
    text = junit.read_text()
    assert "\x1b" not in text
    ET.fromstring(text)  # noqa: S314


def test_a_missing_log_and_an_unwritable_file_are_told(speak, home, tmp_path) -> None:
    check = tmp_path / "c.sql"
    check.write_text("SELECT 1 WHERE false")
    assert speak("assert", check, "--home", tmp_path / "none").code == 3
    said = speak("assert", check, "--home", home, "--junit", tmp_path / "no" / "j.xml")
    assert said.code == 1
    assert "cannot be written" in said.err
    assert "passed" in said.out  # what was found is told all the same


@pytest.mark.parametrize(
    ("text", "told_"),
    [
        ("-- param: a text\n-- param: a text\nSELECT $a", "declared twice"),
        ("-- param: a text\nSELECT 1", "$a is nowhere"),
        ("-- param: a integer = x\nSELECT $a", "default of a is not a whole number"),
        ("-- param: a number = nan\nSELECT $a", "default of a is not a number"),
        ("SELECT $home", "may not be called home"),
        (b"SELECT '\xff'", "no UTF-8 text"),
    ],
)
def test_a_file_with_an_error_is_named(tmp_path, text, told_: str) -> None:
    file = tmp_path / "q.sql"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadDefinition, match=r"q\.sql") as refused:
        read_query(file)
    assert told_ in str(refused.value)


def test_parameters_in_texts_comments_and_quoted_blocks_are_none(tmp_path) -> None:
    file = tmp_path / "q.sql"
    file.write_text("""SELECT '$a it''s', "$b", $$ $c $$, $t$ $d $t$, $e -- $f\n/* $g */""")
    assert [p.name for p in read_query(file).parameters] == ["e"]
    with pytest.raises(Refused, match="needs --e"):
        read_query(file).bound({})
    assert json.dumps(read_query(file).bound({"e": "'"})) == '{"e": "\'"}'
    assert os.fspath(read_query(file).path) == str(file)


def test_a_question_with_defaults_in_its_comment_is_asked_with_them_anywhere(speak, home, tmp_path) -> None:
    from orchestrion.cli.dashboard import feed_of
    from orchestrion.cli.wiring import home_of, opened

    file = tmp_path / "q.sql"
    file.write_text("-- param: calls integer = 1\nSELECT count(*) AS n FROM tool_calls LIMIT $calls")
    assert speak("sql", "--file", file, "--home", home, "--format", "json").json == [{"n": 4}]
    with opened(home_of(home)) as (log, store):
        assert feed_of(log, store, home_of(home)).ask(file.read_text(), None).rows == [(4,)]
    said = speak("sql", "SELECT $x", "--home", home)
    assert said.code == 6
    assert "$x" in said.err
