"""The columns of every read model, each with its DuckDB type.

To tell them, DuckDB plans every model, which takes longer than to answer most questions. So they stand in
`shapes.json`, which `python -m orchestrion.projections.shapes > shapes.json` writes; a test compares the two.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def shapes() -> Mapping[str, Mapping[str, str]]:
    """Model to its columns, in their order, each with its type."""
    found: dict[str, dict[str, str]] = json.loads(
        files("orchestrion.projections").joinpath("shapes.json").read_text(encoding="utf-8")
    )
    return found


def described() -> dict[str, dict[str, str]]:
    """The same, as DuckDB tells it."""
    from orchestrion.projections import layout  # noqa: PLC0415 - which reads what stands here
    from orchestrion.projections.base import Base  # noqa: PLC0415
    from orchestrion.projections.models import keyed_models, models  # noqa: PLC0415
    from orchestrion.projections.price_tables import create_price_tables  # noqa: PLC0415

    base = Base("live", "own")
    with layout.connect() as con:
        layout.create_event_tables(con, base)
        for model in keyed_models():
            con.execute(f"CREATE TABLE own.{model.name} AS {model.select(base)} LIMIT 0")
        layout.create_schema(con, base)
        create_price_tables(con)
        for name in layout.all_views():
            layout.create_view(con, base, name)
        names = sorted(model.name for model in models())
        told = {name: con.execute(f"DESCRIBE live.{name}").fetchall() for name in names}
    return {name: {row[0]: row[1] for row in rows} for name, rows in told.items()}


def document() -> str:
    """What `shapes.json` is to hold: a model a line."""
    lines = (f"{json.dumps(name)}: {json.dumps(columns)}" for name, columns in described().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    sys.stdout.write(document())
