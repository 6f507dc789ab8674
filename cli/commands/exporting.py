"""Speaks about taking facts elsewhere: export."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import HomeOption


def export(
    *,
    session: Annotated[str | None, typer.Argument(metavar="[SESSION]", help="Only this session; else all.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write this file; else standard output.")
    ] = None,
    otlp: Annotated[
        str | None,
        typer.Option("--otlp", metavar="URL", help="Send spans there instead, e.g. http://127.0.0.1:4318."),
    ] = None,
    home: HomeOption = None,
) -> int:
    """Export events and their bodies as JSON Lines, or sessions as OpenTelemetry spans.

    What `orchestrion import orchestrion FILE` reads puts every event back in its place, in this home or another.
    Spans have their original times and the same ids each time.
    """
    from orchestrion.cli.carrying import exported
    from orchestrion.cli.wiring import home_of

    if otlp is not None:
        from orchestrion.cli.otlp_sending import sent

        return sent(home_of(home), session, otlp)

    return exported(home_of(home), session, output)
