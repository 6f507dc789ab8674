"""Orchestrion: run teams of agents; record every move in one immutable log; watch, replay, query and learn from it."""

from importlib import import_module
from typing import Any

_FACE = {
    "Event": "domain.events",
    "OrchestrionError": "domain.errors",
}

__all__ = ["Event", "OrchestrionError"]


def __getattr__(name: str) -> Any:
    """Import the public name on first use: importing any of our modules must not import all of them (PEP 562)."""
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FACE[name]}"), name)
