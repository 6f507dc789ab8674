"""What may be asked: the public views with their help, columns and types, as DuckDB itself describes them."""

from orchestrion.projections.layout import connect
from orchestrion.projections.models import View, models
from orchestrion.projections.tables import Tables


def _describe() -> tuple[View, ...]:
    with connect() as con:
        Tables.create(con, "own").make()
        return tuple(
            View(
                model.name,
                model.help,
                tuple((row[0], row[1]) for row in con.execute(f"DESCRIBE live.{model.name}").fetchall()),
            )
            for model in sorted(models(), key=lambda model: model.name)
            if model.public
        )


VIEWS: tuple[View, ...] = _describe()
