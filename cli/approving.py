"""Shows what waits for a person's word, and takes the word into the log."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.cli import exits
from orchestrion.cli.asking import newest, session_of
from orchestrion.cli.conducting import user
from orchestrion.cli.listing import Listing
from orchestrion.cli.options import Format
from orchestrion.cli.show import answer, chosen, say, structured, table
from orchestrion.cli.wiring import Home, asked, home_of, opened_log

if TYPE_CHECKING:
    from orchestrion.agents.approving import Verdict

APPROVALS = Listing(
    "approvals",
    "requested_at",
    ("approval", "requested_at", "agent", "tool", "params", "reason", "status"),
    "Nothing waits for approval.",
)


def waiting(
    home: Path | None, form: Format, *, everything: bool, session: str | None, at: int | None, limit: int
) -> None:
    """Show the calls that wait for a person, or `everything` that ever did. Raises NotFound, Refused."""
    with asked(home_of(home)) as store:
        only: dict[str, object] = {} if everything else {"status": "open"}
        if session:
            only["session"] = session_of(store, session, at=at)
        rows = newest(store, APPROVALS.view, APPROVALS.time, limit=limit, at=at, where=only)
    table(chosen(rows, APPROVALS.brief) if form is Format.table else structured(rows), form, empty=APPROVALS.empty)


def answered(home: Home, approval: str, verdict: "Verdict", reason: str | None, form: Format) -> int:
    """Take the answer of the person at this process into the log and show it; the exit code."""
    from orchestrion.agents.approving import Person, give

    person = Person(user(), os.environ)
    with opened_log(home) as log:
        given = give(log, person, approval, verdict, reason)
    answer(given.model_dump(mode="json", include={"approval", "session", "run", "verdict", "by", "reason"}), form)
    say(f"{given.approval} is {given.verdict}.")
    return exits.OK
