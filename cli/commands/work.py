"""Speaks about work to be done: plan, run, demo."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import (
    AtOption,
    ConfigOption,
    Format,
    FormatOption,
    HomeOption,
    TeamOption,
    WorkspaceOption,
)

RequestArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="REQUEST",
        help="What is to be done, in a sentence; or /NAME ARGUMENTS, a command of .claude/commands.",
    ),
]


ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Model that agents think with, as provider:name; else each agent's own, else ORCHESTRION_MODEL.",
    ),
]
PlannerOption = Annotated[
    str | None, typer.Option("--planner", metavar="NAME", help="Who makes the plan: vocabulary, or llm with a model.")
]


def plan(
    *,
    request: RequestArgument,
    workspace: WorkspaceOption = Path(),
    team: TeamOption = None,
    model: ModelOption = None,
    planner: PlannerOption = None,
    config: ConfigOption = None,
    at: AtOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Show who would do what after whom; nothing is run.

    The plan follows from the words of the request and of the agents' files; the words that matched are shown.
    Where they call for several agents alike, past runs (up to --at) choose, and the draw is shown (docs/learning.md).
    A model plans instead with --planner llm; where its plan cannot be carried out, the words decide after all.
    """
    from dataclasses import replace

    from orchestrion.cli.settings import load_settings
    from orchestrion.cli.teamwork import ordered, show_plan
    from orchestrion.cli.wiring import home_of

    options = {"orchestration.model": model, "orchestration.planner": planner}
    settings = load_settings(workspace, file=config, options=options)
    show_plan(home_of(home), replace(ordered(request, workspace, team), at=at), settings, form)


def run(
    *,
    request: RequestArgument,
    workspace: WorkspaceOption = Path(),
    team: TeamOption = None,
    agent: Annotated[
        str | None, typer.Option("--agent", metavar="NAME", help="Give the request to this agent alone.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Bring the changes back into the workspace.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan.")] = False,
    max_parallel: Annotated[
        int | None, typer.Option("--max-parallel", min=1, metavar="N", help="Agents at once.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.001, metavar="S", help="Seconds an agent may take.")
    ] = None,
    session_timeout: Annotated[
        float | None, typer.Option("--session-timeout", min=0.001, metavar="S", help="Seconds the whole may take.")
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, metavar="N", help="Tokens of the whole session.")
    ] = None,
    max_cost: Annotated[
        float | None, typer.Option("--max-cost", min=0, metavar="USD", help="US dollars of the whole session.")
    ] = None,
    max_calls: Annotated[
        int | None, typer.Option("--max-calls", min=1, metavar="N", help="Tool calls of the whole session.")
    ] = None,
    model: ModelOption = None,
    planner: PlannerOption = None,
    python: Annotated[
        Path | None, typer.Option("--python", metavar="PATH", help="Interpreter that runs the project's tests.")
    ] = None,
    config: ConfigOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Let the team work on a request.

    It works in a copy of the workspace: the commentary runs on standard error, then the outcome and the diff are shown.
    The project's tests run under --python, else its own environment (.venv), else the one Orchestrion runs under.
    Agents whose files name no runner think, if there is a model: --model openai:NAME, or ORCHESTRION_MODEL_URL with the
    address of an OpenAI-compatible server. What a person must approve waits: `orchestrion approvals`.
    Further limits, such as those of one agent, are settings: `orchestrion config` shows them all.

    Exit 0 if the session completed, 10 if it ended otherwise, 130 if you stopped it.
    """
    from orchestrion.cli.settings import load_settings
    from orchestrion.cli.teamwork import milliseconds, ordered, show_plan, work
    from orchestrion.cli.wiring import home_of

    order = ordered(request, workspace, team, agent, apply)
    options = {
        "orchestration.model": model,
        "orchestration.planner": planner,
        "orchestration.max_parallel_agents": max_parallel,
        "orchestration.agent_timeout": milliseconds(timeout, "--timeout"),
        "orchestration.session_timeout": milliseconds(session_timeout, "--session-timeout"),
        "orchestration.session_tokens": max_tokens,
        "orchestration.session_cost": max_cost,
        "orchestration.session_tool_calls": max_calls,
        "orchestration.python": str(python) if python is not None else None,
    }
    settings = load_settings(workspace, file=config, options=options)
    if dry_run:
        show_plan(home_of(home), order, settings, form)
        return 0
    return work(home_of(home), order, settings, form)


def demo(home: HomeOption = None) -> int:
    """Watch the built-in team work for real on a bundled example.

    Then see what the log knows of it. Exit 0 if the team did its work and the log verifies.
    """
    from orchestrion.cli.demonstration import demonstrate
    from orchestrion.cli.wiring import home_of

    return demonstrate(home_of(home))
