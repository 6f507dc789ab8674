"""Shows what things cost, in dollars to people and in micro-dollars to programs, and the prices behind it."""

from collections.abc import Sequence
from typing import Any

from orchestrion.cli.options import Format
from orchestrion.cli.plain import Written
from orchestrion.cli.show import Rows, Sheet, table
from orchestrion.domain.money import dollars
from orchestrion.domain.prices import KINDS, PriceTable

SUFFIX = "_microdollars"


UNPRICED = {
    "cost_microdollars": "unpriced_requests",
    "own_cost_microdollars": "unpriced_requests",
    "total_cost_microdollars": "total_unpriced_requests",
}
"""A cost's column and the one that counts the requests that it leaves out, for they have no known price."""


def for_people(data: Rows) -> Sheet:
    """`data` with its micro-dollars as dollars, in columns without the suffix; `≥` where requests are left out."""
    places = {name: place for place, name in enumerate(data.columns)}
    money = {
        place: places.get(UNPRICED.get(name, "")) for place, name in enumerate(data.columns) if name.endswith(SUFFIX)
    }

    def told(row: Sequence[Any]) -> list[Any]:
        missing = {place: 0 if beside is None else row[beside] for place, beside in money.items()}
        return [Written(dollars(value, missing[i])) if i in money else value for i, value in enumerate(row)]

    return Sheet([name.removesuffix(SUFFIX) for name in data.columns], [told(row) for row in data.rows])


def priced(data: Rows, form: Format, *, empty: str = "Nothing to show.") -> None:
    """As `show.table`, with money for whoever reads it."""
    table(for_people(data) if form in (Format.table, Format.md) else data, form, empty=empty)


def shown(prices: PriceTable, model: str | None) -> Sheet:
    """The price table, or what `model` costs, in dollars per million tokens (json and csv: micro-dollars)."""
    found = [stretch.price for stretch in prices.stretches(model)] if model else list(prices.prices)
    columns = ("model", "valid_from", "valid_until", "above_tokens", *(f"{k}{SUFFIX}" for k in KINDS))
    rows = [
        (model or p.model, p.since, p.until, p.above, p.input, p.output, p.cache_read, p.cache_write, p.cache_write_1h)
        for p in found
    ]
    return Sheet(columns, rows)
