"""What a list shows: columns, how their values are written, and which events a figure rests on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrion.tui import figures

Row = Mapping[str, Any]
Tone = Literal["plain", "status", "quiet", "strong"]


@dataclass(frozen=True)
class Evidence:
    """The events behind a figure: a condition on the view `events`, its parameters, and what the figure is.

    `unreadable`: it is on `dead_letters`, the events that no other view can show.
    """

    title: str
    where: str
    params: Mapping[str, object]
    unreadable: bool = False


Rests = Callable[[Row], Evidence]


@dataclass(frozen=True)
class Column:
    """One column of a list: the row's `key`, its title and how a value is written.

    `rests` names the events behind a figure; a column without it is opened as its row. `grow` takes the free width.
    """

    key: str
    title: str
    write: figures.Writer = figures.text
    right: bool = False
    tone: Tone = "plain"
    rests: Rests | None = None
    grow: bool = False
    widest: int = 40
    """Cells at most."""
    unknown: str = figures.UNKNOWN


def number(key: str, title: str, rests: Rests | None = None, write: figures.Writer = figures.count) -> Column:
    """A figure: written to the right, resting on events."""
    return Column(key, title, write, right=True, rests=rests)


def events_of(what: str, where: str, *names: str) -> Rests:
    """Evidence whose condition takes the row's values of `names` as parameters."""

    def rests(row: Row) -> Evidence:
        return Evidence(what, where, {name: row[name] for name in names})

    return rests


TONES: Mapping[str, str] = {
    "completed": "good", "ok": "good", "accepted": "good", "delivered": "good", "acknowledged": "good",
    "confirmed": "good", "approved": "good", "running": "busy", "waiting": "busy", "offered": "busy",
    "queued": "busy", "sent": "busy", "pending": "busy", "failed": "bad", "error": "bad", "rejected": "bad",
    "timed_out": "bad", "dead": "bad", "expired": "bad", "lost": "bad", "denied": "bad", "critical": "bad",
    "high": "warn", "interrupted": "warn", "cancelled": "warn", "budget": "warn", "loop": "warn", "refused": "warn",
    "contradicted": "warn", "unresolved": "busy",
}  # fmt: skip
"""How a state is coloured; others are not."""

SIGNS: Mapping[str, str] = {"good": "●", "busy": "◐", "bad": "✗", "warn": "▲"}
"""A sign beside each colour, so that nothing is said by colour alone."""


def tone_of(value: str) -> str | None:
    """The tone of a state's name."""
    return TONES.get(value)
