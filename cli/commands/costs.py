"""Speaks about money: prices."""

from typing import Annotated

import typer

from orchestrion.cli.options import Format, FormatOption, HomeOption


def prices(
    *,
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="Only what this model costs.")] = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Show what tokens cost: dollars per million.

    In json and csv micro-dollars. Public list prices come with this version; your own, in `prices.toml` of the home (or
    the file that ORCHESTRION_PRICES names), go before them. The first price that fits the model and the day holds.
    """
    from orchestrion.cli.costs import priced, shown
    from orchestrion.cli.show import say
    from orchestrion.cli.wiring import home_of
    from orchestrion.domain.errors import NotFound
    from orchestrion.projections.pricing import prices_beside

    table = prices_beside(home_of(home).projections)
    sheet = shown(table, model)
    if model and not sheet.rows:
        raise NotFound(
            f"no price is known for the model {model!r}; give one in prices.toml of the home (docs/costs.md)"
        )
    priced(sheet, form)
    say(f"Price table {table.version} ({table.fingerprint}): {table.source}")
