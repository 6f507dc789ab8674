"""Who is there: the built-in team, the project's own agents and a team folder, by name."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.front_matter import read_definition
from orchestrion.agents.minds import Minds
from orchestrion.domain.errors import BadDefinition, NotFound

BUILT_IN = Path(__file__).parent / "team"
READY = Path(__file__).parent / "ready"
"""Other people's agents, ready to be asked for by name."""
PROJECT_AGENTS = Path(".claude/agents")


@dataclass(frozen=True)
class Roster:
    """Agents by name, in the order in which they stand in a phase."""

    agents: Mapping[str, AgentDefinition]

    def __iter__(self) -> Iterator[AgentDefinition]:
        return iter(self.agents.values())

    def __len__(self) -> int:
        return len(self.agents)

    def __contains__(self, name: object) -> bool:
        return name in self.agents

    def __getitem__(self, name: str) -> AgentDefinition:
        if name not in self.agents:
            raise NotFound(f"no agent is called {name!r}; there are: {', '.join(self.agents) or 'none'}")
        return self.agents[name]

    def able(self, capability: str) -> list[AgentDefinition]:
        """Everybody who has `capability`."""
        return [agent for agent in self if capability in agent.capabilities]

    def as_taking_part(self, minds: Minds) -> "Roster":
        """The same agents; those without a runner think, if there is a model for them."""
        return Roster({name: minds.thinking(agent) for name, agent in self.agents.items()})


def load_roster(workspace: Path, *, team: Path | None = None) -> Roster:
    """The built-in team, agents that are ready to be asked, `workspace`/.claude/agents, then `team`.

    Of one name the last one counts. Raises BadDefinition (file and line) and NotFound (a `team` that is no folder).
    """
    if team is not None and not team.is_dir():
        raise NotFound(f"{team}: there is no such team folder; give a folder of agents' Markdown files")
    found: dict[str, AgentDefinition] = {}
    for folder in (BUILT_IN, READY, workspace / PROJECT_AGENTS, team):
        if folder is not None and folder.is_dir():
            found |= _folder(folder)
    return roster_of(found.values())


def roster_of(agents: Iterable[AgentDefinition]) -> Roster:
    """A roster of `agents`, ordered by their `order`, then by name."""
    ordered = sorted(agents, key=lambda agent: (agent.order, agent.name))
    return Roster({agent.name: agent for agent in ordered})


def _folder(folder: Path) -> dict[str, AgentDefinition]:
    found: dict[str, AgentDefinition] = {}
    for path in sorted(folder.rglob("*.md")):
        if path.stem.lower() == "readme":
            continue
        agent = read_definition(path)
        if agent.name in found:
            raise BadDefinition(f"{path}:1: {found[agent.name].path} defines an agent {agent.name!r} already")
        found[agent.name] = agent
    return found
