"""Opens the collector's port for the command line: OpenTelemetry, and hooks posted by clients."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.cli.show import say
from orchestrion.cli.wiring import Home
from orchestrion.domain.errors import CannotRun

if TYPE_CHECKING:
    from orchestrion.domain.ports import Redactor

HOST = "127.0.0.1"
PORT = 4318
"""OTLP/HTTP's own."""
TOKEN_NAME = "collect.token"  # noqa: S105 - the name of a file
TOKEN_BYTES = 24
MISSING = "the collector's port needs the extra `otel`, which is not installed: pip install 'orchestrion[otel]'"


@contextmanager
def receiving(home: Home, redactor: "Redactor", port: int | None) -> Iterator[None]:
    """Receive on `port` as long as the context lasts; None: on the usual one, if it and the extra are to be had.

    Raises CannotRun if the port that was asked for cannot be opened.
    """
    try:
        from orchestrion.ingest.otlp.application import application
        from orchestrion.ingest.otlp.intake import Intake
        from orchestrion.ingest.otlp.serving import Serving, bound

        listener = bound(HOST, PORT if port is None else port)
    except (ModuleNotFoundError, CannotRun) as error:
        sentence = MISSING if isinstance(error, ModuleNotFoundError) else str(error)
        if port is not None:
            raise CannotRun(sentence) from error
        say(f"Traces and posted hooks are not received: {sentence}")
        yield
        return
    from orchestrion.eventstore import open_log

    where = f"http://{HOST}:{listener.getsockname()[1]}"
    intake = Intake(lambda: open_log(home.path, redactor=redactor), redactor)
    with intake, Serving(application(intake, keeper(home), token_of(home)), listener):
        say(f"Receiving OpenTelemetry at {where} (OTEL_EXPORTER_OTLP_ENDPOINT={where}) and hooks posted to it.")
        yield


def keeper(home: Home) -> Callable[[bytes], None]:
    """Keeps a posted payload in the spool, as the hook command does; what cannot be kept is counted as dropped."""
    from orchestrion.cli.dropped import note
    from orchestrion.cli.hook import SPOOL_NAME, Unkept, keep

    def kept(payload: bytes) -> None:
        try:
            keep(str(home.path / SPOOL_NAME), payload)
        except (OSError, Unkept) as error:
            note(str(home.path), len(payload), getattr(error, "strerror", None) or str(error))

    return kept


def token_of(home: Home) -> str:
    """What a client that posts hooks must know: made once for a home, readable by its owner alone."""
    path = home.path / TOKEN_NAME
    with suppress(FileNotFoundError):
        if token := path.read_text(encoding="ascii", errors="replace").strip():
            return token
    home.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{TOKEN_NAME}.{os.getpid()}.part")
    file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as stream:
        stream.write(secrets.token_urlsafe(TOKEN_BYTES))
    with suppress(FileExistsError):
        Path(path).hardlink_to(partial)  # whoever is first gives the token
    partial.unlink()
    return path.read_text(encoding="ascii").strip()


def hook_url(home: Home, port: int | None) -> str:
    """Where a client posts its hooks."""
    return f"http://{HOST}:{PORT if port is None else port}/hooks/{token_of(home)}"
