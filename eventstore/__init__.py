"""Appends: the one log, on the eventsourcing library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrion.eventstore.memory_log import MemoryLog
    from orchestrion.eventstore.sqlite_log import SQLiteLog, open_log

_FACE = {
    "MemoryLog": "memory_log",
    "SQLiteLog": "sqlite_log",
    "open_log": "sqlite_log",
}

__all__ = ["MemoryLog", "SQLiteLog", "open_log"]


def __getattr__(name: str) -> Any:
    """Import on first use: the snapshot builder's process must not load what it does not need (PEP 562)."""
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FACE[name]}"), name)
