"""Speaks about looking: watch, replay."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrion.cli.options import AtOption, HomeOption, SessionArgument

if TYPE_CHECKING:
    from orchestrion.projections import Store
    from orchestrion.tui.app import Dashboard
    from orchestrion.tui.feed import Feed

PLAIN = (
    "This terminal cannot show the dashboard (no terminal, or TERM says it is dumb); here is the commentary instead."
)

LightOption = Annotated[bool, typer.Option("--light", help="The light theme.")]


def watch(
    *,
    session: Annotated[
        str | None,
        typer.Argument(metavar="SESSION", help="Begin with this session: its id, a beginning of it, or `last`."),
    ] = None,
    light: LightOption = False,
    home: HomeOption = None,
) -> None:
    """Watch the sessions live: agents, messages, handoffs, tools, patterns, SQL and the log's health.

    `?` shows every key. It starts nothing; to the log it adds what any command would: what hooks have left in the
    spool, and that a conductor is gone. Without a fit terminal the commentary of the last session is followed instead.
    """
    from orchestrion.cli.asking import LAST, session_of
    from orchestrion.cli.dashboard import fits_a_dashboard, settled, show
    from orchestrion.cli.show import say
    from orchestrion.cli.storytelling import tell
    from orchestrion.cli.wiring import asked, home_of

    place = home_of(home)
    if not fits_a_dashboard():
        say(PLAIN)
        with asked(place) as store:
            return tell(store, session_of(store, session or LAST), follow=True)

    def shown(store: "Store", feed: "Feed") -> "Dashboard":
        from orchestrion.tui.app import Dashboard  # the store catches up while this is loaded

        if session is not None:
            store.catch_up()
        found = session_of(store, session) if session is not None else None
        return Dashboard(feed, session=found, light=light, on_settled=settled)

    return show(place, shown)


def replay(
    *,
    session: SessionArgument = "last",
    plain: Annotated[bool, typer.Option("--plain", help="Print the commentary instead, with its own timing.")] = False,
    speed: Annotated[
        float,
        typer.Option("--speed", min=0, metavar="X", help="So many times as fast; 0 prints --plain without waiting."),
    ] = 1.0,
    at: AtOption = None,
    light: LightOption = False,
    home: HomeOption = None,
) -> None:
    """Play a session back: every screen as it stood at a position, with a time line to go to any other.

    It never starts an agent, a model or a tool, and appends nothing to the log. With --plain the commentary is printed,
    up to --at.
    """
    from orchestrion.cli import replaying
    from orchestrion.cli.asking import session_of
    from orchestrion.cli.dashboard import fits_a_dashboard, settled, show
    from orchestrion.cli.show import say
    from orchestrion.cli.wiring import home_of, stored, untouched_log

    place = home_of(home)
    if not plain and not fits_a_dashboard():
        say(PLAIN)
        plain = True
    if plain:
        with untouched_log(place) as log, stored(log, place) as store:
            return replaying.replay(store, session_of(store, session), speed=speed, at=at)

    def shown(store: "Store", feed: "Feed") -> "Dashboard":
        from orchestrion.tui.app import Dashboard  # the store catches up while this is loaded

        store.catch_up()
        found = session_of(store, session)
        return Dashboard(feed, session=found, replay=True, at=at, speed=speed or 1.0, light=light, on_settled=settled)

    return show(place, shown, replaying=True)
