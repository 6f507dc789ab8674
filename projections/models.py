"""The read models: one `.sql` file each, whose first comment is its help, and how each is asked of the events.

A file with a `-- key:` line is a *keyed* model: its SELECT over `ranked` gives rows for each value of one column of the
events, from the events that carry that value alone. So it can be kept up to date key by key, and asked of any part of
the log. A file without one is a plain view over the others.
"""

# ruff: noqa: S608 - every name in these statements is one of our own; no text of users or of the log is in them

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from graphlib import TopologicalSorter
from importlib.resources import files

from orchestrion.domain.events import KINDS
from orchestrion.domain.streams import WITNESSES
from orchestrion.projections.base import FORKED, Base
from orchestrion.projections.literals import literal

_HEADER = re.compile(r"^-- (key|kinds|newest|internal|kept): ?(.*)$")
_WORD = re.compile(r"[a-z_]+")
_KIND = re.compile("|".join(f"'{re.escape(kind)}'" for kind in KINDS))
MAX_KNOWN_QUESTIONS = 1000
"""A screen asks the same questions again and again; people never ask as many."""
_BITS_OF_POSITION = 36
_BITS_OF_WITNESS = 3


@dataclass(frozen=True, slots=True)
class View:
    """What people may ask: a name, its help, and (column, DuckDB type) pairs."""

    name: str
    help: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Model:
    """One `.sql` file. `key` is the column of the events that a keyed model groups by, None for a plain view.

    `kinds` are the kinds it looks at; `newest` the columns within which a better parser's events supersede the older.
    """

    name: str
    help: str
    sql: str
    public: bool
    key: str | None
    kinds: tuple[str, ...]
    newest: str
    kept: bool = False
    """Whether a snapshot holds the rows of this plain view as they stood when it was taken."""

    def select(self, base: Base, *, only: str | None = None) -> str:
        """The SELECT over the events of `base`; that of a keyed model may be narrowed to `only` (see `those`)."""
        if self.key is None:
            return base.over(self.sql)
        where = self.wanted + (f' AND "{self.key}" IN {only}' if only else "")
        chosen = base.events(f"{self.sql} {self.newest} {self.key} {_RANKED_BY}", where)
        ranked = (_FEW_RANKED if only else _RANKED).format(chosen=chosen, forks=base.forks, newest=self.newest)
        return f"{ranked} SELECT * FROM ({self.sql})"

    @property
    def wanted(self) -> str:
        """The condition on an event that makes it matter to this model."""
        kinds = ", ".join(f"'{kind}'" for kind in self.kinds)
        return f'"{self.key}" IS NOT NULL AND kind IN ({kinds})'


def those(keys: str | Iterable[str]) -> str:
    """Keys as `Model.select` takes them: some, none of which has a NUL, or all in the column `key` of a relation."""
    return f"({f'SELECT key FROM {keys}' if isinstance(keys, str) else ', '.join(map(literal, keys))})"


_RANKED_BY = "position session source parser kind"
_RANK = (
    f"(coalesce({{seniority}}, 0)::BIGINT << {_BITS_OF_POSITION + _BITS_OF_WITNESS}) "
    f"+ (list_position({list(WITNESSES)}, source)::BIGINT << {_BITS_OF_POSITION}) + position AS rank"
)
_SENIORITY = "dense_rank() OVER (ORDER BY session IS NOT NULL, coalesce(depth, 0), session)"
_RANKED = f"""WITH chosen AS ({{chosen}}),
owners AS (
    SELECT session, row_number() OVER (ORDER BY coalesce(depth, 0), session) AS seniority
    FROM (SELECT DISTINCT session FROM chosen WHERE session IS NOT NULL) LEFT JOIN {{forks}} USING (session)
),
improved AS (
    SELECT source FROM chosen GROUP BY source HAVING count(DISTINCT coalesce(parser, 0)) > 1
),
superseded AS (
    SELECT position FROM chosen WHERE source IN (SELECT source FROM improved)
    QUALIFY coalesce(parser, 0) < max(coalesce(parser, 0)) OVER (PARTITION BY {{newest}})
),
ranked AS (
    SELECT chosen.*, {_RANK.format(seniority="seniority")}
    FROM chosen LEFT JOIN owners USING (session) ANTI JOIN superseded USING (position)
)"""
"""The facts of a key in the order in which they are believed: `rank`, lowest first.

The owner comes first: of several sessions that saw one fact, the one that is forked from the fewest others, then the
smallest id. Within a session the witnesses come in the order of `streams.WITNESSES`, then the log's order. Older
parsers' facts are gone where a better parser has spoken. `arg_min(field, rank)` is then the first known value.
"""
_FEW_RANKED = f"""WITH ranked AS (
    SELECT chosen.*, {_RANK.format(seniority=_SENIORITY)}
    FROM ({{chosen}}) AS chosen LEFT JOIN {{forks}} USING (session)
    QUALIFY coalesce(parser, 0) = max(coalesce(parser, 0)) OVER (PARTITION BY {{newest}})
)"""
"""The same for the facts of a few keys: its windows would be slow over a whole log, but it is planned in half the time,
and to plan it takes longer than to run it."""


@cache
def models() -> tuple[Model, ...]:
    """Every read model, each after those that it reads from."""
    found = {
        file.name.removesuffix(".sql"): file.read_text(encoding="utf-8")
        for file in files("orchestrion.projections").joinpath("sql").iterdir()
        if file.name.endswith(".sql")
    }
    parsed = {name: _parse(name, text) for name, text in sorted(found.items())}
    # Sorted, so that every process has the same order: the schema hash depends on it.
    order = TopologicalSorter({name: sorted(_needs(model, parsed)) for name, model in parsed.items()}).static_order()
    return tuple(parsed[name] for name in order)


def _needs(model: Model, others: Mapping[str, Model]) -> set[str]:
    """The models that a plain view reads; a keyed one reads events only."""
    return set() if model.key else set(_WORD.findall(model.sql)) & others.keys() - {model.name}


@lru_cache(MAX_KNOWN_QUESTIONS)
def read_in(sql: str) -> tuple[Model, ...]:
    """The models whose names stand in `sql`, and all that these read, each after those that it reads from.

    Anywhere in it: `query('FROM sessions')` reads sessions. A kind is no name: `usage.recorded` has nothing of `usage`.
    """
    by_name = {model.name: model for model in models()}
    found, ahead = set[str](), set(_WORD.findall(_KIND.sub("", sql).lower())) & by_name.keys()
    while ahead:
        found |= ahead
        ahead = {name for one in ahead for name in _needs(by_name[one], by_name)} - found
    return tuple(model for model in models() if model.name in found)


@lru_cache(MAX_KNOWN_QUESTIONS)
def reading(kinds: frozenset[str]) -> frozenset[str]:
    """The keyed models whose rows may change when events of `kinds` come: all of them where a session is forked."""
    return frozenset(model.name for model in keyed_models() if FORKED in kinds or not kinds.isdisjoint(model.kinds))


def keyed_models() -> tuple[Model, ...]:
    """The models that are kept as tables."""
    return tuple(model for model in models() if model.key)


def kept_models() -> tuple[Model, ...]:
    """The plain views whose rows are stored with each snapshot."""
    return tuple(model for model in models() if model.kept)


def behind_kept() -> tuple[Model, ...]:
    """The kept views and every plain view that they read: what the stored rows depend on."""
    return tuple(model for model in read_in(" ".join(one.name for one in kept_models())) if not model.key)


def _parse(name: str, text: str) -> Model:
    """A file's header lines, its help and its statement."""
    said: dict[str, str] = {}
    help_lines: list[str] = []
    lines = text.splitlines()
    while lines and lines[0].startswith("--"):
        line = lines.pop(0)
        if match := _HEADER.match(line):
            said[match[1]] = match[2].strip()
        else:
            help_lines.append(line.removeprefix("--").strip())
    key = said.get("key")
    return Model(
        name=name,
        help=" ".join(help_lines),
        sql="\n".join(lines).strip().rstrip(";"),
        public="internal" not in said,
        key=key,
        kinds=_kinds(said.get("kinds", "*")),
        newest=said.get("newest", f'"{key}", session, source'),
        kept="kept" in said,
    )


def _kinds(patterns: str) -> tuple[str, ...]:
    """The kinds that `tool.*, usage.recorded` or `* -message.delivered` stand for."""
    wanted: set[str] = set()
    for word in re.split(r"[,\s]+", patterns):
        shape = re.compile(word.removeprefix("-").replace(".", r"\.").replace("*", ".*"))
        hits = {kind for kind in KINDS if shape.fullmatch(kind)}
        wanted = wanted - hits if word.startswith("-") else wanted | hits
    return tuple(sorted(wanted))
