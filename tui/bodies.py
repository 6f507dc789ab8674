"""Finds texts in large fields, which the log keeps beside their events: of those the views hold beginnings alone."""

import json
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import NamedTuple

from orchestrion.domain.errors import NotFound
from orchestrion.tui.feed import Views
from orchestrion.tui.literals import OneOf

SEARCHED = {"session.started": "request", "message.sent": "payload", "tool.called": "params"}
"""Kind to the field that is searched, as the questions with `$find` do of what the views hold."""
_LARGE = "\nUNION ALL\n".join(
    f"""SELECT position, session, coalesce(data->>'$.message', data->>'$.call'), data->>'$.bodies.{field}.hash'
FROM facts WHERE position > {{after:d}} AND position <= {{upto:d}} AND kind = '{kind}'
    AND data->>'$.bodies.{field}.hash' IS NOT NULL"""  # noqa: S608 - our own words
    for kind, field in SEARCHED.items()
)


class Body(NamedTuple):
    """A large field: the position of its event, its session, the message or call that it is of, its content's hash."""

    position: int
    session: str | None
    subject: str | None
    hash: str


class Bodies:
    """What the log keeps apart; knows which of it holds the text that was looked for last."""

    def __init__(self, views: Views, blob: Callable[[str], bytes]) -> None:
        self._views, self._blob = views, blob
        self._all: list[Body] = []
        self._listed = 0
        self.text = ""
        """What was looked for last."""
        self._looked = -1
        self._holding: list[Body] = []
        self._turn = Lock()

    def knows(self, text: str, position: int) -> bool:
        """Whether `text` was looked for in all up to `position`."""
        return text == self.text and self._looked >= position

    def holding(self, text: str, at: int | None) -> Mapping[str, object]:
        """Where `text` was found so far, up to position `at`, for a question: `$held_sessions` and `$held`."""
        found = self._holding if text and text == self.text else []
        found = [body for body in found if at is None or body.position <= at]
        return {"held": _named(body.subject for body in found), "held_sessions": _named(body.session for body in found)}

    def look(self, text: str, wanted: Callable[[], bool]) -> bool:
        """In a thread: look for `text` (in lower case) in what came since, while it is `wanted`; whether it was found.

        Raises OrchestrionError.
        """
        with self._turn:
            if text != self.text:
                self.text, self._looked, self._holding = text, -1, []
            new = self._list()
            written = json.dumps(text, ensure_ascii=False)[1:-1]
            found = []
            for body in self._all:
                if body.position <= self._looked:
                    continue
                if not wanted():
                    return False
                if self._holds(body, text, written):
                    found.append(body)
            self._holding += found
            self._looked = new
            return bool(found)

    def _list(self) -> int:
        """Learn of the large fields that came since; the position up to which all are known."""
        position = self._views.catch_up()
        if position > self._listed:
            large = self._views.query(_LARGE.format(after=self._listed, upto=position))
            self._all += sorted(Body(*row) for row in large.rows)
        self._listed = position
        return position

    def _holds(self, body: Body, text: str, written: str) -> bool:
        try:
            content = self._blob(body.hash).decode("utf-8", "replace").lower()
        except NotFound:
            return False  # erased: only its beginning can still be found
        return text in content or written in content


def _named(names: Iterable[str | None]) -> OneOf:
    return OneOf(sorted({name for name in names if name is not None}))
