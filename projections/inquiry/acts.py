"""The events of a session as acts: what each did, in few words, and what its identity is."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrion.projections.store import Store

_COLUMNS = """position, stream, version, kind, happened_at, session, run, agent, source, cause, call, tool, status,
    message, sender, recipient, type, in_reply_to, handoff, giver, taker, left(task, 200) AS task,
    left(request, 200) AS request, parent_run, parent_call, subject, pattern, name, left(reason, 200) AS reason,
    verdict, left(summary, 200) AS summary, duration_ms, task_id, left(data->>'$.params', 300) AS params,
    left(coalesce(data->>'$.payload.text', data->>'$.payload.issue', data->>'$.payload'), 200) AS payload"""
_OF_SESSION = f"SELECT {_COLUMNS} FROM facts WHERE session = $session ORDER BY position"  # noqa: S608  our own names
_AT_PLACE = f"SELECT {_COLUMNS} FROM facts WHERE stream = $stream AND version = $version"  # noqa: S608
_AT_POSITION = f"SELECT {_COLUMNS} FROM facts WHERE position = $position"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Act:
    """One event. `fields` are its own by name, those it lacks None; long texts are cut."""

    position: int
    kind: str
    fields: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def place(self) -> str:
        """As `cause` names it."""
        return f"{self.fields['stream']}@{self.fields['version']}"

    @property
    def happened_at(self) -> datetime | None:
        """When, in UTC; None where nobody knows."""
        at: datetime | None = self.fields["happened_at"]
        return at

    @property
    def what(self) -> str:
        """What happened, in few words."""
        f = self.fields
        match self.kind:
            case "tool.called":
                said = f"{f['tool']} {f['params'] or ''}"
            case "tool.returned":
                said = f"{f['status']}{': ' + f['reason'] if f['reason'] else ''}"
            case "message.sent":
                said = f"{f['sender']} → {f['recipient']} {f['type']}: {f['payload'] or ''}"
            case "handoff.offered":
                said = f"{f['giver']} → {f['taker']}: {f['task'] or ''}"
            case "pattern.discovered":
                said = f["name"] or ""
            case "outcome.judged":
                said = f"{f['verdict']}{': ' + f['reason'] if f['reason'] else ''}"
            case _:
                said = f["request"] or f["task"] or f["summary"] or f["reason"] or f["status"] or f["type"] or ""
        return " ".join(str(said).split())


def acts_of(store: Store, session: str, *, at: int | None = None) -> list[Act]:
    """All events of `session`, in the log's order."""
    return [_act(row) for row in store.query(_OF_SESSION, {"session": session}, at=at).dicts()]


def act_at(store: Store, position: int, *, at: int | None = None) -> Act | None:
    """The event at `position`, None where there is none that can be read."""
    rows = store.query(_AT_POSITION, {"position": position}, at=at).dicts()
    return _act(rows[0]) if rows else None


def act_at_place(store: Store, place: str, *, at: int | None = None) -> Act | None:
    """The event that stands at `stream@version`, None where there is none."""
    stream, _, version = place.rpartition("@")
    if not version.isdecimal() or len(version) > 18:
        return None
    rows = store.query(_AT_PLACE, {"stream": stream, "version": int(version)}, at=at).dicts()
    return _act(rows[0]) if rows else None


def _act(row: dict[str, Any]) -> Act:
    return Act(row["position"], row["kind"], row)
