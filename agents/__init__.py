"""Act: the conductor, its roster, planner and runners."""

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.planner import Plan, make_plan
from orchestrion.agents.roster import Roster, load_roster

__all__ = ["AgentDefinition", "Plan", "Roster", "load_roster", "make_plan"]
