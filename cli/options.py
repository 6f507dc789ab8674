"""The options that many commands share, so that they are called and explained alike."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Addresses that nobody beyond this machine reaches."""
LISTED_ROWS = 50
"""How many rows a list has when no limit is asked for."""


class Format(StrEnum):
    """How data is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"


class LogFormat(StrEnum):
    """How a session is told: to people, or event by event, a JSON object a line."""

    text = "text"
    jsonl = "jsonl"


class ReportFormat(StrEnum):
    """How a report is written."""

    md = "md"
    html = "html"
    json = "json"


HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--home", metavar="DIR", help="Folder of the log; else ORCHESTRION_HOME, else the user's data folder."
    ),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print the data.")]
AtOption = Annotated[
    int | None,
    typer.Option("--at", min=0, metavar="N", help="As it stood at position N of the log; else as it is now."),
]
LimitOption = Annotated[int, typer.Option("--limit", min=1, metavar="N", help="At most so many rows, the newest.")]
SessionOption = Annotated[
    str | None,
    typer.Option("--session", metavar="SESSION", help="Only of this session: its id, the beginning of it, or `last`."),
]
AgentOption = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only of this agent.")]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since", metavar="TIME", help="Only from then on: 2026-01-30, 2026-01-30T10:00 (UTC), or 90m, 2h, 7d ago."
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Configuration file; else the project's own.")
]
SessionArgument = Annotated[
    str, typer.Argument(metavar="SESSION", help="A session's id, the beginning of it, or `last`.")
]
WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", metavar="DIR", help="The project to work on.", show_default="here")
]
TeamOption = Annotated[
    Path | None, typer.Option("--team", metavar="DIR", help="Agent definitions to use besides the project's own.")
]
