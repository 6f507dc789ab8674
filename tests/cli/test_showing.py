"""How data is shown: four formats that hold the same, nothing that a terminal or a spreadsheet would obey."""

import csv
import io
import json
import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.cli import show
from orchestrion.cli.options import Format
from orchestrion.cli.plain import Written, cell, lasting, markdown
from orchestrion.cli.show import Sheet

FORBIDDEN = {"Cc", "Cf", "Cs"}
SHEET = Sheet(
    ("name", "value", "at"),
    [("plain", 1, datetime(2026, 1, 2, 3, 4, 5, 6000)), ("wide 日本", None, None), ("two\nlines", 2.5, None)],
)


def shown(capsys, data, form: Format) -> str:
    show.table(data, form)
    return capsys.readouterr().out


def harmless(text: str) -> bool:
    return not [c for c in text if unicodedata.category(c) in FORBIDDEN and c not in "\n\t"]


def test_json_has_every_value_in_its_type(capsys) -> None:
    assert json.loads(shown(capsys, SHEET, Format.json)) == [
        {"name": "plain", "value": 1, "at": "2026-01-02T03:04:05.006Z"},
        {"name": "wide 日本", "value": None, "at": None},
        {"name": "two\nlines", "value": 2.5, "at": None},
    ]


def test_csv_is_read_back_as_the_same_rows(capsys) -> None:
    rows = list(csv.reader(io.StringIO(shown(capsys, SHEET, Format.csv))))
    assert rows[0] == ["name", "value", "at"]
    assert rows[1:] == [["plain", "1", "2026-01-02T03:04:05.006Z"], ["wide 日本", "", ""], ["two\nlines", "2.5", ""]]


def test_markdown_has_as_many_cells_in_each_row(capsys) -> None:
    lines = shown(capsys, Sheet(("a|b", "c"), [("x|y", "`z`"), ("\n", "<b>")]), Format.md).splitlines()
    assert lines == ["| a\\|b | c |", "| --- | --- |", "| x\\|y | \\`z\\` |", "| ⏎ | &lt;b&gt; |"]


def test_a_table_aligns_by_what_a_terminal_shows(capsys) -> None:
    lines = shown(capsys, SHEET, Format.table).splitlines()
    assert lines[1].startswith("─────────  ─────")
    assert lines[3].startswith("wide 日本      –")
    assert lines[4].startswith("two⏎lines    2.5")


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_table_on_a_terminal_fits_its_width(capsys, monkeypatch, width) -> None:
    from rich.cells import cell_len

    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    data = Sheet(("a", "日本語の列", "c"), [("x" * 50, "漢字" * 30, 7)])
    lines = shown(capsys, data, Format.table).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "…" in lines[2]


NUMBERS = Sheet(
    ("model", "requests", "cache_read_tokens", "cost", "last_seen", "words"),
    [
        (
            f"claude-sonnet-4-{day}",
            10**6 + day,
            54_295_472 * day,
            Written(f"≥ ${day},040.14"),
            SHEET.rows[0][2],
            "so " * 40,
        )
        for day in range(1, 4)
    ],
)


@pytest.mark.parametrize("width", [48, 60, 80, 100])
def test_a_terminal_is_shown_every_number_whole_and_every_key_apart(capsys, monkeypatch, width) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    shown_ = shown(capsys, NUMBERS, Format.table)
    assert max(map(len, shown_.splitlines())) <= width
    for panel in shown_.split("\n\n"):
        keys = [line.split()[0] for line in panel.splitlines() if line.startswith("claude")]
        assert len(set(keys)) == 3
    for row in NUMBERS.rows:
        for value in row[1:5]:
            assert re.search(rf"(^|  ){re.escape(cell(value))}($|  )", shown_, re.M), value


def test_a_name_is_broken_rather_than_cut_where_it_alone_is_wide(capsys, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    data = Sheet(("key", "cache_read_tokens"), [("a", 1)])
    assert shown(capsys, data, Format.table).splitlines() == [
        "     cache_", "      read_", "key  tokens", "───  ──────", "a         1",
    ]  # fmt: skip


def test_an_empty_table_says_so_but_not_on_standard_output(capsys) -> None:
    show.table(Sheet(("a",), []), Format.table, empty="Nobody is here.")
    assert tuple(capsys.readouterr()) == ("", "Nobody is here.\n")
    assert json.loads(shown(capsys, Sheet(("a",), []), Format.json)) == []
    assert shown(capsys, Sheet(("a",), []), Format.csv) == "a\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_text_of_a_csv_is_a_formula(capsys, text) -> None:
    cell = next(csv.reader(io.StringIO(shown(capsys, Sheet(("x",), [(text,)]), Format.csv).partition("\n")[2])))[0]
    assert cell == f"'{text}"


def test_numbers_of_a_csv_stay_numbers(capsys) -> None:
    assert shown(capsys, Sheet(("x",), [(-1,), (-2.5,)]), Format.csv) == "x\n-1\n-2.5\n"


def test_values_that_json_lacks_are_told_in_words(capsys) -> None:
    row = (float("nan"), float("inf"), 2**70, Decimal("1.5"), b"\xff", timedelta(seconds=1.5))
    columns = ("nan", "inf", "big", "decimal", "bytes", "span")
    assert json.loads(shown(capsys, Sheet(columns, [row]), Format.json))[0] == {
        "nan": "nan", "inf": "inf", "big": 2**70, "decimal": 1.5, "bytes": "ff", "span": 1.5,
    }  # fmt: skip


@given(st.text(st.characters(), max_size=40))
@pytest.mark.parametrize("form", list(Format))
def test_whatever_the_text_no_format_lets_a_control_character_through(form, text) -> None:
    from contextlib import redirect_stdout

    with redirect_stdout(io.StringIO()) as printed:
        show.table(Sheet(("x", "y"), [(text, {"key": [text]})]), form)
    out = printed.getvalue()
    assert harmless(out) or all(ord(c) > 0x500 for c in out if unicodedata.category(c) == "Cf")
    if form is Format.json:
        assert json.loads(out) == [{"x": text, "y": {"key": [text]}}]
    if form is Format.table:
        assert out.count("\n") == 3
    if form is Format.md:
        assert out.count("\n") == 3


def test_markdown_is_shown_literally() -> None:
    assert markdown("**b** [x](y) <i> _z_") == "\\*\\*b\\*\\* \\[x\\](y) &lt;i&gt; \\_z\\_"


def test_durations_read_well() -> None:
    assert [lasting(ms) for ms in (0, 234, 8156, 35_000, 200_000, 7_500_000, None)] == [
        "0 ms", "234 ms", "8.2 s", "35.0 s", "3 min 20 s", "2 h 05 min", "unknown",
    ]  # fmt: skip
