"""Speaks about what past runs teach: learn, judge, calibration."""

from enum import StrEnum
from typing import Annotated

import typer

from orchestrion.cli.options import AtOption, ConfigOption, Format, FormatOption, HomeOption


class Level(StrEnum):
    """How complex a task is."""

    low = "low"
    medium = "medium"
    high = "high"


class Period(StrEnum):
    """What calibration is told by, over time."""

    day = "day"
    week = "week"
    month = "month"


def learn(
    *,
    agent: Annotated[
        str | None, typer.Argument(metavar="AGENT", help="Whose runs; left out: the patterns of all agents.")
    ] = None,
    task: Annotated[str | None, typer.Option("--task", metavar="TEXT", help="What is to be done, in words.")] = None,
    task_type: Annotated[
        str | None, typer.Option("--task-type", metavar="TYPE", help="Its kind, e.g. api-security-fix.")
    ] = None,
    complexity: Annotated[Level | None, typer.Option("--complexity", help="How complex it is.")] = None,
    technologies: Annotated[
        str | None, typer.Option("--technologies", metavar="A,B", help="What it has to do with, e.g. python,postgres.")
    ] = None,
    files: Annotated[str | None, typer.Option("--files", metavar="A,B", help="Files it is about.")] = None,
    semantic: Annotated[
        bool, typer.Option("--semantic", help="Compare tasks by what they mean, not by their words (extra semantic).")
    ] = False,
    config: ConfigOption = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Ask what an agent's past runs say about the next one.

    Every figure stands beside its evidence (positions of the log), what supports it and what contradicts it; what is
    not known is left out with the reason. Confidences are percent. See docs/learning.md for what each word means.
    """
    from orchestrion.cli import lessons
    from orchestrion.projections.learning import Task

    asked = Task(
        text=task,
        type=task_type,
        complexity=complexity.value if complexity else None,
        files=_listed(files),
        technologies=_listed(technologies),
    )
    if agent is None:
        lessons.show_patterns(home, asked, form, at=at, semantic=semantic, config=config)
    else:
        lessons.show(home, agent, asked, form, at=at, semantic=semantic, config=config)


def judge(
    *,
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, or the beginning of it.")],
    verdict: Annotated[
        str | None, typer.Option("--verdict", metavar="TEXT", help="In a word, e.g. accepted or rejected.")
    ] = None,
    quality: Annotated[int | None, typer.Option("--quality", min=0, max=100, metavar="N", help="0 to 100.")] = None,
    rework: Annotated[bool, typer.Option("--rework", help="The result had to be worked over.")] = False,
    reason: Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why.")] = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who judges; else the name of the user.")
    ] = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Judge the result of a run; the last word of each judge counts."""
    from orchestrion.cli import judging

    given = judging.Judgement(verdict=verdict, quality=quality, rework=rework, reason=reason, by=by)
    judging.judged(home, run, given, form)


def calibration(
    *,
    agent: Annotated[str | None, typer.Argument(metavar="AGENT", help="Only of this agent.")] = None,
    over: Annotated[Period | None, typer.Option("--over", help="Over time: by the day, week or month.")] = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Compare what was estimated before runs with what happened."""
    from dataclasses import asdict, fields

    from orchestrion.cli.show import Sheet, table
    from orchestrion.cli.wiring import asked, home_of
    from orchestrion.projections.learning import Calibration
    from orchestrion.projections.learning import calibration as compare

    with asked(home_of(home)) as store:
        rows = compare(store, agent, period=over.value if over else None, at=at)
    columns = [field.name for field in fields(Calibration) if form is not Format.table or field.name != "evidence"]
    table(
        Sheet(columns, [[asdict(row)[name] for name in columns] for row in rows]), form, empty="Nothing was estimated."
    )


def _listed(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())
