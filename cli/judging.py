"""Takes a person's judgement of a run into the log."""

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.cli.asking import CANDIDATES_SHOWN
from orchestrion.cli.options import Format
from orchestrion.cli.show import answer
from orchestrion.cli.wiring import home_of, opened
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.events import OutcomeJudged
from orchestrion.domain.inert import one_line
from orchestrion.domain.streams import stream_of

if TYPE_CHECKING:
    from orchestrion.domain.ports import Log
    from orchestrion.projections import Store

POOR_BELOW = 50
"""A quality below this is a judgement against the run (see `projections/sql/learn_verdicts.sql`)."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a person says of a run."""

    verdict: str | None = None
    quality: int | None = None
    rework: bool = False
    reason: str | None = None
    by: str | None = None


def judged(home: Path | None, run: str, given: Judgement, form: Format) -> None:
    """Append the judgement and show it. Raises NotFound (no such run), Refused (several, or nothing was said)."""
    if given.verdict is None and given.quality is None and not given.rework:
        raise Refused("say what the run was worth: --quality N, --verdict TEXT or --rework")
    with opened(home_of(home)) as (log, store):
        subject, session, agent = run_of(store, run)
        event = OutcomeJudged(
            source="user",
            happened_at=datetime.now(UTC),
            session=session,
            run=subject,
            agent=agent,
            subject=subject,
            verdict=given.verdict or _verdict(given),
            quality=given.quality,
            rework=given.rework or None,
            by=given.by or getpass.getuser(),
            reason=given.reason,
        )
        position = appended(log, event)
    shown = event.model_dump(include={"subject", "verdict", "quality", "rework", "by", "reason"})
    answer({"position": position, **shown}, form)


def run_of(store: "Store", given: str) -> tuple[str, str | None, str | None]:
    """Run, session and agent that `given` means: a run's id or an unambiguous beginning. Raises NotFound, Refused."""
    found = "SELECT run, session, agent FROM agent_runs WHERE starts_with(run, ?) ORDER BY run <> ?, run LIMIT 1000"
    rows = store.query(found, (given, given)).rows if given else []
    if not rows:
        raise NotFound(f"no run begins with {one_line(given)!r}; `orchestrion agents` lists them")
    if len(rows) > 1 and rows[0][0] != given:
        shown = ", ".join(one_line(str(row[0])) for row in rows[:CANDIDATES_SHOWN])
        raise Refused(f"{one_line(given)!r} begins {len(rows)} runs: {shown} …; say more of the id")
    return rows[0][0], rows[0][1], rows[0][2]


def appended(log: "Log", event: OutcomeJudged) -> int:
    """The position at which `event` now stands, at the end of its stream. Raises Conflict if another came first."""
    stream = stream_of(event)
    standing = log.read_stream(stream)
    done = log.append(stream, [event], expect=standing[-1].version if standing else 0)
    return done.positions[0]


def _verdict(given: Judgement) -> str:
    poor = given.rework or (given.quality is not None and given.quality < POOR_BELOW)
    return "rejected" if poor else "accepted"
