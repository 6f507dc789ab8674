"""Shows what things cost, in dollars to people and in micro-dollars to programs, and the prices behind it."""

from orchestrion.cli.options import Format
from orchestrion.cli.show import Rows, Sheet, table
from orchestrion.domain.money import dollars
from orchestrion.domain.prices import KINDS, PriceTable

SUFFIX = "_microdollars"


def for_people(data: Rows) -> Sheet:
    """`data` with its micro-dollars as dollars, in columns without the suffix."""
    money = {place for place, name in enumerate(data.columns) if name.endswith(SUFFIX)}
    columns = [name.removesuffix(SUFFIX) for name in data.columns]
    return Sheet(columns, [[dollars(v) if i in money else v for i, v in enumerate(row)] for row in data.rows])


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
