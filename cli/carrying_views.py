"""Writes views of the log for other tools: JSON Lines, CSV, Parquet, and OCEL 2.0 for process mining."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from orchestrion.cli import exits
from orchestrion.cli.asking import session_of
from orchestrion.cli.files import fresh, write
from orchestrion.cli.plain import csv_cell, json_text
from orchestrion.cli.show import Sheet, say, structured
from orchestrion.cli.wiring import Home, asked
from orchestrion.domain.errors import Refused

if TYPE_CHECKING:
    from orchestrion.projections import Store
    from orchestrion.projections.models import View

WHOLE_LOG = "events"
"""The view that a whole log is exported as, where no view is named."""


Shape = Literal["jsonl", "csv", "parquet", "ocel"]
"""What is written."""


def exported_as(
    home: Home, shape: str, view: str | None, *, session: str | None, at: int | None, output: Path | None
) -> int:
    """Write a view, or the whole log, to `output` (None: standard output); the exit code. Raises Refused, NotFound."""
    if shape == "ocel" and view is not None:
        raise Refused("OCEL holds the events of the log and what they are about; it is not made of one view")
    if shape == "parquet" and output is None:
        raise Refused("Parquet is no text: name a file with --output FILE")
    with asked(home) as store:
        chosen = session_of(store, session, at=at) if session else None
        said = _written(store, cast(Shape, shape), view, session=chosen, at=at, output=output)
    say(said)
    return exits.OK


def _written(
    store: "Store", shape: Shape, view: str | None, *, session: str | None, at: int | None, output: Path | None
) -> str:
    """What was written, in a sentence."""
    from orchestrion.projections.exporting import view_named, write_parquet
    from orchestrion.projections.ocel import ocel_json

    if shape == "ocel":
        undated: list[None] = []
        write(output, ocel_json(store, session=session, at=at, undated=lambda: undated.append(None)))
        told = f"{len(undated)} events have no time of their own, and that of their recording (time_of: recording)."
        return "The log was written as OCEL 2.0." + (f" {told}" if undated else "")
    found = view_named(view or WHOLE_LOG)
    if shape == "parquet" and output is not None:
        with fresh(output) as path:
            rows = write_parquet(store, found, path, session=session, at=at)
    else:
        lines = _Counted()
        write(output, lines.of(store, found, shape, session, at))
        rows = lines.rows
    return f"{rows} rows of {found.name} exported."


class _Counted:
    """Lines of a text, and of how many rows they are."""

    rows = 0

    def of(self, store: "Store", view: "View", shape: Shape, session: str | None, at: int | None) -> Iterator[bytes]:
        """The rows of `view` as JSON Lines or CSV."""
        from orchestrion.projections.exporting import batches

        columns = [name for name, _ in view.columns]
        if shape == "csv":
            yield _csv([columns])
        for batch in batches(store, view, session=session, at=at):
            self.rows += len(batch)
            if shape == "csv":
                yield _csv([map(csv_cell, row) for row in batch])
            else:
                rows = structured(Sheet(columns, batch)).rows
                yield "".join(
                    json_text(dict(zip(columns, row, strict=True)), indent=None) + "\n" for row in rows
                ).encode()


def _csv(rows: Iterable[Iterable[str]]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(rows)
    return buffer.getvalue().encode("utf-8", "backslashreplace")
