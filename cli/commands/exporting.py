"""Speaks about taking facts elsewhere: export."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import AtOption, HomeOption


class Shape(StrEnum):
    """What an export is written as."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"
    ocel = "ocel"


def export(
    *,
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="Only this session: its id, the beginning of it, or `last`; else all."),
    ] = None,
    view: Annotated[str | None, typer.Option("--view", metavar="VIEW", help="Only the rows of this view.")] = None,
    shape: Annotated[
        Shape, typer.Option("--as", help="JSON Lines, CSV, Parquet, or OCEL 2.0 (JSON) for process mining.")
    ] = Shape.jsonl,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write this file; else standard output.")
    ] = None,
    otlp: Annotated[
        str | None,
        typer.Option("--otlp", metavar="URL", help="Send spans there instead, e.g. http://127.0.0.1:4318."),
    ] = None,
    at: AtOption = None,
    home: HomeOption = None,
) -> int:
    """Export the log or a view of it as JSON Lines, CSV, Parquet or OCEL 2.0, or sessions as OpenTelemetry spans.

    Without --view and --as: events and their bodies, which `orchestrion import orchestrion FILE` puts back in their
    place, in this home or another; with --at those up to that position. Spans have their original times and the same
    ids each time.
    """
    from orchestrion.cli.wiring import home_of
    from orchestrion.domain.errors import Refused

    if otlp is not None:
        if at is not None or view is not None or shape is not Shape.jsonl or output is not None:
            raise Refused(
                "--otlp sends whole sessions as they stand now: it goes with no --at, --view, --as or --output"
            )
        from orchestrion.cli.otlp_sending import sent

        return sent(home_of(home), session, otlp)
    if view is not None or shape is not Shape.jsonl:
        from orchestrion.cli.carrying_views import exported_as

        return exported_as(home_of(home), shape.value, view, session=session, at=at, output=output)
    from orchestrion.cli.carrying import exported

    return exported(home_of(home), session, output, at=at)
