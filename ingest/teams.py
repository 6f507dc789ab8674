"""Reads the mailboxes and rosters of Claude Code's agent teams, `~/.claude/teams/<team>`.

Who gets a letter is the name of the mailbox's file alone, and letters have no ids: one is known by its team, mailbox,
writer, time and text.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.ledger import DUPLICATE
from orchestrion.ingest.telling import MAIN, PARTIAL, SessionReader, objects
from orchestrion.ingest.values import mapping, moment, text

INBOXES = "inboxes"
MILLISECONDS = 1000
_TYPES: dict[str, e.MessageType] = {
    "task_assignment": "task",
    "idle_notification": "progress_update",
    "shutdown_request": "context_share",
    "shutdown_approved": "context_share",
}


class TeamReader(SessionReader):
    """Reads one mailbox, or one roster."""

    product = "claude-teams"

    def __init__(self, place: dict[str, Any]) -> None:
        super().__init__()
        self._team, self._inbox = text(place.get("team")) or "team", text(place.get("inbox")) or "inbox"
        self._read: set[str] = set()

    def line(self, value: dict[str, Any]) -> str:
        """Tell one letter, the head of a roster, or one member."""
        if "leadAgentId" in value:
            return self._roster(value)
        if "agentId" in value:
            return self._member(value)
        return self._letter(value)

    def _roster(self, value: dict[str, Any]) -> str:
        self._team = text(value.get("name")) or self._team
        self.at = _since_epoch(value.get("createdAt"))
        self.session = f"team:{self._team}"
        self.run = self.agent = None
        self.tell(e.SessionStarted, product=self.product, request=text(value.get("description")))
        return ""

    def _member(self, value: dict[str, Any]) -> str:
        """An agent of the team; the first of a roster leads it."""
        name = text(value.get("name"))
        if self.session is None or name is None:
            return "no-name"
        self.at = _since_epoch(value.get("joinedAt"))
        known = {"task": text(value.get("prompt")), "model": text(value.get("model"))}
        lead = f"{self.session}/{MAIN}"
        leads = not self._begun
        self.join(name, lead if leads else f"{self.session}/{name}", parent_run=None if leads else lead, **known)
        return DUPLICATE

    def _letter(self, value: dict[str, Any]) -> str:
        writer, said = text(value.get("from")), text(value.get("text"))
        if writer is None or said is None:
            return "no-letter"
        self.at = moment(value.get("timestamp"))
        if self.session is None:
            self.session = f"team:{self._team}"
            bare = {"parser": PARTIAL, "happened_at": None, "run": None, "agent": None}
            self.tell(e.SessionStarted, **bare, product=self.product)
            self.run = self.agent = None
        known = json.dumps([self._team, self._inbox, writer, value.get("timestamp"), said], default=str)
        key = f"letter-{hashlib.sha256(known.encode()).hexdigest()[:24]}"
        if key in self._read:
            return DUPLICATE
        self._read.add(key)
        inner = _inside(said)
        kind = _TYPES.get(str(inner.get("type")), "context_share")
        payload = {"text": said, **inner} if kind != "context_share" else {"context": inner or said}
        if (summary := text(value.get("summary"))) is not None:
            payload["summary"] = summary
        self.agent = None
        self.say(key, kind, writer, self._inbox, payload)
        if value.get("read") is True:
            self.tell(e.MessageAcknowledged, message=key, recipient=self._inbox, happened_at=None)
        if kind == "task":
            task = text(inner.get("description")) or text(inner.get("subject")) or said
            giver = text(inner.get("assignedBy")) or writer
            self.hand_over(key, giver, self._inbox, task)
        return ""


def _inside(said: str) -> dict[str, Any]:
    """What a letter holds that is JSON within JSON; nothing if it is plain."""
    if not said.startswith("{"):
        return {}
    try:
        return mapping(json.loads(said))
    except (ValueError, RecursionError):
        return {}


def _since_epoch(value: Any) -> datetime | None:
    """A time from milliseconds since 1970; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**43:
        return None
    return datetime.fromtimestamp(value / MILLISECONDS, UTC)


class Teams:
    """The format of the folders of agent teams."""

    name = "claude-teams"
    parser = TeamReader.parser
    usual_place: Path | None = Path("~/.claude/teams")

    def recognises(self, values: Sequence[Any]) -> bool:  # noqa: ARG002 - the port's
        """No lines are of this format."""
        return False

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The letters of a mailbox, or the head and the members of a roster."""
        if isinstance(document, list) and document and all(_is_letter(each) for each in document[:5]):
            return iter(document)
        roster = mapping(document)
        if not ({"leadAgentId", "members"} <= roster.keys() and isinstance(roster["members"], list)):
            return None
        members = objects(roster["members"])
        lead = [each for each in members if each.get("agentId") == roster["leadAgentId"]]
        others = [each for each in members if each.get("agentId") != roster["leadAgentId"]]
        return iter([{name: each for name, each in roster.items() if name != "members"}, *lead, *others])

    def companion(self, path: Path) -> bytes:
        """The team and the mailbox that a file is of."""
        folder = path.absolute().parent
        team = folder.parent.name if folder.name == INBOXES else folder.name
        return json.dumps({"team": team, "inbox": path.stem}).encode()

    def reader(self, companion: dict[str, Any] | None = None) -> TeamReader:
        """A reader for one file; `companion` names its team and mailbox."""
        return TeamReader(companion or {})


def _is_letter(value: Any) -> bool:
    return {"from", "text", "timestamp"} <= mapping(value).keys()
