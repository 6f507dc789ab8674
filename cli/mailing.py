"""Sends and takes messages for whoever runs the command: a run that proves itself, or the person."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchestrion.cli.asking import LAST, session_of
from orchestrion.cli.options import Format
from orchestrion.cli.show import Sheet, answer, say, table
from orchestrion.cli.wiring import Home, opened_log, stored, written_log
from orchestrion.domain.errors import Refused
from orchestrion.domain.inert import one_line

if TYPE_CHECKING:
    from orchestrion.agents.post import Letter, Post
    from orchestrion.domain.events import MessageSent
    from orchestrion.domain.ports import Log

CAPABILITY = "capability:"
HANDOFF = "handoff"
COLUMNS = ("message", "happened_at", "sender", "type", "priority", "payload", "in_reply_to", "thread", "topic")
BRIEF = ("happened_at", "sender", "type", "priority", "payload", "message")
SHOWN_CHARACTERS = 80


@dataclass(frozen=True, slots=True)
class Looking:
    """How the inbox is looked into. `wait` in seconds."""

    wait: float
    limit: int | None
    ack: bool
    subscribe: tuple[str, ...]


def payload_of(text: str) -> Any:
    """The payload that was typed, or stands on standard input. Raises Refused if it is no JSON."""
    given = sys.stdin.read() if text == "-" else text
    try:
        return json.loads(given)
    except (ValueError, RecursionError) as error:
        shown = one_line(given)[:SHOWN_CHARACTERS]
        raise Refused(f"--payload is no JSON ({type(error).__name__}: {error}): {shown!r}") from error


def sent(home: Home, session: str | None, to: str, letter: "Letter", form: Format) -> None:
    """Send `letter` and show what became of it. Raises as `Post.send` does, and RuleBroken for a wrong token."""
    from orchestrion.agents.exchange import TOPIC

    with written_log(home) as (log, _):
        post, sender, _ = counter(home, log, session)
        if letter.type == HANDOFF and isinstance(letter.payload, dict) and HANDOFF not in letter.payload:
            answer(_handed_over(post, sender, to, letter.payload), form)
            return
        if to.startswith(CAPABILITY):
            message = _helped(post, sender, to.removeprefix(CAPABILITY), letter)
        elif to.startswith(TOPIC):
            message = post.publish(sender, to.removeprefix(TOPIC), letter)
        else:
            message = post.send(sender, to, letter)
    keep = {"message", "session", "sender", "recipient", "recipient_runs", "type", "priority", "thread", "expires_at"}
    shown = message.model_dump(mode="json", include=keep)
    answer(shown, form)


def _handed_over(post: "Post", sender: str, to: str, given: dict[str, Any]) -> dict[str, Any]:
    """Offer a handoff with what the log knows and `given` beyond. Raises as `Handover.offer` does."""
    from pathlib import Path

    from orchestrion.agents.handover import Handover

    offered = Handover(post, Path.cwd()).offer(sender, to, given)
    keep = {"handoff", "session", "giver", "taker", "taker_run", "task", "urgency", "package"}
    return offered.model_dump(mode="json", include=keep)


def _helped(post: "Post", sender: str, capability: str, letter: "Letter") -> "MessageSent":
    """Ask whoever has `capability`. Raises Refused if it is no request for help, and as `request_assistance`."""
    from orchestrion.agents.assistance import ASSISTANCE_SECONDS, request_assistance

    if letter.type != "assistance_request":
        raise Refused(f"{CAPABILITY}{one_line(capability)} is asked for help: --type assistance_request")
    payload = letter.payload
    context = payload["context"] if isinstance(payload, dict) and "context" in payload else payload
    seconds = ASSISTANCE_SECONDS if letter.seconds is None else letter.seconds
    return request_assistance(post, sender, capability, context, letter.priority or "normal", seconds=seconds)


def received(home: Home, session: str | None, looking: Looking, form: Format) -> None:
    """Take what is there, waiting for it if asked to, and show it."""
    with opened_log(home) as log:
        post, _, run = counter(home, log, session)
        for topic in looking.subscribe:
            post.subscribe(run, topic)
        taken = post.receive(run, looking.wait, limit=looking.limit)
        _show(taken, form)
        if looking.ack:
            for message in taken:
                post.acknowledge(run, message.message)


def counter(
    home: Home, log: "Log", session: str | None, environ: Mapping[str, str] = os.environ
) -> "tuple[Post, str, str]":
    """The bus of the session, who speaks on it, and the address that is listened at. Raises RuleBroken, NotFound."""
    from orchestrion.agents import tokens
    from orchestrion.agents.exchange import HUMAN
    from orchestrion.agents.post import Post

    run = environ.get(tokens.RUN_VARIABLE)
    if not run:
        post = Post(log, _named(home, log, session or LAST))
        return post, HUMAN, post.exchange.box(HUMAN)
    tokens.require(home.path, run, environ.get(tokens.TOKEN_VARIABLE))
    own = run.rpartition("/")[0]
    if session not in (None, own) and _named(home, log, session) != own:
        raise Refused(f"the run {run} speaks in its own session {own}, not in {one_line(session)}")
    return Post(log, own), run, run


def _named(home: Home, log: "Log", given: str) -> str:
    with stored(log, home) as store:
        return session_of(store, given)


def _show(taken: "list[MessageSent]", form: Format) -> None:
    columns = BRIEF if form is Format.table else COLUMNS
    table(
        Sheet(columns, [[getattr(m, name) for name in columns] for m in taken]), form, empty="Nothing was said to you."
    )
    if taken and form is Format.table:
        say(f"{len(taken)} delivered; the whole of them: orchestrion messages --format json")
