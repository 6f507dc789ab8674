"""From `/name arguments` to a plan: finds the project's command, and says who does it in which order."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.front_matter import read_command
from orchestrion.agents.planner import MAX_REQUEST, Plan, check_plan, make_plan, phases_of
from orchestrion.agents.roster import Roster, load_roster, roster_of
from orchestrion.agents.slash_command import Arguments, PlannedWork, SlashCommand
from orchestrion.domain.errors import BadDefinition, BadPlan, NotFound
from orchestrion.domain.events import PlannedTask
from orchestrion.domain.inert import one_line
from orchestrion.domain.ports import Router

PROJECT_COMMANDS = Path(".claude/commands")
PLANNED_BY_USER = "user"
_CALLED = re.compile(r"/([A-Za-z0-9_][\w.:-]*)(?:\s+(.*))?", re.DOTALL)


def as_command(request: str) -> tuple[str, str] | None:
    """The command's name and its arguments if `request` calls one; a path such as `/etc/hosts` is none."""
    called = _CALLED.fullmatch(request.strip())
    return (called[1], called[2] or "") if called else None


def commands_in(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the commands below `folder`; folders stand before the name: `frontend:component`."""
    for path in sorted(folder.rglob("*.md")):
        parts = path.relative_to(folder).with_suffix("").parts
        if path.is_file() and parts[-1].lower() != "readme":
            yield ":".join(parts), path


def find_command(workspace: Path, name: str) -> SlashCommand:
    """The project's command called `name`; the name without its folders will do while it is the only one.

    Raises NotFound, BadDefinition (file and line; also when several could be meant).
    """
    there = dict(commands_in(workspace / PROJECT_COMMANDS))
    found = [name] if name in there else [each for each in there if each.rpartition(":")[2] == name]
    if not found:
        known = ", ".join(f"/{each}" for each in there) or "none"
        raise NotFound(f"no command is called /{one_line(name)} in {workspace / PROJECT_COMMANDS}; there are: {known}")
    if len(found) > 1:
        raise BadDefinition(f"/{name} may mean {' or '.join(f'/{each}' for each in found)}; say the folder too")
    return read_command(there[found[0]], found[0])


def plan_request(
    request: str,
    workspace: Path,
    *,
    team: Path | None = None,
    agent: str | None = None,
    words: list[str] | None = None,
    router: Router | None = None,
    seed: int = 0,
) -> tuple[Roster, Plan]:
    """Who is there, and the plan: that of the command that is called, one task for `agent`, or the planner's.

    The planner lets `router` choose, by `seed`, among agents who are called for alike.

    `words` are the arguments of a command where they were given one by one. Raises BadPlan, BadDefinition, NotFound.
    """
    called = as_command(request)
    if called is None:
        roster = load_roster(workspace, team=team)
        if agent is not None:
            return roster, _alone(request, request, roster[agent])
        return roster, make_plan(request, roster, router, seed=seed)
    command, arguments = find_command(workspace, called[0]), Arguments(called[1], words)
    roster = load_roster(workspace, team=team or team_folder(command, workspace))
    if agent is not None:
        return roster, _alone(request, command.prompt(arguments), roster[agent])
    return roster, plan_command(command, arguments, roster)


def _alone(request: str, task: str, agent: AgentDefinition) -> Plan:
    if not task.strip():
        raise BadPlan("the request is empty; say in a sentence what is to be done")
    only = PlannedTask(id="task-1", agent=agent.name, task=task)
    return Plan(request, (only,), ((agent.name,),), PLANNED_BY_USER)


def team_folder(command: SlashCommand, workspace: Path) -> Path | None:
    """The folder of agents that the command names."""
    return workspace / command.team if isinstance(command.team, str) else None


def plan_command(command: SlashCommand, arguments: Arguments, roster: Roster) -> Plan:
    """Who does the command: its `plan`, else its `agent`, else whom its description and the arguments call for.

    Raises BadPlan, NotFound (an agent), BadDefinition (a `team` or `plan` that names nobody), with the file.
    """
    request = f"/{command.name} {arguments.text}".strip()
    if len(request) > MAX_REQUEST:
        raise BadPlan(f"the request has {len(request)} letters; at most {MAX_REQUEST} can be planned")
    roster = _allowed(command, roster)
    phases = command.plan or (((PlannedWork(agent=command.agent),),) if command.agent else ())
    if not phases:
        return _called_for(command, arguments, request, roster)
    works = [work for phase in phases for work in phase]
    ids = {work.agent: f"task-{number}" for number, work in enumerate(works, 1)}
    _all_are_there(command, works, roster)
    tasks, depends = [], {}
    for number, phase in enumerate(phases):
        before = tuple(work.agent for work in phases[number - 1]) if number else ()
        for work in phase:
            depends[work.agent] = set(before if work.after is None else work.after)
            task = PlannedTask(
                id=ids[work.agent],
                agent=work.agent,
                task=_task(work, command, arguments, roster),
                depends_on=tuple(ids[name] for name in ids if name in depends[work.agent]),
                matched=(f"/{command.name}",),
            )
            tasks.append(task)
    try:
        plan = Plan(request, tuple(tasks), phases_of(depends, roster), f"command /{command.name}")
        check_plan(plan, roster)
    except BadPlan as bad:
        raise BadPlan(f"{command.path}: {bad}") from bad
    return plan


def _all_are_there(command: SlashCommand, works: list[PlannedWork], roster: Roster) -> None:
    names = [work.agent for work in works]
    for work in works:
        if work.agent not in roster:
            there = ", ".join(roster.agents) or "none"
            raise BadDefinition(f"{command.path}: plan: nobody is called {work.agent!r}; there are: {there}")
        if names.count(work.agent) > 1:
            raise BadDefinition(f"{command.path}: plan: {work.agent!r} stands in it twice; an agent has one task")
        if missing := [name for name in work.after or () if name not in names]:
            raise BadDefinition(
                f"{command.path}: plan: {work.agent!r} waits for {missing[0]!r}, who is not in the plan"
            )


def _task(work: PlannedWork, command: SlashCommand, arguments: Arguments, roster: Roster) -> str:
    """What the plan says, with the command's text below; else what the agent is always asked, with it inside."""
    prompt = command.prompt(arguments)
    if work.task is None:
        return _asked(roster[work.agent], prompt)
    return f"{command.filled(work.task, arguments)}\n\n{prompt}".strip()


def _asked(agent: AgentDefinition, prompt: str) -> str:
    return (agent.task or "{request}").replace("{request}", prompt)


def _called_for(command: SlashCommand, arguments: Arguments, request: str, roster: Roster) -> Plan:
    said = f"{command.description}. {arguments.text}".strip(". ")
    try:
        made = make_plan(said or command.name, roster)
    except BadPlan as bad:
        raise BadPlan(f"{command.path}: /{command.name} names neither 'plan' nor 'agent', and {bad}") from bad
    prompt = command.prompt(arguments)
    tasks = tuple(task.model_copy(update={"task": _asked(roster[task.agent], prompt)}) for task in made.tasks)
    return replace(made, request=request, tasks=tasks, planner=f"command /{command.name}, {made.planner}")


def _allowed(command: SlashCommand, roster: Roster) -> Roster:
    """Those whom the command's `team` lists; everybody if it lists nobody."""
    if command.team is None or isinstance(command.team, str):
        return roster
    if missing := [name for name in command.team if name not in roster]:
        raise BadDefinition(
            f"{command.path}: team: nobody is called {missing[0]!r}; there are: {', '.join(roster.agents)}"
        )
    return roster_of(roster[name] for name in command.team)
