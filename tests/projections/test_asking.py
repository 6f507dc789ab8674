"""People's SQL is answered in a child that can read the projections and nothing else."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import QueryRefused
from orchestrion.projections import VIEWS, Store, ask, build_snapshot
from orchestrion.projections.allowed import check_question
from orchestrion.projections.locked import _LOCKS, _QUESTIONS

SECRET = "the-secret-of-another-file"

NO_QUESTIONS = """
COPY (SELECT 1) TO '{out}'
COPY (SELECT 1) TO '{out}' (FORMAT parquet)
COPY events FROM '{secret}'
EXPORT DATABASE '{out}'
IMPORT DATABASE '{out}'
ATTACH '{out}' AS x
ATTACH ':memory:' AS x
DETACH snap
USE snap
SET enable_external_access = true
SET memory_limit = '100GB'
RESET lock_configuration
PRAGMA enable_profiling
PRAGMA database_list
CALL pragma_version()
INSTALL httpfs
LOAD httpfs
CREATE TABLE t AS SELECT 1
CREATE VIEW v AS SELECT 1
CREATE MACRO m() AS 1
CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')
DROP VIEW events
ALTER VIEW events RENAME TO e
INSERT INTO tail.own.wide (position) VALUES (1)
UPDATE tail.own.meta SET position = 0
DELETE FROM events
DELETE FROM tail.own.wide
TRUNCATE tail.own.wide
MERGE INTO tail.own.meta USING tail.own.meta m ON true WHEN MATCHED THEN DELETE
BEGIN
CHECKPOINT
VACUUM
ANALYZE
PREPARE p AS SELECT 1
EXECUTE p
SET VARIABLE x = 1
SELECT 1; SELECT 2
SELECT 1; DROP VIEW events
EXPLAIN ANALYZE DELETE FROM tail.own.wide
WITH gone AS (DELETE FROM tail.own.wide RETURNING *) SELECT * FROM gone
""".strip().splitlines()

REACHES = """
SELECT * FROM '{secret}'
SELECT * FROM "{secret}"
SELECT * FROM read_text('{secret}')
SELECT * FROM read_blob('{secret}')
SELECT * FROM read_csv('{secret}')
SELECT * FROM read_csv_auto('{secret}', header = false)
SELECT * FROM read_json('{secret}')
SELECT * FROM read_ndjson_objects('{secret}')
SELECT * FROM read_parquet('{secret}')
SELECT * FROM parquet_metadata('{secret}')
SELECT * FROM sniff_csv('{secret}')
SELECT * FROM glob('/etc/*')
SELECT * FROM query('SELECT * FROM read_text(''{secret}'')')
SELECT * FROM query_table('{secret}')
SELECT (SELECT content FROM read_text('{secret}'))
SELECT getenv('HOME')
SELECT * FROM sql
SELECT * FROM NO_QUESTIONS
SELECT * FROM read_text('/proc/self/environ')
SELECT * FROM read_text('file:{secret}')
SELECT * FROM read_text('https://example.org/')
DESCRIBE SELECT * FROM read_text('{secret}')
SUMMARIZE '{secret}'
EXPLAIN ANALYZE SELECT * FROM read_text('{secret}')
WITH t AS MATERIALIZED (SELECT * FROM read_text('{secret}')) SELECT * FROM t
FROM events, LATERAL (SELECT * FROM read_text('{secret}'))
""".strip().splitlines()


@pytest.fixture(scope="module")
def log(rows_of: Any, log_of: Any) -> Any:
    calls = [e.ToolCalled(source="hook", session="s", run="s/main", call=f"c{i}", tool="Read") for i in range(5)]
    return log_of(rows_of(calls))


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.csv"
    path.write_text(f"a,b\n{SECRET},1\n")
    return path


def test_a_question_is_answered_with_plain_values(log: Any, tmp_path: Path) -> None:
    question = """SELECT count(*) AS n, 1.5 AS d, 10::HUGEINT ** 20 AS f, 100000000000000000000::HUGEINT AS h,
        'nan'::DOUBLE AS x, '\\x01'::BLOB AS b, [1, 2] AS l, {'a': DATE '2026-01-02'} AS s,
        TIMESTAMP '2026-01-02 03:04:05' AS t,
        TIMESTAMPTZ '2026-01-02 03:04:05+01' AS z, INTERVAL 1 DAY AS i, NULL AS "no ""name" FROM events"""
    [row] = ask(log, tmp_path, question).dicts()
    assert row == {
        "n": 5, "d": 1.5, "f": 1e20, "h": "100000000000000000000", "x": "nan", "b": "01", "l": [1, 2],
        "s": {"a": "2026-01-02"}, "t": "2026-01-02T03:04:05Z", "z": "2026-01-02T02:04:05Z", "i": "1 day, 0:00:00",
        'no "name': None,
    }  # fmt: skip


def test_every_way_to_ask_is_allowed_as_of_a_position_too(
    log: Any, tmp_path: Path, source_of: Any, log_of: Any
) -> None:
    build_snapshot(source_of(log_of(log.all[:3])), tmp_path)
    assert ask(log, tmp_path, "FROM tool_calls SELECT count(*)").rows == [(5,)]
    assert ask(log, tmp_path, "SELECT count(*) FROM tool_calls -- all", at=2).rows == [(2,)]
    assert "tool" in {row[0] for row in ask(log, tmp_path, "DESCRIBE tool_calls;").rows}


@pytest.mark.parametrize("at", [None, 2])
@pytest.mark.parametrize(
    "sql",
    [
        "SHOW ALL TABLES",
        "SELECT * FROM information_schema.tables",
        "SELECT schema_name, view_name FROM duckdb_views()",
    ],
)
def test_who_asks_what_there_is_sees_every_view_though_none_was_asked_before(
    log: Any, tmp_path: Path, sql: str, at: int | None
) -> None:
    told = repr(ask(log, tmp_path, sql, at=at).rows)
    assert {view.name for view in VIEWS if f"'{view.name}'" not in told} == set()


@pytest.mark.parametrize(
    "sql",
    [
        'FROM "Tool_Calls"', "FROM TOOL_CALLS", "FROM query_table('tool_' || 'calls')", "FROM query('FROM tool_calls')",
        "FROM query('SELECT * FROM ''tool_calls'' WHERE status <> ''denied''')", "FROM query('FROM tool_' || 'calls')",
        "FROM query('FROM query_' || 'table(''tool_calls'')')",
    ],
)  # fmt: skip
def test_a_view_is_found_however_it_is_spelt(log: Any, tmp_path: Path, sql: str) -> None:
    assert len(ask(log, tmp_path, sql).rows) == 5


@pytest.mark.parametrize("sql", NO_QUESTIONS)
def test_what_is_no_question_is_refused_before_anything_runs(sql: str) -> None:
    sql = sql.format(out="/tmp/x", secret="/tmp/y")
    if sql.startswith(("EXPORT", "IMPORT")):  # sqlglot cannot read these: DuckDB's own parser knows them
        assert [statement.type in _QUESTIONS for statement in duckdb.extract_statements(sql)] == [False]
        return
    with pytest.raises(QueryRefused, match=r"^(Only questions|One question)"):
        check_question(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1", "FROM events", "FROM events SELECT count(*)", "VALUES (1)", "TABLE events", "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1", "DESCRIBE events", "DESCRIBE SELECT 1", "SUMMARIZE events", "SHOW TABLES",
        "(SELECT 1)", "SELECT 1 UNION SELECT 2", "WITH a AS (SELECT 1) FROM a",
        "SELECT list_transform([1], x -> x + 1)",
    ],
)  # fmt: skip
def test_every_form_of_question_passes_both_parsers(sql: str) -> None:
    check_question(sql)
    assert [statement.type in _QUESTIONS for statement in duckdb.extract_statements(sql)] == [True]


@pytest.fixture(scope="module")
def locked(log: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A DuckDB locked as the child's is, asked without the first check: each line of defence must hold alone."""
    with Store(log, tmp_path_factory.mktemp("locked")) as store:
        store.catch_up()
        store.lock_down(_LOCKS)

        def run(sql: str) -> Any:
            try:
                with store.cursor(sql) as cursor:
                    return cursor.execute(sql).fetchall()
            except duckdb.Error as error:
                return error

        yield run


@pytest.mark.parametrize("sql", [*REACHES, *(sql for sql in NO_QUESTIONS if "{" in sql)])
def test_the_locked_database_reads_and_writes_no_file(locked: Any, secret: Path, sql: str) -> None:
    out = secret.with_name("out")
    said = locked(sql.format(secret=secret, out=out))
    assert isinstance(said, Exception), said
    assert SECRET not in str(said)
    assert not out.exists()


def test_the_attacks_are_refused_by_the_child_itself(log: Any, secret: Path) -> None:
    for sql in REACHES[:2]:
        with pytest.raises(QueryRefused) as refused:
            ask(log, secret.parent, sql.format(secret=secret))
        assert "\n" not in str(refused.value)
    with pytest.raises(QueryRefused, match="Only questions"):
        ask(log, secret.parent, "PREPARE p AS SELECT 1")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT repeat('x', 2000000000)", "ran out of its limits"),
        ("SELECT sum(a.range * b.range) FROM range(100000000) a, range(100000) b", "ran out of its limits"),
        ("SELECT * FROM range(200000)", "more than 100000 rows"),
        ("SELECT repeat('x', 1000000) FROM range(50)", "larger than 32 MB"),
        ("SELECT list(range) FROM range(200000000)", "ran out of its limits"),
        ("slect 1", 'syntax error at or near "slect"'),
        ("SELECT * FROM sesions", 'Did you mean "sessions"'),
        ("", "There is no question"),
    ],
)
def test_what_asks_too_much_or_makes_no_sense_is_refused_in_time(log: Any, tmp_path: Path, sql: str, said: str) -> None:
    started = time.monotonic()
    with pytest.raises(QueryRefused) as refused:
        ask(log, tmp_path, sql)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert time.monotonic() - started < 15


def test_asking_costs_its_caller_no_duckdb(tmp_path: Path) -> None:
    code = "import sys; from orchestrion.projections import ask; assert 'duckdb' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)


def test_a_module_in_the_current_folder_is_not_imported(
    log: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "duckdb.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(tmp_path)
    assert ask(log, tmp_path, "SELECT 1").rows == [(1,)]


def test_a_damaged_snapshot_is_healed_on_the_way(log: Any, tmp_path: Path, source_of: Any) -> None:
    build_snapshot(source_of(log), tmp_path)
    [path] = tmp_path.glob("g-*")
    raw = bytearray(path.read_bytes())
    for block in range(3, len(raw) // 262_144 + 1):
        start = 12_288 + block * 262_144
        raw[start : start + 4096] = bytes(len(raw[start : start + 4096]))
    path.write_bytes(raw)
    assert ask(log, tmp_path, "SELECT count(DISTINCT data), count(DISTINCT stream) FROM events").rows == [(5, 5)]
