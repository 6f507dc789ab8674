"""Which price table a home has: its own `prices.toml` in front of the one that comes with this version."""

import os
from collections.abc import Mapping
from pathlib import Path

from orchestrion.domain.prices import PriceTable, read_prices, shipped_prices

PRICES_NAME = "prices.toml"
PRICES_VARIABLE = "ORCHESTRION_PRICES"


def prices_beside(folder: Path, environ: Mapping[str, str] = os.environ) -> PriceTable:
    """The prices for the projections in `folder` of a home. Raises NotFound, BadDefinition.

    `ORCHESTRION_PRICES` names another file than the home's.
    """
    named = environ.get(PRICES_VARIABLE)
    own = Path(named).expanduser() if named else folder.parent / PRICES_NAME
    return read_prices(own) if named or own.exists() else shipped_prices()
