"""Reads: replays the log into DuckDB and answers from there, now or as of any position."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrion.projections.asking import ask
    from orchestrion.projections.catalogue import VIEWS
    from orchestrion.projections.models import View
    from orchestrion.projections.proof import Proof, prove
    from orchestrion.projections.snapshots import build_snapshot
    from orchestrion.projections.store import Store
    from orchestrion.projections.table import Table

__all__ = ["VIEWS", "Proof", "Store", "Table", "View", "ask", "build_snapshot", "prove"]

_HOMES = {
    "VIEWS": "catalogue",
    "View": "models",
    "Store": "store",
    "Table": "table",
    "ask": "asking",
    "build_snapshot": "snapshots",
    "Proof": "proof",
    "prove": "proof",
}


def __getattr__(name: str) -> Any:
    """Loaded when first asked for: `ask` must not cost its caller the import of DuckDB."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
