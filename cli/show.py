"""Shows data on standard output as table, json, csv or md, and says everything else on standard error."""

import csv
import io
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Protocol, TextIO

from orchestrion.cli.options import Format
from orchestrion.cli.plain import csv_cell, json_text, markdown
from orchestrion.domain.inert import inert


class Rows(Protocol):
    """What is shown as a table: `projections.Table` and our own `Sheet` alike."""

    @property
    def columns(self) -> Sequence[str]: ...
    @property
    def rows(self) -> Sequence[Sequence[Any]]: ...


class Sheet:
    """Rows that were not asked of a view."""

    def __init__(self, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        self.columns, self.rows = columns, rows


STRUCTURES = frozenset({"data", "detail", "outputs", "package", "params", "payload", "problems", "result"})
"""Columns of the views that hold JSON."""


def chosen(data: Rows, columns: Sequence[str]) -> Sheet:
    """Only those `columns` of `data`, in that order."""
    places = [list(data.columns).index(name) for name in columns]
    return Sheet(columns, [[row[place] for place in places] for row in data.rows])


def structured(data: Rows) -> Sheet:
    """`data` with the JSON of its structure columns read, so that json nests it instead of quoting it."""
    places = {i for i, name in enumerate(data.columns) if name in STRUCTURES}
    rows = [[_parsed(value) if i in places else value for i, value in enumerate(row)] for row in data.rows]
    return Sheet(data.columns, rows)


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # a preview of a text is text


def rows_of(mapping: Mapping[str, Any]) -> Sheet:
    """One object as a sheet of two columns."""
    return Sheet(("name", "value"), list(mapping.items()))


def table(data: Rows, form: Format, *, empty: str = "Nothing to show.") -> None:
    """Show `data`; an empty table says so on standard error, the other formats stay true to their own."""
    columns = distinct(data.columns)
    match form:
        case Format.json:
            out(json_text([dict(zip(columns, row, strict=True)) for row in data.rows]))
        case Format.csv:
            out(_csv(columns, data.rows))
        case Format.md:
            out(_markdown(columns, data.rows))
        case Format.table if data.rows:
            from orchestrion.cli.tabulating import tabulated  # which needs a table of all characters' widths

            out(tabulated(columns, data.rows, _terminal_width()))
        case _:
            say(empty)


def answer(value: Mapping[str, Any], form: Format, *, sheet: Rows | None = None) -> None:
    """Show one object: in JSON whole, else as `sheet`, or as its names and values."""
    if form is Format.json:
        out(json_text(value))
    else:
        table(sheet if sheet is not None else rows_of(value), form)


def distinct(columns: Sequence[str]) -> list[str]:
    """Column names made unique, as DuckDB does it: `n`, `n_1`; so that no JSON object loses a value."""
    seen: set[str] = set()
    result = []
    for name in columns:
        unique, count = name, 0
        while unique in seen:
            count += 1
            unique = f"{name}_{count}"
        seen.add(unique)
        result.append(unique)
    return result


def out(text: str) -> None:
    """Write `text` and a newline to standard output. A reader that has left is no error: we stop, exit 0."""
    _write(sys.stdout, text)


def say(text: str) -> None:
    """Write a sentence for people to standard error, with whatever it quotes made visible."""
    try:
        _write(sys.stderr, inert(text))
    except OSError:
        return  # nobody is left to be told


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text.encode(stream.encoding or "utf-8", "backslashreplace").decode(stream.encoding or "utf-8"))
        stream.write("\n")
        stream.flush()
    except BrokenPipeError:
        stop_writing(stream)


def stop_writing(stream: TextIO) -> NoReturn:
    """End well: who reads `stream` has seen enough."""
    # Python would complain again when it flushes at exit: let what is left go nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    raise SystemExit(0) from None


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(csv_cell, columns))
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return buffer.getvalue().removesuffix("\n")


def _markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns)]
    cells = [[markdown(name) for name in columns], lines[1], *([markdown(value) for value in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _terminal_width() -> int | None:
    """Columns of the terminal on standard output; None when it is no terminal, where nothing is cut."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns
