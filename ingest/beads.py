"""Reads the issue events of beads: each is kept as what happened to an issue, and a change of hands as a handoff."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.claude_context import Recent
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.telling import PARTIAL, SessionReader, objects
from orchestrion.ingest.values import mapping, moment, text

REMEMBERED_ISSUES = 2**16
KEYS = {"event_type", "issue_id", "actor", "created_at"}
KINDS = ("created", "updated", "status_changed", "closed", "reopened", "label_", "commented", "dependency_", "deleted")


class BeadsReader(SessionReader):
    """Reads the events of one tracker: all issues with one prefix are a session."""

    product = "beads"

    def __init__(self) -> None:
        super().__init__()
        self._held: Recent[str, tuple[str, str]] = Recent(REMEMBERED_ISSUES)
        """Issues in hand: the handoff, and whose."""
        self._read: Recent[str, None] = Recent(REMEMBERED_ISSUES)

    def line(self, value: dict[str, Any]) -> str:
        """Tell one event."""
        issue, kind, actor = text(value.get("issue_id")), text(value.get("event_type")), text(value.get("actor"))
        if issue is None or kind is None:
            return "no-issue"
        if not kind.startswith(KINDS):
            return f"unknown:{kind}"
        self._session(f"beads-{issue.partition('-')[0]}")
        key = self.own(value.get("id"))
        if key in self._read:
            return DUPLICATE
        self._read.keep(key, None)
        self.at, self.agent = moment(value.get("created_at")), actor
        old, new = _decoded(value.get("old_value")), _decoded(value.get("new_value"))
        detail = {"issue": issue, "old": old, "new": new, "comment": value.get("comment")}
        self.incident(f"issue.{kind}", detail, key)
        self._hands(key, issue, actor or "unknown", mapping(old), mapping(new))
        if kind == "closed":
            self._close(issue)
        return ""

    def _session(self, session: str) -> None:
        """Turn to the tracker of the issue at hand."""
        if session != self.session and session not in self._begun:
            self._begun.add(session)
            bare = {"parser": PARTIAL, "session": session, "happened_at": None, "run": None, "agent": None}
            self.tell(e.SessionStarted, **bare, product=self.product)
        self.session, self.run = session, None

    def _hands(self, key: str, issue: str, actor: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        """A change of who has the issue."""
        before, taker = text(old.get("assignee")), text(new.get("assignee"))
        if taker is None or taker == before:
            return
        giver = before or actor
        self.hand_over(key, giver, taker, text(new.get("title")) or text(old.get("title")) or issue)
        self._held.keep(issue, (key, taker))

    def _close(self, issue: str) -> None:
        """The end of the work that was handed over."""
        handoff, taker = self._held.pop(issue, (None, None))
        if handoff is not None and taker is not None:
            self.tell(e.HandoffCompleted, handoff=handoff, taker=taker)


def _decoded(value: Any) -> Any:
    """A value that is JSON in a string."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


class Beads:
    """The format of the event lines of beads."""

    name = "beads"
    parser = BeadsReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first line is an event of an issue."""
        return any(each.keys() >= KEYS for each in objects(values[:3]))

    def reader(self, companion: dict[str, Any] | None = None) -> BeadsReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return BeadsReader()
