"""Speaks about other people's sessions: import."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import Format, FormatOption, HomeOption


def import_(
    *,
    format: Annotated[
        str, typer.Argument(metavar="FORMAT", help="What wrote them, e.g. claude-code; auto: tell by content.")
    ],
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="PATH", help="Files or folders; else the format's usual place.")
    ] = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Import recorded sessions; each line is accounted for.

    Importing again adds nothing, and a file that has grown adds what is new. Exit 1 if a file could not be read.
    """
    from orchestrion.cli.listening import imported
    from orchestrion.cli.wiring import home_of

    return imported(home_of(home), format, paths or [], form)
