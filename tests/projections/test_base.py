"""The models name their columns: what they read is narrowed to these, and the rest is as if it were all there."""

# ruff: noqa: S608 - our own names

import json
from datetime import datetime
from pathlib import Path

import duckdb
import pytest

from orchestrion.domain.events import KINDS
from orchestrion.projections.arrivals import MAX_PREPARED, Arrivals
from orchestrion.projections.base import Base
from orchestrion.projections.columns import FIELDS, TYPED, create_wide
from orchestrion.projections.layout import all_views, views_in
from orchestrion.projections.models import Model, keyed_models, models
from orchestrion.projections.tables import Tables


def test_a_relation_has_the_columns_that_are_named_and_no_others() -> None:
    base = Base("live", "own", "snap")
    assert base.events("session, tool AS x, params->>'$.a'", "kind = 'tool.called'") == " UNION ALL ".join(
        f'SELECT "session", "tool", data->\'$.params\' AS "params" FROM {part}.wide '
        "WHERE readable AND kind = 'tool.called'"
        for part in ("snap", "own")
    )
    assert "getvariable('upto_position')" in Base("as_of", "own", upto=True).events("session")


def test_every_key_of_a_model_has_a_column() -> None:
    assert [model.name for model in keyed_models() if model.key not in TYPED] == []


@pytest.mark.parametrize("model", [model for model in models() if not model.key], ids=lambda model: model.name)
def test_a_view_reads_only_models_that_were_found_in_its_text(model: Model) -> None:
    """By DuckDB's own word: each view can be made and asked where only what `views_in` tells was made before."""
    with duckdb.connect() as con:
        tables = Tables.create(con, "own")
        tables.make(f"FROM {model.name}")
        con.execute("SET search_path = 'live'")
        assert con.execute(f"SELECT count(*) >= 0 FROM {model.name}").fetchall() == [(True,)]
        read = con.get_table_names(f"FROM {model.name}")
    assert read & {each.name for each in models()} <= set(views_in(f"FROM {model.name}"))


def test_a_question_makes_what_it_reads_and_no_more() -> None:
    assert views_in("SELECT count(*) FROM EVENTS") == ("events",)
    assert views_in("SELECT 1") == ()
    assert views_in("FROM facts") == ("everything", "facts")
    assert set(views_in("SELECT tool FROM tool_calls")) == {"calls", "runs", "tool_calls"}
    assert views_in("SHOW TABLES") == all_views()


SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.json"))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_every_field_is_told_in_its_own_type_with_a_column_or_without(sample: Path) -> None:
    told = json.loads(sample.read_bytes())
    with duckdb.connect() as con:
        tables = Tables.create(con, "own")
        row = (1, "s", 1, told["kind"], "2026-01-01T00:00:00Z", json.dumps(told["state"]).encode())
        tables.take_rows([row])
        tables.make("facts")
        [found] = con.execute("SELECT * FROM live.facts").fetchall()
        names = [column[0] for column in con.description or ()]
    shown = dict(zip(names, found, strict=True))
    for name, value in told["state"].items():
        if name == "v":
            continue
        if FIELDS[name] == "JSON":
            assert json.loads(shown[name]) == value
        elif FIELDS[name] == "TIMESTAMP":
            assert shown[name] == datetime.fromisoformat(value).replace(tzinfo=None)
        else:
            assert shown[name] == value


ROW = b'{"v":1,"source":"hook","session":"s","run":"r","call":"c","tool":"%s"}'


@pytest.mark.parametrize("tool", ["'; DROP TABLE own.wide; --", "a'b''c\\'", "$1 ? {x}", "\\\\u0000", "é\u2028🙂"])
def test_a_small_batch_holds_the_same_whether_its_insert_was_planned_before_or_not(tool: str) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA own")
        con.execute(create_wide("own.wide"))
        arrivals = Arrivals(con, "own.wide")
        state = ROW % tool.encode()
        for position in range(1, 6):
            row = (position, f"s'{tool}", 1, "tool.called", "2026-01-01T00:00:00Z", state)
            arrivals.put([row], frozenset({"tool.called"}))
        rows = con.execute("SELECT DISTINCT stream, tool, data, readable FROM own.wide").fetchall()
        planned = con.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
    assert len(rows) == 1
    assert rows[0][0] == f"s'{tool}"
    assert planned == [(1,)]


def test_no_more_statements_are_kept_planned_than_may_be() -> None:
    names = sorted(KINDS)
    with duckdb.connect() as con:
        tables = Tables.create(con, "own")
        position = 0
        for one in range(len(names)):
            for _ in range(3):
                position += 2
                tables.take_rows(
                    [
                        (position - 1, "s", position, names[one], "2026-01-01T00:00:00Z", b"{}"),
                        (position, "t", position, names[one - 1], "2026-01-01T00:00:00Z", b"{}"),
                    ]
                )
        [(planned,)] = con.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
        [(rows,)] = con.execute("SELECT count(*) FROM own.wide").fetchall()
        [(dead,)] = con.execute("SELECT count(*) FROM own.unreadable").fetchall()
    assert planned == MAX_PREPARED
    assert rows == dead == 2 * 3 * len(names)
