"""Speaks about what one log can answer: diff, why, whatif, profile, blame."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from orchestrion.cli.options import (
    AtOption,
    ConfigOption,
    Format,
    FormatOption,
    HomeOption,
    SessionArgument,
    SessionOption,
)


class ProfileFormat(StrEnum):
    """How a profile is printed."""

    table = "table"
    json = "json"
    csv = "csv"
    md = "md"
    svg = "svg"


class Rule(StrEnum):
    """How the planner would choose among able agents."""

    fixed = "fixed"
    learned = "learned"


def diff(
    *,
    a: Annotated[str, typer.Argument(metavar="A", help="A session's id, the beginning of it, or `last`.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    steps: Annotated[bool, typer.Option("--steps", help="Also show the aligned steps that differ.")] = False,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Compare two sessions: plan, agents, tools, messages, handoffs, outcome, time, tokens, cost.

    They are aligned by the order of causes, so that agents working side by side may end in any order. The first step
    that only one of them took is where they part. --format json holds every step.
    """
    from orchestrion.cli import inquiring

    inquiring.differ(home, a, b, form, steps=steps, at=at)


def why(
    *,
    position: Annotated[int, typer.Argument(metavar="POSITION", min=1, help="A position of the log.")],
    limit: Annotated[int, typer.Option("--limit", min=0, metavar="N", help="So much of what followed.")] = 20,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Tell why something happened: the chain of causes back to the request, and what followed from it.

    Each link says what ties it to its cause: `recorded` in the log, or the rule that it follows from.
    """
    from orchestrion.cli import inquiring

    inquiring.explain(home, position, form, limit=limit, at=at)


def profile(
    *,
    session: SessionArgument = "last",
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file.")] = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: Annotated[
        ProfileFormat, typer.Option("--format", help="How to print it; svg: a flame graph.")
    ] = ProfileFormat.table,
) -> None:
    """Show where a session's time went: the critical path, waiting, parallelism, and each agent's share."""
    from orchestrion.cli import inquiring

    inquiring.profiled(home, session, form.value, output, at=at)


def whatif(
    *,
    prices: Annotated[
        Path | None, typer.Option("--prices", metavar="FILE", help="Another price table (see docs/costs.md).")
    ] = None,
    routing: Annotated[Rule | None, typer.Option("--routing", help="Another way to choose among able agents.")] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.001, metavar="S", help="Seconds an agent may take.")
    ] = None,
    max_parallel: Annotated[
        int | None, typer.Option("--max-parallel", min=1, metavar="N", help="Agents at once.")
    ] = None,
    threshold: Annotated[
        int | None,
        typer.Option("--threshold", min=0, max=100, metavar="P", help="Percent from which patterns are told."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=0, metavar="N", help="A session's budget of tokens.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option("--max-calls", min=0, metavar="N", help="A session's budget of tool calls.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0, metavar="USD", help="A session's budget in US dollars.")
    ] = None,
    session: SessionOption = None,
    config: ConfigOption = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Suppose that a price, rule, limit or threshold had been another one, in the whole log or one session.

    The log is read again under that supposition; nothing is run and no model is called. What would change is printed
    session by session, and beside it what cannot be known.
    """
    from orchestrion.cli import supposing

    rule: Literal["fixed", "learned"] = "learned" if routing is Rule.learned else "fixed"
    given = supposing.Given(
        rule if routing else None, timeout, max_parallel, threshold, max_tokens, max_calls, max_cost, prices
    )
    supposing.supposed(home, given, form, session=session, config=config, at=at)


def blame(
    *,
    session: SessionArgument = "last",
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Name the agent and the step at which a failed conversation most likely went wrong, by stated rules.

    Of a session that did not fail nobody is blamed; where it is not known whether it did, that is said. A rule is a
    guess: docs/learning.md says how often these hit, beside trivial ones.
    """
    from orchestrion.cli import inquiring

    inquiring.blamed(home, session, form, at=at)
