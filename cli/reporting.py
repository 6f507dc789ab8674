"""Writes a session's report to standard output or a file, once or as long as the session goes on."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.cli.files import write_text
from orchestrion.cli.options import ReportFormat
from orchestrion.cli.show import out, say
from orchestrion.domain.errors import Refused
from orchestrion.tui.report import build, html, json_text, markdown
from orchestrion.tui.report import follow as follow_report

if TYPE_CHECKING:
    from orchestrion.projections import Store

RENDERERS = {ReportFormat.md: markdown, ReportFormat.html: html, ReportFormat.json: json_text}


@dataclass(frozen=True, slots=True)
class Writing:
    """How a report is wanted."""

    form: ReportFormat
    output: Path | None = None
    follow: bool = False
    at: int | None = None


def write(store: "Store", session: str, how: Writing) -> None:
    """Write the report of `session`. Raises Refused if it is not written so, OrchestrionError if it cannot be."""
    render, output = RENDERERS[how.form], how.output
    if how.follow and (output is None or how.at is not None):
        raise Refused("--follow keeps a file up to date: name one with --output, and leave --at out")
    if output is None:
        return out(render(build(store, session, how.at)).rstrip("\n"))
    if how.follow:
        say(f"Writing {output} until the session ends; Ctrl-C stops.")
        follow_report(store, session, lambda report: write_text(output, render(report)))
    else:
        write_text(output, render(build(store, session, how.at)))
    return say(f"The report is in {output}.")
