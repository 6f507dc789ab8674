"""The commentary of a session, a page at a time: its events, and what they leave out of one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from orchestrion.domain.elapsed import elapsed_ms
from orchestrion.tui.asking import Answered, Ask, Growing, Question
from orchestrion.tui.commentary import told
from orchestrion.tui.literals import OneOf
from orchestrion.tui.names import Names, Row, Wanted
from orchestrion.tui.questions import question
from orchestrion.tui.widgets.grid import Grid
from orchestrion.tui.witnesses import OfSession, Witnesses

TOLD_LINES = 1024
"""Lines that are kept, a few pages of them."""


def story(grid: Grid, session: str, witnesses: Witnesses, at: int | None = None) -> Question:
    """The events of `session` that `grid` looks at, the newest first, each with the line that tells it (`told`).

    As of position `at` nothing comes to it.
    """
    its = {"session": session}
    counted, finish = question("story_count"), Told(session, witnesses)
    asked = grid.question(question("story"), "position DESC", its, counted=counted, finish=finish)
    grows = grid.ordered is None and at is None
    return replace(asked, growing=Growing(question("story_new"), OfSession(session, witnesses)) if grows else None)


@dataclass(frozen=True)
class Told:
    """Finishes an answer about events of `session`; of several ones (None), their rows say of which each is.

    What `witnesses` know need not be asked where they were told of all that came.
    """

    session: str | None
    witnesses: Witnesses | None = None

    def __call__(self, answered: Answered, ask: Ask) -> Answered:
        """The events with their lines, after one more question for what only other events of the session say."""
        rows = answered.dicts()
        for session in {self.session or row["session"] for row in rows}:
            mine = [row for row in rows if session == (self.session or row["session"])]
            left_out = _left_out(mine)
            if session is not None and any(left_out.values()):
                names = self.witnesses.names if self.witnesses is not None and answered.grown else Names()
                _fill_in(mine, names.of(left_out, partial(_asked, ask, session)))
        lines = [(*values, _line(tuple(row.items()))) for values, row in zip(answered.rows, rows, strict=True)]
        return Answered((*answered.columns, "told"), lines, answered.count, answered.offset)


def _asked(ask: Ask, session: str, wanted: Wanted) -> list[Row]:
    """What the events of `session` say of what is `wanted`."""
    return ask(Question("names", question("story_names"), {"session": session, **wanted})).dicts()


@lru_cache(TOLD_LINES)
def _line(row: tuple[tuple[str, Any], ...]) -> str:
    """The line of one event; most of a page were on it before the log grew."""
    return told(dict(row))


def _left_out(rows: Sequence[Row]) -> dict[str, OneOf]:
    """The calls, messages and runs of which `rows` do not say enough, so that a question can name them."""
    calls = {row["call"] for row in rows if row["kind"] == "tool.returned"}
    messages = {row["message"] for row in rows if row["kind"].startswith("message.") and row["kind"] != "message.sent"}
    runs = {row["run"] for row in rows if row["agent"] is None}
    found = {"calls": calls, "messages": messages, "runs": runs}
    return {name: OneOf(sorted(values - {None})) for name, values in found.items()}


def _fill_in(rows: Sequence[Row], names: Sequence[Row]) -> None:
    # What its own events say of a run comes first, as in the read model `runs`; of several, the first.
    surest = sorted(names, key=lambda row: (not row["kind"].startswith("agent."), row["position"]), reverse=True)
    agents = {row["run"]: row["agent"] for row in surest if row["run"] and row["agent"]}
    calls = _by("call", "tool.called", names)
    sent = _by("message", "message.sent", names)
    for row in rows:
        row["agent"] = row["agent"] or agents.get(row["run"]) or row["run"]
        if row["kind"] == "tool.returned" and (call := calls.get(row["call"])):
            row["tool"] = call["tool"]
            row["duration_ms"] = elapsed_ms(call["happened_at"], row["happened_at"])
        if row["kind"].startswith("message.") and (message := sent.get(row["message"])):
            row["message_type"], row["sender"] = message["type"], message["sender"]


def _by(key: str, kind: str, names: Sequence[Row]) -> Mapping[str, Row]:
    """What the facts of that kind say of each `key` together, the first of them first."""
    found: dict[str, Row] = {}
    for row in sorted(names, key=lambda row: (row["happened_at"] or datetime.max, row["position"])):
        if row["kind"] == kind and row[key] is not None:
            known = found.setdefault(row[key], dict(row))
            known |= {name: known[name] or row[name] for name in ("tool", "type", "sender")}
    return found
