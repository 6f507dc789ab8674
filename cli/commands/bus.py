"""Speaks on the bus: send and inbox, for agents outside our process and for people."""

from typing import Annotated

import typer

from orchestrion.cli.options import Format, FormatOption, HomeOption

TalkSessionOption = Annotated[
    str | None,
    typer.Option(
        "--session",
        metavar="SESSION",
        help="Whose bus: its id, the beginning of it, or `last`; a run speaks in its own.",
    ),
]


def send(
    *,
    to: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="An agent, a run, `all`, `conductor`, `human`, `topic:NAME`, or `capability:NAME`."
        ),
    ],
    type: Annotated[str, typer.Option("--type", metavar="TYPE", help="What kind of message, e.g. finding_report.")],
    payload: Annotated[
        str, typer.Option("--payload", metavar="JSON", help="What is said; `-` reads it from standard input.")
    ],
    session: TalkSessionOption = None,
    priority: Annotated[
        str | None,
        typer.Option("--priority", metavar="P", help="low, normal, high or critical; a payload may raise it."),
    ] = None,
    reply_to: Annotated[str | None, typer.Option("--reply-to", metavar="MESSAGE", help="What it answers.")] = None,
    expires: Annotated[
        float | None, typer.Option("--expires", min=0, metavar="SECONDS", help="How long it is worth delivering.")
    ] = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Send a message into a session, as a run of it or as `human`.

    A run is known by ORCHESTRION_RUN and proves itself by ORCHESTRION_TOKEN; another process of the same user could
    read both. Nobody there: exit 3, and the message is kept as expired.

    An assistance_request to `capability:NAME` goes to the most able agent that has nothing to do, waiting for one up to
    --expires (60 s); with --priority high, critical or immediate the conductor may start a run for it.

    A handoff with a `task` in its payload is a real one: its package is what the log knows of the sender's run, and
    what the payload adds (recommendations, dependencies, urgency …); who takes it judges it first.
    """
    from orchestrion.agents.post import Letter
    from orchestrion.cli.mailing import payload_of, sent
    from orchestrion.cli.wiring import home_of

    letter = Letter(type, payload_of(payload), priority, reply_to, seconds=expires)
    sent(home_of(home), session, to, letter, form)


def inbox(
    *,
    wait: Annotated[
        float, typer.Option("--wait", min=0, metavar="SECONDS", help="Wait so long for something to come.")
    ] = 0,
    ack: Annotated[bool, typer.Option("--ack", help="Acknowledge what was shown.")] = False,
    subscribe: Annotated[
        list[str] | None,
        typer.Option("--subscribe", metavar="TOPIC", help="Also get what is said under it from now on."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="At most so many, the oldest.")
    ] = None,
    session: TalkSessionOption = None,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> None:
    """Take what was said to you, as a run or as `human`.

    With this it is delivered, once. A run is known by ORCHESTRION_RUN and proves itself by ORCHESTRION_TOKEN.
    """
    from orchestrion.cli.mailing import Looking, received
    from orchestrion.cli.wiring import home_of

    received(home_of(home), session, Looking(wait, limit, ack, tuple(subscribe or ())), form)
