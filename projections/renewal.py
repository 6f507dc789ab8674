"""Makes the rows of touched keys anew, within a transaction of whoever asks; rows may be taken in meanwhile.

Who reads keyed models begins a transaction, which sees the log up to one position, brings the models up to there, and
reads. What comes while he does so is not in his answer, and need not wait for him.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; what stands in them of the log is a literal

import threading
from collections.abc import Collection, Iterable, Sequence

import duckdb

from orchestrion.projections.base import FORKED, Base
from orchestrion.projections.literals import is_literal, literal
from orchestrion.projections.models import Model, keyed_models, those

MOST_LOOKED_AT = 1_000
"""Events up to which their keys are told apart here, once for all models: to ask for those of each takes longer."""

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
        self._hidden: dict[str, set[str]] = {model.name: set() for model in keyed_models()}
        """Model to keys whose rows of the snapshot are known to be hidden."""
        self._hiding: dict[str, Collection[str]] = {}
        """Those that are hidden by the renewal that is under way."""

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
        self._hiding = {}
        new = self._new_keys(con, behind)
        for model in behind:
            self._remake(con, model, new)
        renewed = ", ".join(literal(model.name) for model in behind)
        con.execute(f"UPDATE {self.own}.refreshed SET position = {position} WHERE model IN ({renewed})")
        return {model.name: position for model in behind}

    def agree(self, renewed: dict[str, int]) -> None:
        """These models were renewed, and that is committed."""
        self._agrees |= renewed
        for name in renewed:
            self._hidden[name].update(self._hiding.pop(name, ()))

    def _new_keys(self, con: duckdb.DuckDBPyConnection, behind: Sequence[Model]) -> dict[str, list[str]] | None:
        """Model to the keys of the events that it does not agree with yet; None where they are too many to look at, or
        concern other keys than their own."""
        after = min(self._agrees[model.name] for model in behind)
        columns = sorted({str(model.key) for model in behind})
        named = ", ".join(f'"{column}"' for column in columns)
        events = con.execute(
            f"SELECT position, kind, {named} FROM {self.own}.wide WHERE position > {after} AND readable "
            f"LIMIT {MOST_LOOKED_AT + 1}"
        ).fetchall()
        if len(events) > MOST_LOOKED_AT or any(event[1] == FORKED for event in events):
            return None
        found: dict[str, list[str]] = {}
        for model in behind:
            agrees, kinds, place = self._agrees[model.name], frozenset(model.kinds), 2 + columns.index(str(model.key))
            keys = {event[place] for event in events if event[0] > agrees and event[1] in kinds} - {None}
            found[model.name] = sorted(keys)
        return found if all(is_literal(key) for keys in found.values() for key in keys) else None

    def _remake(self, con: duckdb.DuckDBPyConnection, model: Model, new: dict[str, list[str]] | None) -> None:
        table, after = f"{self.own}.{model.name}", self._agrees[model.name]
        if self.base.snap is None and after == 0:
            con.execute(f"INSERT INTO {table} {model.select(self.base)}")
            return
        if new is None:
            con.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS {self._keys_since(con, model, after)}")
            only = those("fresh")
        elif keys := new[model.name]:
            only = those(keys)
        else:
            return
        con.execute(f'DELETE FROM {table} WHERE "{model.key}" IN {only}')
        con.execute(f"INSERT INTO {table} {model.select(self.base, only=only)}")
        if self.base.snap is not None:
            self._hide(con, model, None if new is None else new[model.name])

    def _keys_since(self, con: duckdb.DuckDBPyConnection, model: Model, after: int) -> str:
        """The SELECT of the keys that events after a position concern: of a fork, all that it and its kin saw."""
        new = (
            f'SELECT DISTINCT "{model.key}" FROM {self.own}.wide '
            f"WHERE position > {after} AND readable AND {model.wanted}"
        )
        if _one(con, f"SELECT count(*) FROM {self.own}.wide WHERE position > {after} AND kind = '{FORKED}'"):
            forked = self.base.events("session parent", f"kind = '{FORKED}'")
            kin = _DESCENDANTS.format(own=self.own, after=after, forked=forked)
            new += f" UNION {self.base.events(str(model.key), f'session IN ({kin}) AND {model.wanted}')}"
        return f"SELECT DISTINCT * FROM ({new}) AS new(key)"

    def _hide(self, con: duckdb.DuckDBPyConnection, model: Model, keys: Iterable[str] | None) -> None:
        """Hide the snapshot's rows of these keys, or of those in the table `fresh` (None)."""
        touched, fresh = f"{self.own}.touched_{model.name}", "fresh"
        if keys is not None:
            unknown = [key for key in keys if key not in self._hidden[model.name]]
            if not unknown:
                return
            self._hiding[model.name] = unknown
            fresh = f"(VALUES {', '.join(f'({literal(key)})' for key in unknown)}) AS fresh(key)"
        con.execute(
            f"INSERT INTO {touched} SELECT fresh.key, old.rowid FROM {fresh} ANTI JOIN {touched} USING (key) "
            f'LEFT JOIN {self.base.snap}.{model.name} AS old ON old."{model.key}" = fresh.key'
        )


def _one(con: duckdb.DuckDBPyConnection, statement: str) -> int:
    # All of it: an unfetched rest would own the connection.
    return int(con.execute(statement).fetchall()[0][0])
