"""Speaks MCP: lets agents of any product take part and ask, as a server of their `.mcp.json`."""

from typing import Annotated

import typer

from orchestrion.cli.options import LOOPBACK, HomeOption

MISSING = "the MCP server needs the extra `mcp`, which is not installed: pip install 'orchestrion[mcp]'"


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Streamable HTTP on this machine, instead of stdio.")] = False,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="With --http: where, on loopback.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, metavar="N", help="With --http: 0 is a free one.")
    ] = 0,
    home: HomeOption = None,
) -> None:
    """Serve the log to agents by MCP: they take part in sessions and ask the views. Every call is a fact.

    Over stdio it is started by its client; with --http it prints its address and token and stays until Ctrl-C.
    """
    from importlib.util import find_spec

    from orchestrion.cli.wiring import home_of
    from orchestrion.domain.errors import CannotRun, Refused

    if host not in LOOPBACK:
        raise Refused(f"--host {host}: the MCP server stays on this machine; give one of {', '.join(LOOPBACK)}")
    if find_spec("mcp") is None:
        raise CannotRun(MISSING)
    from orchestrion.cli.mcp_server.running import serve

    serve(home_of(home), http=http, host=host, port=port)
