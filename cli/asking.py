"""Turns what the command line says into questions of the views: which session, since when, which rows."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.inert import one_line

if TYPE_CHECKING:
    from orchestrion.projections import Store, Table

LAST = "last"
CANDIDATES_SHOWN = 5
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})\s*([smhdw])(?:\s+ago)?")


def session_of(store: "Store", given: str, *, at: int | None = None) -> str:
    """The session that `given` means: its id, an unambiguous beginning of it, or `last` (the one started last).

    Raises NotFound if there is none, Refused naming the candidates if there are several.
    """
    if given == LAST:
        newest = "SELECT session FROM sessions ORDER BY started_at DESC NULLS LAST, session DESC LIMIT 1"
        rows = store.query(newest, at=at).rows
        if not rows:
            raise NotFound("the log holds no session yet; `orchestrion demo`, `run` or `import` adds one")
        return str(rows[0][0])
    found = "SELECT session FROM sessions WHERE starts_with(session, ?) ORDER BY session <> ?, session LIMIT 1000"
    ids = [str(row[0]) for row in store.query(found, (given, given), at=at).rows]
    if not ids or not given:
        raise NotFound(f"no session begins with {one_line(given)!r}; `orchestrion sessions` lists them")
    if len(ids) > 1 and ids[0] != given:
        shown = ", ".join(map(one_line, ids[:CANDIDATES_SHOWN]))
        more = f" and {len(ids) - CANDIDATES_SHOWN} more" if len(ids) > CANDIDATES_SHOWN else ""
        raise Refused(f"{one_line(given)!r} begins {len(ids)} sessions: {shown}{more}; say more of the id")
    return ids[0]


def moment_of(given: str, now: datetime | None = None) -> datetime:
    """The UTC time (without zone, as the views have it) of `2026-01-30`, `2026-01-30T10:00Z` or `90m`, `2h`, `7d`."""
    if ago := _AGO.fullmatch(given.strip()):
        try:
            return (now or datetime.now(UTC)).replace(tzinfo=None) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        except OverflowError as error:
            raise Refused(f"--since {given}: that is before the calendar begins") from error
    try:
        at = datetime.fromisoformat(given)
    except ValueError as error:
        raise Refused(f"--since {one_line(given)!r} is no time: write 2026-01-30, 2026-01-30T10:00 or 2h") from error
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def newest(
    store: "Store", view: str, time: str, *, limit: int, at: int | None = None, where: Mapping[str, Any] | None = None
) -> "Table":
    """The `limit` rows of `view` with the latest `time` among those that meet `where`, the oldest of them first.

    A condition is `column` → value (equal), or `column >=` → value; one with value None is left out.
    What came at one time comes by its session and its place in it, whatever was imported first. What has no time
    stands before all that has one, and takes no place from it.
    """
    given = {name: value for name, value in (where or {}).items() if value is not None}
    conditions = " AND ".join(f"{name} ?" if name.endswith("=") else f"{name} = ?" for name in given)
    filtered = f"SELECT * FROM {view}" + (f" WHERE {conditions}" if given else "")  # noqa: S608  our own names
    ties = _order_of_ties(view)
    backwards = ", ".join([f"{time} DESC NULLS LAST", *(f"{name} DESC NULLS FIRST" for name in ties)])
    latest = f"{filtered} ORDER BY {backwards} LIMIT {int(limit)}"
    forwards = ", ".join([f"{time} NULLS FIRST", *(f"{name} NULLS LAST" for name in ties)])
    question = f"SELECT * FROM ({latest}) ORDER BY {forwards}"  # noqa: S608  our own names
    return store.query(question, tuple(given.values()), at=at)


def _order_of_ties(view: str) -> tuple[str, ...]:
    from orchestrion.projections import VIEWS

    columns = [name for name, _ in next(each.columns for each in VIEWS if each.name == view)]
    # Positions of one session are in one order in every log, those of two are not; the first column tells rows apart.
    return tuple(dict.fromkeys([*(name for name in ("session", "position") if name in columns), columns[0]]))
