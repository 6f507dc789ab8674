"""The first facts of a session, in one transaction: a crash leaves all of them or none."""

from collections.abc import Iterable
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.front_matter import read_definition
from orchestrion.agents.holding import Holding
from orchestrion.agents.journal import Journal
from orchestrion.agents.past import Past
from orchestrion.agents.planner import Plan
from orchestrion.agents.roster import Roster, roster_of
from orchestrion.agents.workspace import Workspace
from orchestrion.domain import events as e
from orchestrion.domain import session as sessions
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import CannotRun
from orchestrion.domain.streams import stream_of

PLAN_VERSION = 2
"""Where the plan stands in the session's stream."""


def open_session(
    journal: Journal, holding: Holding, *, session: str, plan: Plan, roster: Roster, place: Workspace, options: Any
) -> None:
    """Say that the session begins, who is in the team, what the plan is, and who conducts it."""
    now, state = journal.now(), sessions.Session()
    project, workspace = place.origin.name, str(place.origin)
    start = sessions.Start(session, plan.request, project, workspace, _version(), now, options)
    started = list(sessions.decide(state, start))
    state = replay(sessions.evolve, state, started)
    settle = sessions.MakePlan(
        session, plan.request, plan.planner, plan.tasks, plan.phases, now, plan.rationale or None
    )  # fmt: skip
    made = sessions.decide(state, settle)
    cause = f"{stream_of(started[0])}@1"
    team = [_registered(agent, session, cause, now) for agent in team_of(plan, roster)]
    asked = [_of_session(fact, session) for fact in plan.facts]
    journal.begin(session, [*started, *team, *made, *asked, *holding.first()])


def _of_session(fact: e.Event, session: str) -> e.Event:
    """What a model was asked for the plan, as a fact of the session."""
    return fact.model_copy(update={"session": session, "request_id": f"{session}/{getattr(fact, 'request_id', '')}"})


def team_of(plan: Plan, roster: Roster) -> Iterable[AgentDefinition]:
    """The agents of the plan and whoever may be asked to validate their work."""
    planned = [roster[name] for phase in plan.phases for name in phase]
    validators = [v for author in planned if author.validation for v in roster.able(author.validation) if v.runner]
    return {agent.name: agent for agent in (*planned, *validators)}.values()


def plan_of(past: Past) -> Plan:
    """The plan a session began with. Raises CannotRun if it has none."""
    made = past.plan
    if made is None:
        raise CannotRun(f"session {past.session} never got as far as a plan; give its request again")
    return Plan(made.request, made.tasks, made.phases, made.planner, made.rationale or "")


def team_again(past: Past) -> Roster:
    """The team a session began with, from where its definitions stand. Raises CannotRun, BadDefinition."""
    agents = []
    for fact in past.events:
        if not isinstance(fact, e.AgentRegistered):
            continue
        if fact.definition is None:
            raise CannotRun(f"agent {fact.agent} was given by a program, not by a file; resume it from that program")
        agents.append(read_definition_of(fact))
    return roster_of(agents)


def read_definition_of(fact: e.AgentRegistered) -> AgentDefinition:
    """The definition a registered agent has, in the file that is named. Raises CannotRun, BadDefinition."""
    path = Path(fact.definition or "")
    if not path.is_file():
        raise CannotRun(f"{path}: the file of agent {fact.agent} is gone; put it back to resume the session")
    agent = read_definition(path)
    if agent.name != fact.agent:
        raise CannotRun(f"{path}: is the file of {agent.name} now, not of {fact.agent}; put it back to resume")
    return agent


def _registered(agent: AgentDefinition, session: str, cause: str, now: datetime) -> e.AgentRegistered:
    return e.AgentRegistered(
        source="conductor",
        happened_at=now,
        session=session,
        agent=agent.name,
        cause=cause,
        description=agent.description[:500] or None,
        capabilities=agent.capabilities,
        runner=agent.runner,
        definition=str(agent.path.absolute()) if agent.path else None,
    )


def _version() -> str:
    try:
        return metadata.version("orchestrion")
    except metadata.PackageNotFoundError:  # run from a folder that is not installed
        return "unknown"
