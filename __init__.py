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
    from orchestrion.domain.errors import OrchestrionError
    from orchestrion.domain.events import Event
    from orchestrion.eventstore import open_log
    from orchestrion.ingest import import_paths
    from orchestrion.projections import Store

_ROOMS = {
    "AgentDefinition": "agents",
    "Conductor": "agents",
    "Event": "domain.events",
    "ExecutionResult": "agents",
    "Limits": "agents",
    "OrchestrionError": "domain.errors",
    "Plan": "agents",
    "Roster": "agents",
    "Store": "projections",
    "example_repository": "agents",
    "import_paths": "ingest",
    "load_roster": "agents",
    "make_plan": "agents",
    "open_log": "eventstore",
}

__all__ = [
    "AgentDefinition",
    "Conductor",
    "Event",
    "ExecutionResult",
    "Limits",
    "OrchestrionError",
    "Plan",
    "Roster",
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
