"""Orchestrion: run teams of agents; record every move in one immutable log; watch, replay, query and learn from it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrion.agents import (
        AgentDefinition,
        Conductor,
        ExecutionResult,
        Limits,
        Plan,
        Roster,
        example_repository,
        load_roster,
        make_plan,
    )
    from orchestrion.cli.api import (
        CommunicationBus,
        ExecutionDashboard,
        HandoffSystem,
        LearningSystem,
        Orchestrator,
        RuntimeLogger,
    )
    from orchestrion.domain.errors import OrchestrionError
    from orchestrion.domain.events import Event
    from orchestrion.eventstore import open_log
    from orchestrion.ingest import import_paths
    from orchestrion.projections import Store

_ROOMS = {
    "AgentDefinition": "agents",
    "CommunicationBus": "cli.api",
    "Conductor": "agents",
    "Event": "domain.events",
    "ExecutionDashboard": "cli.api",
    "ExecutionResult": "agents",
    "HandoffSystem": "cli.api",
    "LearningSystem": "cli.api",
    "Limits": "agents",
    "OrchestrionError": "domain.errors",
    "Orchestrator": "cli.api",
    "Plan": "agents",
    "Roster": "agents",
    "RuntimeLogger": "cli.api",
    "Store": "projections",
    "example_repository": "agents",
    "import_paths": "ingest",
    "load_roster": "agents",
    "make_plan": "agents",
    "open_log": "eventstore",
}

__all__ = [
    "AgentDefinition",
    "CommunicationBus",
    "Conductor",
    "Event",
    "ExecutionDashboard",
    "ExecutionResult",
    "HandoffSystem",
    "LearningSystem",
    "Limits",
    "Orchestrator",
    "OrchestrionError",
    "Plan",
    "Roster",
    "RuntimeLogger",
    "Store",
    "example_repository",
    "import_paths",
    "load_roster",
    "make_plan",
    "open_log",
]


def __getattr__(name: str) -> Any:
    """Import the public name on first use: importing any of our modules must not import all of them (PEP 562)."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
