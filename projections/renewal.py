"""Makes the rows of touched keys anew, within a transaction of whoever asks; rows may be taken in meanwhile.

Who reads keyed models begins a transaction, which sees the log up to one position, brings the models up to there, and
reads. What comes while he does so is not in his answer, and need not wait for him.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import threading
from collections.abc import Collection

import duckdb

from orchestrion.projections.base import FORKED, Base
from orchestrion.projections.models import Model, keyed_models

_DESCENDANTS = """WITH RECURSIVE kin AS (
    SELECT session FROM {own}.wide WHERE kind = 'session.forked' AND position > {after}
    UNION
    SELECT forked.session FROM ({forked}) AS forked JOIN kin ON forked.parent = kin.session
) SELECT session FROM kin"""


class Renewal:
    """The keyed models over `base`, each with the position that it agrees with."""

    def __init__(self, base: Base) -> None:
        self.base, self.own = base, base.own
        self.turn = threading.RLock()
        """Whose turn it is to write: two transactions that make the same rows would be in conflict."""
        self._touched: dict[str, int] = {}
        """Model to the last position that concerns it."""
        self._agrees: dict[str, int] = {}
        """Model to the position that its table agrees with."""

    def begin(self, con: duckdb.DuckDBPyConnection, touched: int | None = None) -> None:
        """Take note of where the tables stand; `touched`: what lies up to there may concern any of them."""
        self._agrees = dict(con.execute(f"FROM {self.own}.refreshed").fetchall())
        if touched is not None:
            self._touched = dict.fromkeys(self._agrees, touched)

    def touch(self, names: Collection[str], position: int) -> None:
        """Rows are about to be taken in up to `position` that concern these models."""
        self._touched |= dict.fromkeys(names, position)

    def renew(self, con: duckdb.DuckDBPyConnection, names: Collection[str], position: int) -> dict[str, int]:
        """In a transaction of `con` that sees the log up to `position`: make the named models agree with that.

        Gives model to position of those that were renewed; whoever commits them says so by `agree`.
        """
        behind = [
            model
            for model in keyed_models()
            if model.name in names and self._agrees[model.name] < self._touched.get(model.name, 0)
        ]
        if not behind:
            return {}
        for model in behind:
            self._remake(con, model, self._agrees[model.name])
            con.execute(f"UPDATE {self.own}.refreshed SET position = {position} WHERE model = '{model.name}'")
        return {model.name: position for model in behind}

    def agree(self, renewed: dict[str, int]) -> None:
        """These models were renewed, and that is committed."""
        self._agrees |= renewed

    def _remake(self, con: duckdb.DuckDBPyConnection, model: Model, after: int) -> None:
        table = f"{self.own}.{model.name}"
        if self.base.snap is None and after == 0:
            con.execute(f"INSERT INTO {table} {model.select(self.base)}")
            return
        new = (
            f'SELECT DISTINCT "{model.key}" FROM {self.own}.wide '
            f"WHERE position > {after} AND readable AND {model.wanted}"
        )
        if _one(con, f"SELECT count(*) FROM {self.own}.wide WHERE position > {after} AND kind = '{FORKED}'"):
            forked = self.base.events("session parent", f"kind = '{FORKED}'")
            kin = _DESCENDANTS.format(own=self.own, after=after, forked=forked)
            new += f" UNION {self.base.events(str(model.key), f'session IN ({kin}) AND {model.wanted}')}"
        con.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT DISTINCT * FROM ({new}) AS new(key)")
        if not _one(con, "SELECT count(*) FROM fresh"):
            return
        con.execute(f'DELETE FROM {table} WHERE "{model.key}" IN (FROM fresh)')
        con.execute(f"INSERT INTO {table} {model.select(self.base, only='fresh')}")
        if self.base.snap is not None:
            touched = f"{self.own}.touched_{model.name}"
            con.execute(
                f"INSERT INTO {touched} SELECT fresh.key, old.rowid FROM fresh ANTI JOIN {touched} USING (key) "
                f'LEFT JOIN {self.base.snap}.{model.name} AS old ON old."{model.key}" = fresh.key'
            )


def _one(con: duckdb.DuckDBPyConnection, statement: str) -> int:
    # All of it: an unfetched rest would own the connection.
    return int(con.execute(statement).fetchall()[0][0])
