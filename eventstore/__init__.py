"""Appends: the one log, on the eventsourcing library."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrion.eventstore.arrow import SQLiteArrow, sqlite_arrow
    from orchestrion.eventstore.memory_log import MemoryLog
    from orchestrion.eventstore.redaction import SecretRedactor, secret_redactor
    from orchestrion.eventstore.sqlite_log import SQLiteLog, open_log

_FACE = {
    "MemoryLog": "memory_log",
    "SQLiteLog": "sqlite_log",
    "SQLiteArrow": "arrow",
    "SecretRedactor": "redaction",
    "open_log": "sqlite_log",
    "secret_redactor": "redaction",
    "sqlite_arrow": "arrow",
}

__all__ = ["MemoryLog", "SQLiteArrow", "SQLiteLog", "SecretRedactor", "open_log", "secret_redactor", "sqlite_arrow"]


def __getattr__(name: str) -> Any:
    """Import on first use: the snapshot builder's process must not load what it does not need (PEP 562)."""
    if name not in _FACE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FACE[name]}"), name)
