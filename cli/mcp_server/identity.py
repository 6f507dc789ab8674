"""Who speaks through a connection: nobody yet, an agent that registered on it, or a run that proves itself.

What a connection does is done as its own run and as no other: it never speaks as another agent, nor as the person.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.agents import tokens
from orchestrion.domain.errors import RuleBroken

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

STDIO = "stdio"
SESSION_HEADER = "mcp-session-id"
SERVER_NAME = "mcp"
"""What the token that opens the server over HTTP is made for; no run is called so."""


@dataclass
class Speaker:
    """Who speaks. `registered`: it came by this server, which therefore ends its run with the connection."""

    session: str
    run: str
    agent: str
    registered: bool = False
    began: bool = False
    """Whether its session was begun for it."""


class Identities:
    """The connections that have an identity."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._speakers: dict[str, Speaker] = {}

    def proves(self, environ: Mapping[str, str] = os.environ) -> None:
        """Over stdio, the run whose token the environment carries is who speaks. Raises RuleBroken for a wrong one."""
        run = environ.get(tokens.RUN_VARIABLE)
        if run:
            tokens.require(self._home, run, environ.get(tokens.TOKEN_VARIABLE))
            self._speakers[STDIO] = _of_run(run)

    def bearer(self, token: str) -> str | None:
        """The run that a bearer token `<run>:<its token>` is of; None for the server's own. Raises RuleBroken."""
        run, colon, proof = token.rpartition(":")
        tokens.require(self._home, run if colon else SERVER_NAME, proof)
        return run if colon else None

    def server_token(self) -> str:
        """What opens the server over HTTP."""
        return tokens.token_of(self._home, SERVER_NAME)

    def key(self, context: "ServerRequestContext[Any, Any]") -> str | None:
        """The connection's name; None where the protocol keeps none."""
        request = context.request
        if request is None:
            return STDIO
        if run := self._proven(request.headers):
            self._speakers.setdefault(run, _of_run(run))
            return run
        found = request.headers.get(SESSION_HEADER)
        return str(found) if found else None

    def speaker(self, context: "ServerRequestContext[Any, Any]") -> Speaker | None:
        """Who speaks, if it is known."""
        key = self.key(context)
        return self._speakers.get(key) if key else None

    def require(self, context: "ServerRequestContext[Any, Any]") -> Speaker:
        """Who speaks. Raises RuleBroken for a connection without an identity."""
        found = self.speaker(context)
        if found is None:
            raise RuleBroken("this connection is nobody yet; call `register` with an agent's name first")
        return found

    def registers(self, context: "ServerRequestContext[Any, Any]", speaker: Speaker) -> None:
        """From now on the connection is `speaker`. Raises RuleBroken."""
        self.may_register(context)
        self._speakers[self.key(context) or STDIO] = speaker

    def may_register(self, context: "ServerRequestContext[Any, Any]") -> None:
        """Raises RuleBroken where the connection is somebody already, or cannot be."""
        if found := self.speaker(context):
            raise RuleBroken(f"this connection is {found.agent} ({found.run}) already and cannot become another")
        if self.key(context) is None:
            raise RuleBroken("this kind of connection is not remembered; connect by stdio, or with a run's own token")

    def leaves(self, key: str) -> Speaker | None:
        """The connection has ended; who it was."""
        return self._speakers.pop(key, None)

    def all(self) -> list[str]:
        """The connections with an identity."""
        return list(self._speakers)

    def _proven(self, headers: Mapping[str, str]) -> str | None:
        token = bearer_of(headers)
        return self.bearer(token) if token and ":" in token else None


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The token of an `Authorization: Bearer` header."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


def _of_run(run: str) -> Speaker:
    session, _, name = run.rpartition("/")
    return Speaker(session, run, name.rpartition("-")[0] or name)
