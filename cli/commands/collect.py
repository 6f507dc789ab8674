"""Speaks about listening as it happens: collect."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import HomeOption


def collect(
    *,
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="PATH", help="Folders of sessions; else the usual places of all formats."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until you stop it; else look once.")] = False,
    format: Annotated[
        str, typer.Option("--from", metavar="FORMAT", help="What writes the sessions in PATH.")
    ] = "claude-code",
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, metavar="N", help="Receive here instead of 4318; 0: any free one."),
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen/--no-listen", help="With --watch: receive OpenTelemetry and posted hooks.")
    ] = True,
    home: HomeOption = None,
) -> None:
    """Take in what agents do, as they do it.

    Follows their growing session files, drains the spool of hooks, and (with --watch) receives OpenTelemetry on this
    machine's port 4318. Ctrl-C stops it; started again, it goes on.
    """
    from orchestrion.cli.collecting import collected
    from orchestrion.cli.wiring import home_of

    collected(home_of(home), [(format, path) for path in paths or []], go_on=watch, listen=listen, port=port)
