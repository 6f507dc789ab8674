"""Speaks about work to be done: plan, run, demo."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli.options import ConfigOption, Format, FormatOption, HomeOption, TeamOption, WorkspaceOption

RequestArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="What is to be done, in a sentence.")]


def plan(
    *,
    request: RequestArgument,
    workspace: WorkspaceOption = Path(),
    team: TeamOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Show who would do what after whom; nothing is run.

    The plan follows from the words of the request and of the agents' files; the words that matched are shown.
    """
    from orchestrion.agents import load_roster, make_plan
    from orchestrion.cli.show import Sheet, answer, say
    from orchestrion.cli.teamwork import project_folder

    made = make_plan(request, load_roster(project_folder(workspace), team=team)).as_json()
    phase_of = {agent: number for number, phase in enumerate(made["phases"], 1) for agent in phase}
    columns = ("phase", "id", "agent", "task", "depends_on", "matched")
    rows = [
        (phase_of[t["agent"]], t["id"], t["agent"], t["task"], ", ".join(t["depends_on"]), ", ".join(t["matched"]))
        for t in made["tasks"]
    ]
    answer(made, form, sheet=Sheet(columns, rows))
    say("Phases: " + " → ".join(" ∥ ".join(phase) for phase in made["phases"]))


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

    Exit 0 if the session completed, 10 if it ended otherwise, 130 if you stopped it.
    """
    from orchestrion.cli.settings import load_settings
    from orchestrion.cli.teamwork import Order, work
    from orchestrion.cli.wiring import home_of

    if dry_run:
        plan(request=request, workspace=workspace, team=team, form=form)
        return 0
    options = {
        "orchestration.max_parallel_agents": max_parallel,
        "orchestration.agent_timeout": round(timeout * 1000) if timeout is not None else None,
        "orchestration.python": str(python) if python is not None else None,
    }
    settings = load_settings(workspace, file=config, options=options)
    return work(home_of(home), Order(request, workspace, team, agent, apply), settings, form)


def demo(home: HomeOption = None) -> int:
    """Watch the built-in team work for real on a bundled example.

    Then see what the log knows of it. Exit 0 if the team did its work and the log verifies.
    """
    from orchestrion.cli.demonstration import demonstrate
    from orchestrion.cli.wiring import home_of

    return demonstrate(home_of(home))
