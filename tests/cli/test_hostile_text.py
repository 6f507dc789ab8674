"""Agents may write what they like: no command lets their escape sequences, marks or markup do anything."""

import csv
import io
import re
import unicodedata

import pytest

FORBIDDEN = {"Cc", "Cf", "Cs"}
ASKING = (
    ("sessions",),
    ("agents",),
    ("messages",),
    ("handoffs",),
    ("tools",),
    ("patterns",),
    ("stats", "--by", "tool"),
    ("show", "ses_title"),
    ("sql", "SELECT data, agent FROM events"),
)
STRUCTURED = ("messages", "show", "sql")
"""Whose JSON nests, lists or quotes what agents wrote."""


def dangerous(text: str) -> list[str]:
    return [hex(ord(c)) for c in text if unicodedata.category(c) in FORBIDDEN and c not in "\n\t"]


@pytest.mark.parametrize(
    ("arguments", "form"), [*((a, "table") for a in ASKING), *((a, "json") for a in ASKING if a[0] in STRUCTURED)]
)
def test_nothing_dangerous_leaves_a_command(speak, poisoned, arguments, form) -> None:
    said = speak(*arguments, "--home", poisoned, "--format", form)
    assert (said.code, dangerous(said.out), dangerous(said.err)) == (0, [], [])
    assert said.out
    if form == "json":
        assert said.json


@pytest.mark.parametrize("session", ["ses_clipboard", "ses_bidi"])
@pytest.mark.parametrize("arguments", [("log",), ("report",), ("report", "--format", "json")])
def test_nothing_dangerous_is_told_of_a_session(speak, poisoned, arguments, session) -> None:
    said = speak(arguments[0], session, *arguments[1:], "--home", poisoned)
    assert (said.code, dangerous(said.out), dangerous(said.err)) == (0, [], [])
    assert "fixer" in said.out


def test_an_ambiguous_hostile_id_is_quoted_harmlessly(speak, poisoned) -> None:
    said = speak("show", "ses_", "--home", poisoned)
    assert said.code == 2
    assert dangerous(said.err) == []
    assert "␛]52" in said.err


def test_what_the_user_types_is_quoted_harmlessly_too(speak, poisoned) -> None:
    for arguments in (
        ("show", "\x1b[2Jx"),
        ("\x1b[2J",),
        ("sql", "SELECT '\x9b2J' FROM \x1bx"),
        ("tools", "--since", "\x1b"),
    ):
        said = speak(*arguments)
        assert said.code != 0
        assert dangerous(said.err) == []


def test_csv_and_markdown_keep_their_shape(speak, poisoned) -> None:
    rows = speak("messages", "--home", poisoned, "--format", "json").json
    table = list(csv.reader(io.StringIO(speak("messages", "--home", poisoned, "--format", "csv").out)))
    assert {len(line) for line in table} == {len(rows[0])}
    assert len(table) == len(rows) + 1
    assert not [cell for line in table for cell in line if cell.startswith(("=", "+", "@"))]
    lines = speak("messages", "--home", poisoned, "--format", "md").out.splitlines()
    assert len(lines) == len(rows) + 2
    assert not [line for line in lines if "<script>" in line]


def test_a_reports_fences_and_tables_stay_whole(speak, poisoned) -> None:
    out = speak("report", "ses_markdown", "--home", poisoned).out
    outside_code = re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", out)
    assert [line for line in out.splitlines() if line.startswith("```")] == ["```mermaid", "```", "```", "```"]
    assert "<script>" not in outside_code
    assert "![x]" not in outside_code
