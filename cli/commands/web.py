"""Speaks about the browser: web."""

from typing import TYPE_CHECKING, Annotated

import typer

from orchestrion.cli.options import HomeOption

if TYPE_CHECKING:
    from orchestrion.cli.wiring import Home

MISSING = "the page needs the extra `web`, which is not installed: pip install 'orchestrion[web]'"


def web(
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0 takes a free one.")] = 0,
    password: Annotated[
        str | None,
        typer.Option("--password", envvar="ORCHESTRION_WEB_PASSWORD", help="Asked for; a must beyond this machine."),
    ] = None,
    terminal: Annotated[bool, typer.Option("--terminal", help="The dashboard itself, in a page.")] = False,
    home: HomeOption = None,
) -> None:
    """Show the log in a browser: a read-only, live page on this machine. Prints its address and stays until Ctrl-C."""
    from orchestrion.cli.show import out, say
    from orchestrion.cli.wiring import home_of, lapses_noted, opened_log, stored
    from orchestrion.domain.errors import CannotRun, Refused

    try:
        from orchestrion.tui.web.serving import serve
        from orchestrion.tui.web.terminal import serve_terminal
    except ModuleNotFoundError as error:
        raise CannotRun(MISSING) from error
    if terminal and password is not None:
        raise Refused("--terminal stays on this machine and takes no --password")
    place = home_of(home)
    try:
        if terminal:
            serve_terminal(_watch(place), host=host, port=port, ready=out)
        else:
            with opened_log(place) as log, lapses_noted(place, log), stored(log, place) as store:
                serve(store, log.blob, host=host, port=port, password=password, ready=out)
    except KeyboardInterrupt:
        pass  # the way to end it
    say("The page is closed.")


def _watch(place: "Home") -> list[str]:
    """The command of the dashboard on this log. Raises NotFound if there is none."""
    import sys

    from orchestrion.domain.errors import NotFound

    if not place.exists():
        raise NotFound(f"there is no log in {place.path} yet; `orchestrion demo`, `run` or `import` begins one")
    # -P: a project's own files must not stand before our modules.
    return [sys.executable, "-P", "-m", "orchestrion.cli.main", "watch", "--home", str(place.path)]
