"""The screens that have a tab, each loaded when it is first looked at: to load them all delays the first one."""

from importlib import import_module

from rich.cells import cell_len

from orchestrion.tui.screens.view import View

LOOKS = ("sessions", "session", "messages", "handoffs", "tools", "patterns", "sql", "health")
"""A screen's name is its module's, and with a capital that of its class."""

AHEAD = tuple(name for name in LOOKS if name != "sql")
"""Those that may be made before they are looked at; the other describes all views and reads a file when it is made."""


def look(name: str) -> View:
    """A new screen of that name."""
    made: View = getattr(import_module(f"orchestrion.tui.screens.{name}"), name.capitalize())()
    return made


def load_all() -> None:
    """Load every screen's module, so that none is waited for when it is looked at; and how wide signs are."""
    cell_len("…")
    for name in LOOKS:
        import_module(f"orchestrion.tui.screens.{name}")
