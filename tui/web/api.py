"""Answers the page's questions as JSON: the sessions, one session, single events, how the log is."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from orchestrion.domain.errors import LogUnavailable, NotFound, OrchestrionError, Refused
from orchestrion.domain.inert import one_line
from orchestrion.tui import report
from orchestrion.tui.report import words
from orchestrion.tui.report.html import policy
from orchestrion.tui.resting import OF_SESSION
from orchestrion.tui.web.facts import AT, MOST_EVIDENCE, OF_FIGURE, shown_together, told
from orchestrion.tui.web.hub import Hub, Views
from orchestrion.tui.web.numbers import whole

MOST_SESSIONS = 500
POSITIONS_A_FIGURE = 100
MOST_MESSAGES = 1000
MOST_LINES = 300
LEFT = 499
"""The status of what nobody waits for any more; nobody sees it."""

SESSIONS = """
SELECT session, source, project, request, status, agents, tool_calls, messages, started_at, ended_at, position,
    tokens, cost_microdollars, unpriced_requests,
    count(*) OVER () AS found
FROM sessions
WHERE $wanted = '' OR contains(lower(concat_ws(' ', session, source, project, request, status)), lower($wanted))
ORDER BY status NOT IN ('running', 'waiting'), started_at DESC NULLS LAST, session LIMIT $limit"""

UNTIL = """
SELECT position, kind, happened_at, session, run, agent, data FROM events
WHERE session = $session AND ($upto IS NULL OR position <= $upto) ORDER BY position DESC LIMIT $limit"""
POSITIONS = "SELECT position FROM events WHERE session = $session AND position > $after ORDER BY position"

Endpoint = Callable[[Request], Awaitable[Response]]


def answering(endpoint: Endpoint) -> Endpoint:
    """`endpoint`, its refusals as JSON with one sentence and the fitting status.

    Once the browser has left, what has not begun to be asked never is: who moves the slider over a huge session would
    else wait for every place it passed.
    """

    async def guarded(request: Request) -> Response:
        try:
            return await _while_there(request, endpoint(request))
        except OrchestrionError as error:
            status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, LogUnavailable) else 400
            return JSONResponse({"error": one_line(str(error))}, status)

    return guarded


async def _while_there(request: Request, answer: Awaitable[Response]) -> Response:
    asked, left = asyncio.ensure_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((asked, left), return_when=asyncio.FIRST_COMPLETED)
        return asked.result() if asked.done() else Response(status_code=LEFT)
    finally:
        asked.cancel()
        left.cancel()
        await asyncio.wait((asked, left))


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


class Api:
    """The routes under `api/`; every text in an answer is inert, but for `id`, which is for asking again."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    async def status(self, _: Request) -> Response:
        """Where the log stands, and whether it can be read."""
        views = self.hub.views
        dead = await self.hub.ask(lambda views: views.dead_letters)
        return JSONResponse({"position": views.position, "dead_letters": dead, "trouble": self.hub.trouble})

    async def sessions(self, request: Request) -> Response:
        """The sessions, live ones first, that hold the words `q`, at position `at`."""
        at, wanted = position_of(request), request.query_params.get("q", "").strip()

        def asked(views: Views) -> dict[str, Any]:
            seen = views.position
            rows = views.query(SESSIONS, {"wanted": wanted, "limit": MOST_SESSIONS}, at=at).dicts()
            found = rows[0]["found"] if rows else 0
            return {"position": seen if at is None else at, "found": found, "sessions": [*map(_session, rows)]}

        return JSONResponse(await self.hub.ask(asked))

    async def session(self, request: Request) -> Response:
        """The report of session `id` at position `at`, its lists of positions and messages cut to what a page shows."""
        at, session = position_of(request), request.query_params.get("id", "")

        def asked(views: Views) -> dict[str, Any]:
            made = report.build(views, session, at)
            plain = report.as_json(made, most_positions=POSITIONS_A_FIGURE)
            plain["messages_in_all"] = len(plain["messages"])
            plain["messages"] = plain["messages"][-MOST_MESSAGES:]
            return {**_inert(plain), "id": session}

        return JSONResponse(await self.hub.ask_whole(asked))

    async def events(self, request: Request) -> Response:
        """The events at `positions` (numbers with commas between), whole; or those that figure `of` rests on.

        The figure is one of the list's, of session `id` at position `at`; `found` says how many events there are, of
        which the first come.
        """
        sql, given = _figure(request) if "of" in request.query_params else (AT, {"positions": _positions(request)})

        def asked(views: Views) -> dict[str, Any]:
            rows = views.query(sql, given).dicts()
            found = rows[0].get("found", len(rows)) if rows else 0
            return {"found": found, "events": shown_together(rows, self.hub.blob)}

        return JSONResponse(await self.hub.ask(asked))

    async def commentary(self, request: Request) -> Response:
        """The last lines of session `id` up to position `upto`, as the stream would have sent them."""
        upto = position_of(request, "upto")
        given = {"session": request.query_params.get("id", ""), "upto": upto, "limit": MOST_LINES}
        rows = await self.hub.ask(lambda views: views.query(UNTIL, given).dicts())
        return JSONResponse({"facts": [told(row) for row in reversed(rows)]})

    async def bounds(self, request: Request) -> Response:
        """Every position of session `id` (beyond `after`): the places where it can be looked at."""
        after = position_of(request, "after") or 0
        given = {"session": request.query_params.get("id", ""), "after": after}
        rows = await self.hub.ask(lambda views: views.query(POSITIONS, given).dicts())
        return JSONResponse({"positions": [row["position"] for row in rows]})

    async def report(self, request: Request) -> Response:
        """The report of session `id` at position `at` as a file to keep: `format` html, md or json."""
        at, session = position_of(request), request.query_params.get("id", "")
        form = request.query_params.get("format", "html")
        made = await self.hub.ask_whole(lambda views: report.build(views, session, at))
        if form == "html":
            return HTMLResponse(report.html(made), headers={"Content-Security-Policy": policy()})
        if form not in ("md", "json"):
            raise Refused(f"there is no report format {form!r}; there are html, md and json")
        text = report.markdown(made) if form == "md" else report.json_text(made)
        return PlainTextResponse(text)


def position_of(request: Request, name: str = "at") -> int | None:
    """The position `name` of a request; None for now. Raises Refused for what is no position."""
    given = request.query_params.get(name)
    if given is None:
        return None
    number = whole(given)
    if number is None:
        raise Refused(f"{name}={one_line(given)} is no position of the log: it is a whole number from 0 on")
    return number


def _positions(request: Request) -> list[int]:
    given = request.query_params.get("positions", "").split(",")
    return [number for text in given if (number := whole(text)) is not None][:MOST_EVIDENCE]


def _figure(request: Request) -> tuple[str, dict[str, object]]:
    """The question for the events behind a figure of the list, with its parameters. Raises Refused."""
    name = request.query_params["of"]
    if name not in OF_SESSION:
        raise Refused(f"there is no figure {one_line(name)!r}; there are {', '.join(OF_SESSION)}")
    rests = OF_SESSION[name]({"session": request.query_params.get("id", "")})
    given = {**rests.params, "upto": position_of(request), "limit": MOST_EVIDENCE}
    return OF_FIGURE.format(where=rests.where), given


def _session(row: dict[str, Any]) -> dict[str, Any]:
    plain = {
        name: words.moment(value) if name.endswith("_at") else value for name, value in row.items() if name != "found"
    }
    took = (
        (row["ended_at"] - row["started_at"]).total_seconds() * 1000 if row["ended_at"] and row["started_at"] else None
    )
    return {**_inert(plain), "id": row["session"], "duration_ms": took}


def _inert(value: Any) -> Any:
    """`value` with every text in it made inert and cut where nobody reads on."""
    if isinstance(value, str):
        return words.short(value)
    if isinstance(value, dict):
        return {key: _inert(item) for key, item in value.items()}
    return [_inert(item) for item in value] if isinstance(value, list) else value
