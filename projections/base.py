"""The events as relations: the rows taken in here over those of a snapshot, all of them or up to a position.

To bind a hundred columns takes DuckDB milliseconds, each time that they are named. So a relation has only the columns
that its reader names.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import re
from collections.abc import Iterable
from dataclasses import dataclass

import duckdb

from orchestrion.projections.columns import NESTED, STORED, nested, quoted

UPTO = "upto_position"
"""The variable of a connection that the schema `as_of` looks at."""

FORKED = "session.forked"

_WORD = re.compile(r"[a-z_0-9]+")
_READ = re.compile(r"\b(FROM|JOIN) (facts|everything)\b")


@dataclass(frozen=True, slots=True)
class Base:
    """What the views of one schema are made from: the tables in `own`, over those of `snap` where there is one."""

    schema: str
    own: str
    snap: str | None = None
    upto: bool = False
    """Whether they tell how it was as of the position in `UPTO`."""
    snapped: int | None = None
    """Where `snap` stands, if its rows are to be used for how it was: only what changed between is told anew."""
    forked: bool = False
    """Whether sessions were forked between: then what these and their descendants saw is told anew as well."""

    @property
    def forks(self) -> str:
        """The relation of sessions and how many forks stand before them."""
        return f"{self.schema}.forks" if self.upto else f"{self.own}.forks"

    def position(self, con: duckdb.DuckDBPyConnection) -> int:
        """The last position that a transaction of `con` sees, which may begin with this question; 0 without any."""
        # All of it: an unfetched rest would own the connection.
        last = con.execute(f"SELECT max(position) FROM {self.own}.wide").fetchall()[0][0]
        if last is None and self.snap:
            last = con.execute(f"SELECT position FROM {self.snap}.meta").fetchall()[0][0]
        return int(last or 0)

    @property
    def between(self) -> str:
        """The condition on events that lie between the snapshot and the position in `UPTO`, whichever comes first."""
        there, here = self.snapped, f"getvariable('{UPTO}')"
        return f"position > least({there}, {here}) AND position <= greatest({there}, {here})"

    def rows(self, table: str, columns: str = "*", where: str = "") -> str:
        """The SELECT of `columns` over both parts of a table."""
        upto = f"position <= getvariable('{UPTO}')" if self.upto else ""
        conditions = " AND ".join(filter(None, (where, upto)))
        narrowed = f" WHERE {conditions}" if conditions else ""
        parts = (f"SELECT {columns} FROM {part}.{table}{narrowed}" for part in (self.snap, self.own) if part)
        return " UNION ALL ".join(parts)

    def events(self, naming: str, where: str = "", *, readable: bool = True) -> str:
        """The SELECT of those columns of the events that occur in the text `naming`."""
        conditions = " AND ".join(filter(None, ("readable" if readable else "", where)))
        return self.rows("wide", ", ".join(_named(_WORD.findall(naming))), conditions)

    def over(self, sql: str) -> str:
        """The statement of a plain view with its `facts` and `everything` narrowed to the columns that it names."""
        return _READ.sub(lambda read: f"{read[1]} ({self.events(sql, readable=read[2] == 'facts')}) AS {read[2]}", sql)


def _named(words: Iterable[str]) -> list[str]:
    """The columns among `words`, the nested ones read from `data`."""
    known = set(words)
    stored = [quoted(name) for name in STORED if name in known]
    return [*stored, *(nested(name) for name in NESTED if name in known)] or ["position"]
