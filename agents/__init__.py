"""Act: the conductor, its roster, planner and runners."""

from orchestrion.agents.conductor import Conductor
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.example import example_repository
from orchestrion.agents.limits import Limits
from orchestrion.agents.planner import Plan, make_plan
from orchestrion.agents.result import ExecutionResult
from orchestrion.agents.roster import Roster, load_roster

__all__ = [
    "AgentDefinition",
    "Conductor",
    "ExecutionResult",
    "Limits",
    "Plan",
    "Roster",
    "example_repository",
    "load_roster",
    "make_plan",
]
