"""Speaks about what can be measured: bench."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import Format, FormatOption


class Bench(StrEnum):
    """What is measured."""

    learning = "learning"


def bench(
    *,
    what: Annotated[Bench, typer.Argument(metavar="WHAT", help="learning: estimates, choices and attributions.")],
    sessions: Annotated[
        Path | None,
        typer.Option("--sessions", metavar="DIR", help="Recordings; else ../shared/sessions if it is there."),
    ] = None,
    form: FormatOption = Format.table,
) -> None:
    """Measure how honest what is learnt is, on seeded simulations and on recordings.

    Calibration: how many durations lay within the intervals estimated before them. Regret: successes lost against
    always choosing the best agent. Attribution: how often the rules of `blame` name the labelled agent and step.
    Nothing of it touches your log.
    """
    from orchestrion.cli import benching

    del what  # there is one so far
    benching.bench_learning(sessions, form)
