"""Shows one handoff in full: its package, what was wrong with it, and what the taker used of it."""

from pathlib import Path
from typing import Any

from orchestrion.cli.options import Format
from orchestrion.cli.show import answer, table
from orchestrion.cli.wiring import asked, home_of, opened
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.inert import one_line

SHOW = "show"
CANDIDATES = "SELECT handoff FROM handoffs WHERE starts_with(handoff, ?) ORDER BY handoff <> ?, handoff LIMIT 2"
ONE = "SELECT * EXCLUDE (package) FROM handoffs WHERE handoff = ?"


def shown(words: list[str], *, home: Path | None, form: Format, at: int | None) -> None:
    """Show the handoff that `words` (`show ID`) name by the beginning of its id. Raises Refused, NotFound."""
    if len(words) != 2 or words[0] != SHOW:
        raise Refused(f"handoffs {one_line(' '.join(words))}: say `handoffs`, or `handoffs show ID`")
    with opened(home_of(home)) as (log, store):
        found = store.query(CANDIDATES, (words[1], words[1]), at=at).rows
        if not found:
            raise NotFound(
                f"no handoff begins with {one_line(words[1])!r}; `orchestrion handoffs --format json` lists them"
            )
        if len(found) > 1 and found[0][0] != words[1]:
            raise Refused(f"several handoffs begin with {one_line(words[1])!r}; say more of the id")
        handoff = found[0][0]
        (row,) = store.query(ONE, (handoff,), at=at).dicts()
        row["package"] = _package(log, handoff)
    answer(row, form)


def statistics(*, home: Path | None, form: Format, at: int | None) -> None:
    """Who hands work to whom, and what becomes of it."""
    with asked(home_of(home)) as store:
        table(store.query("SELECT * FROM handoff_stats", at=at), form)


def _package(log: Any, handoff: str) -> Any:
    """The whole of it; the view has only the beginning of a large one."""
    from orchestrion.domain.bodies import whole
    from orchestrion.domain.events import HandoffOffered

    events = [whole(record.event, log.blob) for record in log.read_stream(f"handoff-{handoff}")]
    return next((event.package for event in events if isinstance(event, HandoffOffered)), None)
