"""The locked-down child: takes in the tail, shuts every door, then answers one question that it does not trust.

Order matters. Loading needs memory and files; the question must find neither. So the tables come first, then DuckDB's
own locks, then the process's limits, and only then does DuckDB get to see the question, even to bind it.
"""

import logging
import os
import re
import resource
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

import duckdb
import orjson

from orchestrion.domain.errors import OrchestrionError
from orchestrion.domain.ports import Log
from orchestrion.domain.prices import PriceTable
from orchestrion.projections.frames import receive, send
from orchestrion.projections.plain import plain
from orchestrion.projections.store import Store

MEMORY_BYTES = 1_500_000_000
ROOM_BYTES = 700_000_000
"""What a question gets at least, on top of a long tail."""
DUCKDB_MEMORY_MB = 500
CPU_SECONDS = 4
FETCH_ROWS = 32
MAX_MESSAGE_CHARS = 400

_LOCKS = (
    "SET TimeZone = 'UTC'",
    "SET temp_directory = ''",
    f"SET memory_limit = '{DUCKDB_MEMORY_MB}MB'",
    "SET max_expression_depth = 250",
    "SET enable_external_access = false",
    "SET python_enable_replacements = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET disabled_filesystems = 'LocalFileSystem'",
    "SET lock_configuration = true",
)
_ZONED = "TIMESTAMP WITH TIME ZONE"
_QUESTIONS = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)


class PipedLog:
    """As much of the log as the parent hands over: rows, identity and head."""

    def __init__(self, requests: IO[bytes], answers: IO[bytes], identity: str, head: int) -> None:
        self._requests, self._answers = requests, answers
        self.identity, self._head = identity, head

    def head(self) -> int:
        """The last position, as the parent saw it."""
        return self._head

    def rows(self, *, after: int, limit: int) -> list[tuple[int, str, int, str, str, bytes]]:
        """As `Log.rows`."""
        send(self._requests, {"after": after, "limit": limit})
        rows = receive(self._answers)
        return [(*row[:5], b"\xff" if row[5] is None else row[5].encode()) for row in rows]

    def build(self) -> None:
        """Let the parent have a snapshot taken: this process may start none. Raises OrchestrionError."""
        send(self._requests, {"build": True})
        if why := receive(self._answers)["failed"]:
            raise OrchestrionError(why)


def main() -> None:
    """Answer one question over the pipes; a refusal is an answer too."""
    stdin, stdout = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is printed in this process must not get between the answers
    with suppress(EOFError):
        setting = receive(stdin)
        # A Store asks a log for no more than this one has: nothing is appended here, and nothing waited for.
        log = PipedLog(stdout, stdin, setting["identity"], setting["head"])
        build = log.build if setting["builds"] else None
        store = Store(cast(Log, log), Path(setting["folder"]), build=build, prices=PriceTable.of(setting["prices"]))
        store.catch_up()
        store.lock_down(_LOCKS)
        send(stdout, {"ready": True})
        wanted = receive(stdin)
        _limit_process()
        send(stdout, _answer(store, wanted, setting["at"]))


def _answer(store: Store, wanted: dict[str, Any], at: int | None) -> dict[str, Any]:
    try:
        return _answered(store, wanted, at)
    except duckdb.OutOfMemoryException:
        return {"refused": f"The question ran out of its limits: it needs more than {DUCKDB_MEMORY_MB} MB of memory."}
    except duckdb.Error as error:
        if store.put_aside(error):
            return {"again": True}
        return {"refused": f"DuckDB refused the question: {_in_one_line(str(error))}"}
    except MemoryError:
        return {"refused": "The question ran out of its limits: it took more memory than it may."}
    except _TooMuch as error:
        return {"refused": str(error)}


def _answered(store: Store, wanted: dict[str, Any], at: int | None) -> dict[str, Any]:
    """The answer; where a name is unknown, once more with all views made, which lets DuckDB name the nearest."""
    try:
        return _ask(store, wanted, at)
    except duckdb.CatalogException:
        store.make_views(at)
        return _ask(store, wanted, at)


class _TooMuch(Exception):
    """An answer beyond the limits of what is shown."""


def _ask(store: Store, wanted: dict[str, Any], at: int | None) -> dict[str, Any]:
    sql = wanted["sql"]
    statements = duckdb.extract_statements(sql)
    if len(statements) != 1:
        raise _TooMuch(f"One question at a time: this is {len(statements)} statements.")
    if statements[0].type not in _QUESTIONS:
        raise _TooMuch(
            f"Only questions are answered (SELECT, FROM, DESCRIBE, SUMMARIZE), not {statements[0].type.name}."
        )
    params = _values(wanted["params"], statements[0].named_parameters)
    with store.sparing(sql, at=at) as cursor:
        _execute(cursor, sql, params)
        columns = [column[0] for column in cursor.description or ()]
        rows, size = [], 0
        while part := cursor.fetchmany(FETCH_ROWS):
            rows += [[plain(value) for value in row] for row in part]
            size += len(orjson.dumps(rows[-len(part) :]))
            if len(rows) > wanted["max_rows"]:
                raise _TooMuch(f"The answer has more than {wanted['max_rows']} rows; add a LIMIT or count them.")
            if size > wanted["max_bytes"]:
                raise _TooMuch(f"The answer is larger than {wanted['max_bytes'] >> 20} MB; ask for less.")
    return {"columns": columns, "rows": rows}


def _values(given: dict[str, Any], needed: set[str]) -> dict[str, Any] | None:
    """The parameters as DuckDB takes them, times as times; None if there is none."""
    if missing := sorted(needed - given.keys()):
        raise _TooMuch(f"The question has a parameter ${missing[0]}, and no value was given for it.")
    if unknown := sorted(given.keys() - needed):
        raise _TooMuch(f"The question has no parameter ${unknown[0]}.")
    times = {name: datetime.fromisoformat(value["time"]) for name, value in given.items() if isinstance(value, dict)}
    return {**given, **times} or None


def _execute(cursor: duckdb.DuckDBPyConnection, sql: str, params: dict[str, Any] | None) -> None:
    """Run `sql`, times with a zone as plain UTC: DuckDB cannot hand those to Python by itself."""
    cursor.execute(sql, params)
    types = [str(column[1]) for column in cursor.description or ()]
    if _ZONED not in types:
        return
    names = [column[0].replace('"', '""') for column in cursor.description or ()]
    shown = ", ".join(
        f'c{i}{"::TIMESTAMP" if kind == _ZONED else ""} AS "{name}"'
        for i, (name, kind) in enumerate(zip(names, types, strict=True))
    )
    # The question stays inside the parentheses: it was parsed as one SELECT, and nothing here can be written to.
    inner = sql.strip().rstrip(";")
    cursor.execute(f"SELECT {shown} FROM ({inner}\n) AS asked({', '.join(f'c{i}' for i in range(len(types)))})", params)  # noqa: S608


def _limit_process() -> None:
    """From here on: no new file, no written byte, so much memory and so many seconds."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    memory = max(MEMORY_BYTES, used + ROOM_BYTES)
    spent = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    cpu = int(spent) + 1 + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _in_one_line(message: str) -> str:
    """DuckDB's message with its hint, without the picture of the place."""
    told = re.split(r"\n\s*LINE \d+:", message)[0]
    return " ".join(told.split())[:MAX_MESSAGE_CHARS]


if __name__ == "__main__":
    logging.disable()
    main()
