"""Lists the newest rows of a view: brief columns in a table for people, all of them in the other formats."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrion.cli.asking import moment_of, newest, session_of
from orchestrion.cli.costs import for_people
from orchestrion.cli.options import Format
from orchestrion.cli.show import chosen, structured, table
from orchestrion.cli.wiring import asked, home_of


@dataclass(frozen=True, slots=True)
class Listing:
    """A view, the time its rows are ordered by, and the columns that fit a terminal, as people are shown them."""

    view: str
    time: str
    brief: tuple[str, ...]
    empty: str = "Nothing to show."


SESSIONS = Listing(
    "sessions",
    "started_at",
    ("session", "source", "started_at", "status", "agents", "tool_calls", "messages", "cost", "request"),
    "The log holds no such session.",
)
RUNS = Listing("agent_runs", "started_at", ("run", "agent", "status", "duration_ms", "tool_calls", "messages", "task"))
MESSAGES = Listing("messages", "happened_at", ("happened_at", "sender", "recipient", "type", "priority", "payload"))
HANDOFFS = Listing("handoffs", "offered_at", ("offered_at", "giver", "taker", "status", "urgency", "task", "problems"))
TOOLS = Listing("tool_calls", "started_at", ("started_at", "agent", "tool", "status", "duration_ms", "params"))
PATTERNS = Listing(
    "patterns",
    "happened_at",
    ("name", "type", "agent", "confidence", "confirmations", "contradictions", "evidence"),
    "No pattern has been reported.",
)


def listed(
    listing: Listing,
    *,
    home: Path | None,
    form: Format,
    at: int | None,
    limit: int,
    session: str | None = None,
    since: str | None = None,
    where: Mapping[str, str | None] | None = None,
) -> None:
    """Show the rows of `listing` that meet the options. Raises NotFound, Refused."""
    start = moment_of(since) if since else None
    with asked(home_of(home)) as store:
        only: dict[str, object] = {**(where or {}), f"{listing.time} >=": start}
        if session:
            only["session"] = session_of(store, session, at=at)
        rows = newest(store, listing.view, listing.time, limit=limit, at=at, where=only)
    shown = chosen(for_people(rows), listing.brief) if form is Format.table else structured(rows)
    table(shown, form, empty=listing.empty)
