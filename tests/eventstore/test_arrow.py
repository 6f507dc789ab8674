"""The log as an Arrow stream, always in a process of its own."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log


def called(call: int, text: str = "ls") -> e.ToolCalled:
    return e.ToolCalled(source="transcript", session="s1", call=f"call{call}", tool="Bash", params={"command": text})


def fill(home: Path, count: int = 5, text: str = "ls") -> None:
    with open_log(home) as log:
        log.observe([witnessed(called(number, text)) for number in range(1, count + 1)])


ARROW = """
import sys
from pathlib import Path
from orchestrion.eventstore import sqlite_arrow
import duckdb
with sqlite_arrow(Path(sys.argv[1])) as source:
    head, stream = source.head(), source.arrow(int(sys.argv[2]), int(sys.argv[3]))
    rows = duckdb.sql("SELECT *, typeof(position) || typeof(version) || typeof(state) FROM stream").fetchall()
    del stream
print(source.identity, head, rows)
assert not {"sqlite3", "eventsourcing"} & set(sys.modules), "the builder must open the log by nothing else"
"""


def arrow(home: Path, after: int, upto: int) -> str:
    command = [sys.executable, "-c", ARROW, str(home), str(after), str(upto)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("open_meanwhile", [False, True])
def test_the_log_streams_as_arrow(tmp_path: Path, open_meanwhile: bool) -> None:
    log = open_log(tmp_path)
    log.observe([witnessed(called(number, "é")) for number in range(1, 6)])
    identity, row = log.identity, log.rows(after=3, limit=1)[0]
    if not open_meanwhile:
        log.close()
    said = arrow(tmp_path, 3, 4)
    log.close()
    log.close()
    assert said == f"{identity} 5 {[(*row[:5], row[5].decode(), 'BIGINTBIGINTVARCHAR')]}\n"


def test_a_process_that_has_the_log_open_cannot_open_it_by_another_sqlite(tmp_path: Path) -> None:
    fill(tmp_path)
    script = """if True:
        import sys
        from pathlib import Path
        from orchestrion.domain.errors import LogUnavailable
        from orchestrion.eventstore import open_log, sqlite_arrow
        home = Path(sys.argv[1])
        for first, second in ((open_log, sqlite_arrow), (sqlite_arrow, open_log)):
            with first(home):
                try:
                    second(home)
                except LogUnavailable as error:
                    assert "in this process by" in str(error), error
                else:
                    sys.exit("two SQLites hold one log")
    """
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)


def test_arrow_of_no_log_or_no_database_is_a_sentence(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from orchestrion.eventstore import sqlite_arrow\n"
        "from orchestrion.domain.errors import OrchestrionError\n"
        "try: sqlite_arrow(Path(sys.argv[1]))\nexcept OrchestrionError as error: print(type(error).__name__)"
    )
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "log.db").write_bytes(b"no database " * 100)
    fill(tmp_path / "c")
    with closing(sqlite3.connect(tmp_path / "c" / "log.db", isolation_level=None)) as db:
        db.execute("DROP TRIGGER log_meta_no_update")
        db.execute("UPDATE log_meta SET value = '7' WHERE key = 'format'")
    said = [
        subprocess.run([sys.executable, "-c", script, str(tmp_path / name)], check=True, capture_output=True, text=True)
        for name in "abc"
    ]
    assert [one.stdout.strip() for one in said] == ["NotFound", "LogUnavailable", "LogTooNew"]
