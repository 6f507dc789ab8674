"""Shows what would be otherwise under a supposition, session by session, and what cannot be known."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli.asking import session_of
from orchestrion.cli.options import Format
from orchestrion.cli.settings import load_settings
from orchestrion.cli.show import Sheet, say, table
from orchestrion.cli.wiring import asked, home_of
from orchestrion.domain.errors import BadPlan, Refused

if TYPE_CHECKING:
    from orchestrion.domain.ports import Prices
    from orchestrion.projections import Store
    from orchestrion.projections.inquiry import Routing, Supposition

COLUMNS = ("session", "about", "recorded", "supposed", "what", "unknown")


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line supposes; what is None stays as it was."""

    prices: Path | None = None
    routing: str | None = None
    timeout: float | None = None
    parallel: int | None = None
    threshold: int | None = None
    tokens: int | None = None
    calls: int | None = None
    cost: float | None = None
    team: Path | None = None


def supposed(
    home: Path | None, given: Given, form: Format, *, session: str | None, config: Path | None, at: int | None
) -> None:
    """Read the log again as `given` supposes, and show what changes. Raises Refused, NotFound, BadDefinition."""
    from orchestrion.projections.inquiry import suppose

    settings = load_settings(Path(), file=config)
    place = home_of(home)
    with asked(place) as store:
        only = session_of(store, session, at=at) if session else None
        what = _supposition(store, place.path, given, settings["learning.pattern_confidence_threshold"], at)
        found = suppose(store, what, session=only, at=at)
    rows = [[each.as_row()[name] for name in COLUMNS] for each in found]
    table(Sheet(COLUMNS, rows), form, empty="Nothing would change, as far as the log can tell.")
    if rows:
        say(f"{len(rows)} changes in {len({row[0] for row in rows})} sessions; nothing was run.")


def _supposition(store: "Store", home: Path, given: Given, threshold: int, at: int | None) -> "Supposition":
    from orchestrion.projections.inquiry import Supposition

    said = (given.prices, given.routing, given.timeout, given.parallel, given.threshold, given.tokens, given.calls,
            given.cost)  # fmt: skip
    if all(value is None for value in said):
        raise Refused("suppose something: --prices FILE, --routing, --timeout S, --max-parallel N, --threshold P, "
                      "--max-tokens N, --max-calls N or --max-cost USD")  # fmt: skip
    asks_prices = given.prices is not None or given.cost is not None
    return Supposition(
        prices=_prices(given.prices) if given.prices else None,
        against=_prices_now(home) if asks_prices else None,
        timeout=given.timeout,
        parallel=given.parallel,
        tokens=given.tokens,
        calls=given.calls,
        cost=given.cost,
        threshold=given.threshold,
        threshold_now=threshold,
        routing=_routing(store, given, at) if given.routing else None,
    )


def _prices(path: Path) -> "Prices":
    from orchestrion.domain.prices import read_prices

    return read_prices(path)


def _prices_now(home: Path) -> "Prices":
    from orchestrion.domain.prices import read_prices, shipped_prices

    own = home / "prices.toml"
    return read_prices(own) if own.is_file() else shipped_prices()
