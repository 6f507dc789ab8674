"""The models name their columns: what they read is narrowed to these, and the rest is as if it were all there."""

# ruff: noqa: S608 - our own names

import json
from datetime import datetime
from pathlib import Path

import duckdb
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.events import KINDS
from orchestrion.projections.arrivals import Arrivals
from orchestrion.projections.base import Base
from orchestrion.projections.columns import FIELDS, TYPED, create_wide, insert_wide, nested
from orchestrion.projections.layout import all_views, views_in
from orchestrion.projections.models import Model, keyed_models, models
from orchestrion.projections.reads import Reads
from orchestrion.projections.shapes import document
from orchestrion.projections.tables import Tables
from orchestrion.projections.undoubted import undoubted


def test_a_relation_has_the_columns_that_are_named_and_no_others() -> None:
    base = Base("live", "own", "snap")
    assert base.events("session, tool AS x, params->>'$.a'", "kind = 'tool.called'") == " UNION ALL ".join(
        f'SELECT "session", "tool", {nested("params")} FROM {part}.wide WHERE readable AND kind = \'tool.called\''
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


def test_the_columns_on_file_are_those_that_duckdb_tells() -> None:
    """Of every model, in their order; after a change: `python -m orchestrion.projections.shapes > …/shapes.json`."""
    assert (Path(__file__).parents[2] / "projections" / "shapes.json").read_text() == document()


def test_a_question_makes_what_it_reads_and_no_more() -> None:
    assert views_in("SELECT count(*) FROM EVENTS") == ("events",)
    assert views_in("SELECT 1") == ()
    assert views_in("FROM facts") == ("everything", "facts")
    assert set(views_in("SELECT tool FROM tool_calls")) == {"call_spans", "calls", "runs", "tool_calls"}
    assert views_in("SHOW TABLES") == all_views()
    assert views_in("SELECT 1 WHERE kind NOT IN ('usage.recorded', 'agent.registered')") == ()
    assert views_in("FROM query('FROM requests WHERE kind <> ''usage.recorded''')") == ("requests",)


def test_what_a_question_reads_is_not_remembered_while_a_view_of_it_is_not_made() -> None:
    with duckdb.connect() as con:
        tables, reads, sql = Tables.create(con, "own"), Reads(), "FROM query('FROM tool_calls')"
        con.execute("SET search_path = 'live'")
        assert reads.of(con, sql) == [model.name for model in keyed_models()]
        tables.make("tool_calls")
        assert set(reads.of(con, sql)) == {"calls", "runs"}


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


@pytest.mark.parametrize("tool", ["'; DROP TABLE own.wide; --", "a'b''c\\'", "$1 ? {x}", "\\u0000", "é\u2028🙂"])
def test_a_planned_insert_takes_texts_for_what_they_are(tool: str) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE SCHEMA own")
        con.execute(create_wide("own.wide"))
        arrivals = Arrivals(con, "own.wide")
        state = orjson.dumps({"v": 1, "source": "hook", "session": "s", "run": "r", "call": "c", "tool": tool})
        for position in range(1, 6):
            row = (position, f"s'{tool}", 1, "tool.called", "2026-01-01T00:00:00Z", state)
            assert arrivals.put_undoubted([row], frozenset({"tool.called"}))
        rows = con.execute("SELECT DISTINCT stream, tool, data, readable FROM own.wide").fetchall()
        planned = con.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
    assert rows == [(f"s'{tool}", tool, state.decode(), True)]
    assert planned == [(1,)]


def test_what_comes_most_is_planned_before_it_comes() -> None:
    with duckdb.connect() as con:
        tables = Tables.create(con, "own")
        tables.make_ready()
        planned = {name for (name,) in con.execute("SELECT name FROM pg_prepared_statements").fetchall()}
    assert planned == {"put_acts", "put_often"}


def test_three_planned_statements_take_in_every_kind() -> None:
    told = [json.loads(sample.read_bytes()) for sample in SAMPLES]
    with duckdb.connect() as con:
        tables = Tables.create(con, "own")
        for position, one in enumerate([*told, *told], 1):
            state = orjson.dumps(one["state"])
            tables.take_rows([(position, "s", position, one["kind"], "2026-01-01T00:00:00Z", state)])
        [(planned,)] = con.execute("SELECT count(*) FROM pg_prepared_statements").fetchall()
        readable = con.execute("SELECT readable, count(*) FROM own.wide GROUP BY ALL").fetchall()
    assert planned == 3
    assert readable == [(True, 2 * len(told))]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)
def test_what_the_door_writes_is_undoubted(sample: Path) -> None:
    told = json.loads(sample.read_bytes())
    older = told["state"]["v"] < KINDS[told["kind"]].schema_version
    assert undoubted(told["kind"], orjson.dumps(told["state"])) is not older


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**64), 2**64), st.floats(), st.text(max_size=3),
    st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "0001-01-01T00:00:00.5+00:00", "infinity"]),
    st.lists(st.one_of(st.integers(), st.text(max_size=2), st.none()), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip


@st.composite
def odd_states(draw: st.DrawFn) -> tuple[str, bytes]:
    """The state of a sample with some of it put otherwise, now and then in a notation that the door does not write."""
    told = json.loads(draw(st.sampled_from(SAMPLES)).read_bytes())
    state = told["state"]
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from([*state, *FIELDS, "v", "unheard_of"]))
        if draw(st.booleans()):
            state[name] = draw(VALUES)
        else:
            state.pop(name, None)
    text = json.dumps(state) if draw(st.booleans()) else json.dumps(state, separators=(",", ":"), ensure_ascii=False)
    if draw(st.integers(0, 5)) == 0:
        text = f'{{"v":1,{text[1:]}'
    return told["kind"], text.encode("utf-8", "surrogatepass")


@settings(deadline=None, max_examples=300)
@given(odd_states())
def test_what_is_undoubted_is_read_whole_by_sql_and_the_same(one: tuple[str, bytes]) -> None:
    kind, state = one
    if not undoubted(kind, state):
        return
    text, source = state.decode(), "(SELECT 1 AS position, 's' AS stream, 1 AS version, ? AS kind, "
    source += "'2026-01-01T00:00:00' AS recorded_at, ? AS state)"
    with duckdb.connect() as con:
        for table, forced in (("checked", False), ("planned", True)):
            con.execute(create_wide(table))
            kinds = frozenset(KINDS) if forced else frozenset({kind})
            con.execute(insert_wide(table, source, kinds, forced=forced), [kind, text])
        assert con.execute("SELECT readable FROM checked").fetchall() == [(True,)]
        assert con.execute("FROM checked").fetchall() == con.execute("FROM planned").fetchall()
