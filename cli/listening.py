"""Imports recorded sessions for the command line: a bar while it reads, then the ledger of every file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli import exits
from orchestrion.cli.options import Format
from orchestrion.cli.progress import Bar
from orchestrion.cli.show import Sheet, answer, say
from orchestrion.cli.wiring import Home, written_log

if TYPE_CHECKING:
    from orchestrion.ingest import Progress

TOTALS = ("files", "lines", "recorded", "duplicates", "ignored", "unparseable", "events_appended")


def imported(home: Home, format: str, paths: Sequence[Path], form: Format) -> int:
    """Import `paths` into the log of `home` and show what became of every line; the exit code."""
    from orchestrion.domain.errors import NotFound
    from orchestrion.ingest import AUTO, FORMATS, import_paths

    if format not in FORMATS and format != AUTO:
        raise NotFound(f"there is no format {format!r}; there are {', '.join(sorted([AUTO, *FORMATS]))}")
    with written_log(home) as (log, redactor), Bar("importing", " bytes") as bar:

        def progress(now: "Progress") -> None:
            bar.show(now.done, now.total, now.path.name)

        report = import_paths(log, redactor, format, paths, progress=progress).as_json()
    show_ledger(report, form)
    return exits.FAILED if any("error" in row for row in report["ledger"]) else exits.OK


def show_ledger(report: dict[str, Any], form: Format) -> None:
    """Show an import's report: a row a file, then what is to be said of single files, then the sums."""
    columns = ("path", "lines", "recorded", "duplicates", "ignored", "unparseable", "events_appended")
    rows = [tuple(row.get(column) for column in columns) for row in report["ledger"]]
    if form is Format.table and len(rows) > 1:  # a column is cut at its end, and there a path says most
        folder = os.path.commonpath([Path(row[0]).parent for row in rows])
        rows = [(os.path.relpath(row[0], folder), *row[1:]) for row in rows]
    answer(report, form, sheet=Sheet(columns, rows))
    for row in report["ledger"]:
        if "error" in row:
            say(f"orchestrion: {row['error']}")
        elif "note" in row:
            say(f"{row['path']}: {row['note']}")
    say(", ".join(f"{report[name]} {name.replace('_', ' ')}" for name in TOTALS))
