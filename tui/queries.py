"""The reader's own questions: what was asked last, and what was kept under a name."""

import json
import os
from pathlib import Path

from orchestrion.projections.saved import QUERIES_NAME, saved_queries, shipped

MOST_REMEMBERED = 200
"""Questions in the history."""


class Queries:
    """History and saved queries in a file of the home; a missing or damaged one counts as empty."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.history: list[str] = []
        self.saved: dict[str, str] = {}
        self._load()

    def own(self) -> dict[str, str]:
        """What was kept here, and the `.sql` files of the home's folder `queries`.

        The values of their parameters are the defaults in their comment, which can be edited like the rest of the text.
        """
        found = _texts(self._path.parent / QUERIES_NAME) if self._path is not None else {}
        return found | self.saved

    def remember(self, sql: str) -> None:
        """Add `sql` to the history, as its newest. Raises OSError if it cannot be written."""
        self.history = [*(old for old in self.history if old != sql), sql][-MOST_REMEMBERED:]
        self._store()

    def save(self, name: str, sql: str) -> None:
        """Keep `sql` under `name`. Raises OSError if it cannot be written."""
        self.saved[name] = sql
        self._store()

    def _load(self) -> None:
        if self._path is None or not self._path.exists():
            return
        try:
            found = json.loads(self._path.read_text("utf-8"))
            self.history = [str(sql) for sql in found["history"]]
            self.saved = {str(name): str(sql) for name, sql in found["saved"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.history, self.saved = [], {}

    def _store(self) -> None:
        if self._path is None:
            return
        fresh = self._path.with_suffix(".new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"history": self.history, "saved": self.saved}, file, ensure_ascii=True, indent=1)
        fresh.replace(self._path)


def that_come_with_it() -> dict[str, str]:
    """The queries of this version, by name."""
    return _texts(shipped(QUERIES_NAME))


def _texts(folder: Path) -> dict[str, str]:
    return {name: query.sql for name, query in saved_queries([folder])[0].items()}
