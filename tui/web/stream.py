"""The live stream: server-sent events whose `id` is the log's position, so a broken one goes on where it broke."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from orchestrion.domain.inert import one_line
from orchestrion.tui.web.facts import MOST_FACTS, SINCE, Row, told
from orchestrion.tui.web.hub import Hub, Views
from orchestrion.tui.web.numbers import whole

BEAT_SECONDS = 15.0
"""A beat this often keeps the connection open, and both ends find out whether it still is."""
PAUSE_SECONDS = 0.05
"""Between two pieces of a stream: what comes in meanwhile is sent together."""
RETRY_MILLISECONDS = 1000
MOST_STREAMS = 64


class Streams:
    """The route of the live stream, with a bound on how many are open."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.open = 0

    async def endpoint(self, request: Request) -> Response:
        """Events after `Last-Event-ID` (else `after`) of `session` (else of all)."""
        if self.open >= MOST_STREAMS:
            return JSONResponse({"error": f"{MOST_STREAMS} pages are open already; close one"}, 503)
        given = request.headers.get("last-event-id") or request.query_params.get("after", "0")
        after = whole(given)
        if after is None:
            return JSONResponse({"error": f"{one_line(given)!r} is no position"}, 400)
        lines = self._counted(after, request.query_params.get("session"))
        return StreamingResponse(lines, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})

    async def _counted(self, after: int, session: str | None) -> AsyncIterator[str]:
        self.open += 1
        try:
            async for piece in self._pieces(after, session):
                yield piece
        finally:
            self.open -= 1

    async def _pieces(self, after: int, session: str | None) -> AsyncIterator[str]:
        hub, seen, told_trouble = self.hub, after, None
        yield f"retry: {RETRY_MILLISECONDS}\n\n"
        if hub.views.position < after:  # the log is another one, or was rebuilt: positions mean something else now
            yield _event("reset", hub.views.position, {"position": hub.views.position})
            return
        while not hub.closing:
            if hub.trouble != told_trouble:
                told_trouble = hub.trouble
                yield _event("trouble", seen, {"trouble": told_trouble})
            start = seen
            seen, rows = await hub.ask(partial(_since, after=start, session=session))
            if rows:
                facts = [told(row) for row in rows]
                sessions = list(dict.fromkeys(row["session"] for row in rows if row["session"]))
                yield _event("facts", seen, {"position": seen, "sessions": sessions, "facts": facts if session else []})
                await asyncio.sleep(PAUSE_SECONDS)
            elif seen > start:
                yield f"id: {seen}\n\n"
            else:
                await hub.changed(seen, BEAT_SECONDS)
                if hub.views.position <= seen and hub.trouble == told_trouble:
                    yield "event: beat\ndata: {}\n\n"


def _since(views: Views, after: int, session: str | None) -> tuple[int, list[Row]]:
    """How far was looked, and the events of `session` (None: of all) found on the way."""
    upto = views.position
    if upto <= after:
        return after, []
    rows = views.query(SINCE.format(after=after, limit=MOST_FACTS)).dicts()
    last = rows[-1]["position"] if rows else after
    wanted: list[Row] = [row for row in rows if session is None or row["session"] == session]
    return (last if len(rows) == MOST_FACTS else max(upto, last)), wanted


def _event(name: str, position: int, data: object) -> str:
    return f"id: {position}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
