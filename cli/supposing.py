"""Shows what would be otherwise under a supposition, session by session, and what cannot be known."""

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from orchestrion.cli.advising import Lessons
from orchestrion.cli.asking import session_of
from orchestrion.cli.options import Format
from orchestrion.cli.settings import load_settings
from orchestrion.cli.show import Sheet, say, table
from orchestrion.cli.wiring import Home, asked, home_of, prices_of
from orchestrion.domain.errors import Refused

if TYPE_CHECKING:
    from orchestrion.projections.inquiry import Supposition

COLUMNS = ("session", "about", "recorded", "supposed", "what", "unknown")


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line supposes; what is None stays as it was."""

    routing: Literal["fixed", "learned"] | None = None
    timeout: float | None = None
    parallel: int | None = None
    threshold: int | None = None
    tokens: int | None = None
    calls: int | None = None
    cost: float | None = None
    prices: Path | None = None


def supposed(
    home: Path | None, given: Given, form: Format, *, session: str | None, config: Path | None, at: int | None
) -> None:
    """Read the log again as `given` supposes, and show what changes. Raises Refused, NotFound, BadDefinition."""
    from orchestrion.projections.inquiry import suppose

    settings = load_settings(Path(), file=config)
    place = home_of(home)
    with asked(place) as store:
        only = session_of(store, session, at=at) if session else None
        what = _supposition(place, given, Lessons.of(settings))
        found = suppose(store, what, session=only, at=at)
    rows = [[each.as_row()[name] for name in COLUMNS] for each in found]
    table(Sheet(COLUMNS, rows), form, empty="Nothing would change, as far as the log can tell.")
    if rows:
        say(f"{len(rows)} changes; nothing was run.")


def _supposition(place: Home, given: Given, lessons: Lessons) -> "Supposition":
    from orchestrion.domain.prices import read_prices
    from orchestrion.projections.inquiry import Supposition

    said = (given.routing, given.timeout, given.parallel, given.threshold, given.tokens, given.calls,
            given.cost, given.prices)  # fmt: skip
    if all(value is None for value in said):
        raise Refused(
            "suppose something: --prices, --routing, --timeout, --threshold or --max-parallel, -tokens, -calls, -cost"
        )
    for option, value in (("--timeout", given.timeout), ("--max-cost", given.cost)):
        if value is not None and not isfinite(value):
            raise Refused(f"{option} {value} is no limit; leave the option out to suppose none")
    return Supposition(
        timeout=given.timeout,
        parallel=given.parallel,
        tokens=given.tokens,
        calls=given.calls,
        cost=given.cost,
        prices=read_prices(given.prices) if given.prices else None,
        against=prices_of(place) if given.prices or given.cost is not None else None,
        threshold=given.threshold,
        threshold_now=lessons.threshold,
        half_life_days=lessons.half_life_days,
        executions=lessons.limit,
        routing=given.routing,
    )
