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
    home: HomeOption = None,
) -> int:
    """Export events and their bodies as JSON Lines.

    What `orchestrion import orchestrion FILE` reads puts every event back in its place, in this home or another.
    """
    from orchestrion.cli.carrying import exported
    from orchestrion.cli.wiring import home_of

    return exported(home_of(home), session, output)
