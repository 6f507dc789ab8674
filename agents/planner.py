"""From a request to a plan: who is called for, who joins them, and who must wait for whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from orchestrion.agents.roster import Roster
from orchestrion.agents.vocabulary import Call, calls
from orchestrion.domain.errors import BadPlan
from orchestrion.domain.events import Event, PlannedTask
from orchestrion.domain.ports import Choice, Router

PLANNER = "vocabulary-1"
MAX_REQUEST = 100_000
"""Letters of a request, at most."""


@dataclass(frozen=True)
class Plan:
    """A directed acyclic graph of tasks, and its phases: agents that may work at the same time."""

    request: str
    tasks: tuple[PlannedTask, ...]
    phases: tuple[tuple[str, ...], ...]
    planner: str = PLANNER
    rationale: str = ""
    """Why it is so, where somebody thought about it."""
    facts: tuple[Event, ...] = ()
    """What a model was asked for it: facts of a session that is still to begin."""

    def as_json(self) -> dict[str, Any]:
        """`{"request", "tasks": [{"id", "agent", "task", "depends_on", "matched"}], "phases": [[agent, …]]}`.

        And `planner` and `rationale` where somebody thought about it.
        """
        tasks = [task.model_dump(mode="json", exclude=_unsaid(task)) for task in self.tasks]
        plan = {"request": self.request, "tasks": tasks, "phases": [list(phase) for phase in self.phases]}
        return plan | ({"planner": self.planner, "rationale": self.rationale} if self.rationale else {})

    def task_of(self, agent: str) -> PlannedTask:
        """The task of `agent`. Raises BadPlan."""
        for task in self.tasks:
            if task.agent == agent:
                return task
        raise BadPlan(f"the plan has no task for {agent!r}")


def make_plan(request: str, roster: Roster, router: Router | None = None, *, seed: int = 0) -> Plan:
    """The plan that follows from `request` and the vocabularies and capabilities in `roster`, always the same.

    Where the same words call for several agents with the same capabilities, `router` chooses one of them, by `seed`;
    without a router all of them work.
    Raises BadPlan: an empty request, nobody called for, or agents that wait for each other.
    """
    request = request.strip()
    if not request:
        raise BadPlan("the request is empty; say in a sentence what is to be done")
    if len(request) > MAX_REQUEST:
        raise BadPlan(f"the request has {len(request)} letters; at most {MAX_REQUEST} can be planned")
    said = calls(request, roster)
    chosen, choices = _routed(_with_joiners(said, roster), roster, router, request, seed)
    if not chosen:
        offered = ", ".join(f"{agent.name} ({', '.join(agent.capabilities) or 'by name'})" for agent in roster)
        raise BadPlan(f"nobody in the roster is called for by {request[:200]!r}; there are: {offered}")
    depends = _dependencies(chosen, roster)
    phases = phases_of(depends, roster)
    depends = _reduced(depends)
    ids = {name: f"task-{n}" for n, name in enumerate((a for phase in phases for a in phase), 1)}
    tasks = tuple(
        PlannedTask(
            id=ids[name],
            agent=name,
            task=(roster[name].task or "{request}").replace("{request}", request),
            depends_on=tuple(ids[other] for other in roster.agents if other in depends[name]),
            matched=tuple(chosen[name]),
            able=choices[name][0] if name in choices else (),
            rationale=choices[name][1].rationale if name in choices else None,
        )
        for name in ids
    )
    return Plan(request, tasks, phases)


def check_plan(plan: Plan, roster: Roster) -> None:
    """Refuse a plan made elsewhere that cannot be carried out. Raises BadPlan."""
    by_id = {task.id: task.agent for task in plan.tasks}
    agents = list(by_id.values())
    if not plan.tasks or len(by_id) != len(plan.tasks) or len(set(agents)) != len(agents):
        raise BadPlan("a plan needs tasks with different ids, each for another agent")
    for task in plan.tasks:
        if task.agent not in roster:
            raise BadPlan(f"{task.id}: nobody in the roster is called {task.agent!r}")
        for other in task.depends_on:
            if other not in by_id:
                raise BadPlan(f"{task.id} waits for {other!r}, which is no task of this plan")
    depends = {task.agent: {by_id[other] for other in task.depends_on} for task in plan.tasks}
    listed = [set(phase) for phase in plan.phases]
    if listed != [set(phase) for phase in phases_of(depends, roster)]:
        raise BadPlan("the phases do not follow from what the tasks wait for")


def _with_joiners(said: Mapping[str, Call], roster: Roster) -> dict[str, list[str]]:
    """Who is called for and who joins them because of what they do, with the reasons, until nobody joins any more."""
    chosen = {name: call.matched for name, call in said.items() if call.matched}
    excluded = {name for name, call in said.items() if call.excluded}
    while True:
        present = {capability: name for name in reversed(chosen) for capability in roster[name].capabilities}
        joining = {
            agent.name: [
                f"{capability} by {present[capability]}" for capability in agent.joins if capability in present
            ]
            for agent in roster
            if agent.name not in chosen and agent.name not in excluded and set(agent.joins) & set(present)
        }
        if not joining:
            return chosen
        chosen |= joining


def _routed(
    chosen: Mapping[str, list[str]], roster: Roster, router: Router | None, request: str, seed: int
) -> tuple[dict[str, list[str]], dict[str, tuple[tuple[str, ...], Choice]]]:
    """`chosen` with one agent where several are called for alike, and by that one's name among whom and why.

    Alike: by the same words, none of them a name of theirs, to do the same: their capabilities and their kind of runner
    are what the roster can compare.
    """
    kept, choices = dict(chosen), dict[str, tuple[tuple[str, ...], Choice]]()
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in [agent.name for agent in roster if agent.name in chosen]:
        agent, matched = roster[name], tuple(sorted(map(str.lower, chosen[name])))
        if agent.capabilities and agent.runner and not _is_named(name, request):
            alike.setdefault((matched, frozenset(agent.capabilities), agent.after), []).append(name)
    for number, able in enumerate(alike.values()):
        if router is not None and len(able) > 1:
            choice = router.choose(able, task=request, seed=seed + number)
            choices[choice.agent] = (tuple(able), choice)
            for other in able:
                if other != choice.agent:
                    del kept[other]
    return kept, choices


def _is_named(name: str, request: str) -> bool:
    said = request.lower().replace("-", " ").replace("_", " ")
    return name.lower().replace("-", " ").replace("_", " ") in said


def _unsaid(task: PlannedTask) -> set[str]:
    """Fields that say nothing where there was no choice."""
    return set() if task.able else {"able", "rationale"}


def _dependencies(chosen: Mapping[str, object], roster: Roster) -> dict[str, set[str]]:
    return {
        name: {other for other in chosen if other != name and set(roster[other].capabilities) & set(roster[name].after)}
        for name in chosen
    }


def _reduced(depends: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """`depends`, which has no cycle, without what follows from the rest."""
    behind: dict[str, set[str]] = {}
    for name in TopologicalSorter(depends).static_order():
        behind[name] = depends[name].union(*(behind[other] for other in depends[name]))
    return {
        name: {other for other in others if not any(other in behind[third] for third in others)}
        for name, others in depends.items()
    }


def phases_of(depends: Mapping[str, set[str]], roster: Roster) -> tuple[tuple[str, ...], ...]:
    """Topological generations, each in the roster's order. Raises BadPlan."""
    sorter = TopologicalSorter(depends)
    try:
        sorter.prepare()
    except CycleError as error:
        raise BadPlan(f"agents wait for each other: {' → '.join(error.args[1])}; change their key 'after'") from error
    place = {name: n for n, name in enumerate(roster.agents)}
    phases = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=place.__getitem__)
        phases.append(tuple(ready))
        sorter.done(*ready)
    return tuple(phases)
