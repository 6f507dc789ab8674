"""People's SQL: asked in a child process that can read the projections and nothing else, and is killed in time."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from orchestrion.domain.errors import OrchestrionError, QueryRefused
from orchestrion.domain.ports import Log
from orchestrion.domain.prices import PriceTable
from orchestrion.projections.frames import receive, send
from orchestrion.projections.pricing import prices_beside
from orchestrion.projections.table import Table

LOADING_SECONDS = 60.0
"""Until the child has taken in the tail; a long one without a snapshot takes its time."""
ANSWER_SECONDS = 8.0
"""Until the answer, once the question was put."""
MAX_ROWS = 100_000
MAX_ANSWER_BYTES = 32 * 2**20

_DEATHS: dict[int, str] = {
    signal.SIGXCPU: "it took more than its share of processor time",
    signal.SIGKILL: f"it took longer than {ANSWER_SECONDS:.0f} seconds, or more processor time or memory than it may",
}


def ask(
    log: Log,
    folder: Path,
    sql: str,
    *,
    at: int | None = None,
    prices: PriceTable | None = None,
    params: Mapping[str, Any] | None = None,
    build: Callable[[], None] | None = None,
    begun: Callable[[subprocess.Popen[bytes]], object] = bool,
) -> Table:
    """The answer to `sql` as of position `at`, its values plain enough for JSON (see `plain.py`).

    `prices` and `build` as in `Store`; `params` are the values of `$name` in it: str, int, float, None, or a datetime
    in UTC. `begun` is told of the child, which whoever cannot wait for the answer may kill. Raises QueryRefused, saying
    in one sentence why: it is no question, DuckDB cannot make sense of it, it reaches for something outside, or it ran
    out of its limits.
    """
    table = prices if prices is not None else prices_beside(folder)
    child = _start()
    try:
        begun(child)
        # sqlglot takes as long to load as the child's DuckDB does: let them load side by side.
        from orchestrion.projections.allowed import check_question  # noqa: PLC0415

        check_question(sql)
        setting = {"folder": str(folder), "identity": log.identity, "head": log.head(), "at": at}
        _load(child, log, {**setting, "prices": table, "builds": build is not None}, build or _nothing)
        answer = _put(child, sql, params or {})
    finally:
        _end(child)
    if "again" in answer:  # it met a damaged snapshot and moved it aside
        return ask(log, folder, sql, at=at, prices=table, params=params, build=build, begun=begun)
    if "refused" in answer:
        raise QueryRefused(answer["refused"])
    return Table(tuple(answer["columns"]), [tuple(row) for row in answer["rows"]])


def _load(child: subprocess.Popen[bytes], log: Log, setting: Mapping[str, Any], build: Callable[[], None]) -> None:
    """Give the child what the log holds beyond its snapshot, until it is ready. Raises OrchestrionError."""
    stdin, stdout = _pipes(child)
    try:
        with _deadline(child, LOADING_SECONDS):
            send(stdin, setting)
            ready = _served(log, stdin, stdout)
        while not ready:  # a snapshot takes as long as it takes
            send(stdin, {"failed": _failure_of(build)})
            with _deadline(child, LOADING_SECONDS):
                ready = _served(log, stdin, stdout)
    except (EOFError, BrokenPipeError) as error:
        raise _failed(child) from error


def _nothing() -> None:
    """Stands for a builder where there is none; it is never asked for."""


def _failure_of(build: Callable[[], None]) -> str | None:
    """Take a snapshot; why there is none, or None."""
    try:
        build()
    except (OrchestrionError, OSError, subprocess.SubprocessError) as error:
        return str(error)
    return None


def _put(child: subprocess.Popen[bytes], sql: str, params: Mapping[str, Any]) -> Any:
    """The child's answer to `sql`, or QueryRefused if it died of it."""
    stdin, stdout = _pipes(child)
    try:
        with _deadline(child, ANSWER_SECONDS):
            values = {name: {"time": v.isoformat()} if isinstance(v, datetime) else v for name, v in params.items()}
            send(stdin, {"sql": sql, "params": values, "max_rows": MAX_ROWS, "max_bytes": MAX_ANSWER_BYTES})
            return receive(stdout)
    except (EOFError, BrokenPipeError) as error:
        code = child.wait()
        if code > 0:
            raise _failed(child) from error
        why = _DEATHS.get(-code, "it took more memory than it may")
        raise QueryRefused(f"The question ran out of its limits: {why}.") from error


def _start() -> subprocess.Popen[bytes]:
    # -P: the current folder is the user's, and no place to import modules from.
    command = [sys.executable, "-P", "-m", "orchestrion.projections.locked"]
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name in _KEPT_ENVIRONMENT} | _SPARING,
    )


_SPARING = {"MALLOC_ARENA_MAX": "2"}
"""Else glibc lays aside 64 MB of address space for each thread, and a question that takes 200 MB runs out of 1.5 GB."""
_KEPT_ENVIRONMENT = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "SYSTEMROOT"})


def _served(log: Log, stdin: IO[bytes], stdout: IO[bytes]) -> bool:
    """Answer the child's wishes for rows of the log until it has what it needs; False where it needs a snapshot."""
    while "ready" not in (wish := receive(stdout)):
        if "build" in wish:
            return False
        rows = log.rows(after=wish["after"], limit=wish["limit"])
        send(stdin, [(*row[:5], _text(row[5])) for row in rows])
    return True


def _text(state: bytes) -> str | None:
    try:
        return state.decode()
    except (UnicodeDecodeError, AttributeError):  # another program can write text into the file
        return None


class _deadline:
    """Kills the child if the block takes longer."""

    def __init__(self, child: subprocess.Popen[bytes], seconds: float) -> None:
        self._timer = threading.Timer(seconds, child.kill)

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(self, *_: Any) -> None:
        self._timer.cancel()
        self._timer.join()


def _pipes(child: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert child.stdin is not None  # noqa: S101 - asked for above
    assert child.stdout is not None  # noqa: S101
    return child.stdin, child.stdout


def _failed(child: subprocess.Popen[bytes]) -> OrchestrionError:
    """What to raise when the child ended by a fault of its own, not by the question."""
    child.kill()
    said = (child.stderr.read() if child.stderr else b"").decode(errors="replace").strip().splitlines()
    why = said[-1] if said else f"it ended with code {child.wait()}"
    return OrchestrionError(f"The process that answers questions failed: {why}.")


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue
