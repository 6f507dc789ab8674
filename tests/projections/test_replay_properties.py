"""However a log is cut, batched, snapshotted or ordered, the tables are the same."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.text import in_utc
from orchestrion.projections import VIEWS, Store, build_snapshot, renewal
from orchestrion.projections.hashing import table_hashes
from orchestrion.projections.models import keyed_models, those
from orchestrion.projections.renewal import MOST_LOOKED_AT
from orchestrion.projections.tables import Tables

FEW = settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # shrinking takes minutes: ask for it where one failed
    suppress_health_check=[HealthCheck.too_slow],
)
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

SESSIONS = st.sampled_from(["s1", "s2", "s3", "s4"])
KEYS = st.sampled_from(["k1", "k2", "it's", "'); --", '日 "本"'])
SMALL = st.integers(0, 9)
MOMENTS = st.none() | SMALL.map(lambda n: in_utc(datetime(2026, 5, 1, 12)) + timedelta(seconds=n))
WORDS = st.sampled_from(["", "Fix it.", "naïve\n\"quoted\" 'text'", "日本 🎼", '{"a": [1.0, null]}'])
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@st.composite
def events(draw: st.DrawFn) -> e.Event:  # noqa: PLR0911 - one return a kind
    """One plausible event: several witnesses and parsers, times out of order or missing, ids shared by sessions."""
    source = draw(st.sampled_from(["transcript", "transcript", "hook", "conductor"]))
    session = draw(SESSIONS)
    shared: dict[str, Any] = {
        "source": source,
        "session": session,
        "happened_at": draw(MOMENTS),
        "parser": draw(st.integers(1, 2)) if source == "transcript" else None,
        "agent": draw(st.none() | st.just("main")),
    }
    run = {"run": draw(st.none() | st.sampled_from([f"{session}/main", f"{session}/sub"]))}
    acting = {"run": f"{session}/main", **shared}
    key, other, text, kind = draw(KEYS), draw(SESSIONS), draw(WORDS), draw(st.integers(0, 15))
    match kind:
        case 0:
            return e.SessionStarted(product="claude-code", request=text or None, project="p", **shared)
        case 1:
            return e.SessionForked(parent=other, shared=draw(SMALL), **shared)
        case 2:
            return e.SessionEnded(status="completed", **shared)
        case 3 | 4:
            return e.ToolCalled(call=key, tool=draw(KEYS), params=draw(JSON), **run, **shared)
        case 5 | 6:
            status = draw(st.sampled_from(["ok", "error"]))
            return e.ToolReturned(call=key, status=status, result=draw(JSON), error=text or None, **run, **shared)
        case 7 | 8:
            form = draw(st.sampled_from(["prompt", "response", "task"]))
            return e.MessageSent(
                message=key, sender="a", recipient="b", type=form, payload={"text": text}, **run, **shared
            )
        case 9:
            return e.MessageDelivered(message=key, recipient="b", **run, **shared)
        case 10 | 11:
            return e.UsageRecorded(request_id=key, input_tokens=draw(SMALL), output_tokens=draw(SMALL), **run, **shared)
        case 12:
            return e.AgentStarted(task=text, parent_run=draw(st.none() | st.just(f"{session}/main")), **acting)
        case 13:
            return e.AgentCompleted(outputs=draw(JSON), duration_ms=draw(st.none() | SMALL), **acting)
        case 14:
            return e.HandoffOffered(handoff=key, giver="a", taker="b", task=text, **run, **shared)
        case _:
            return e.IncidentObserved(incident=key, type="interruption", **run, **shared)


@st.composite
def unreadable(draw: st.DrawFn) -> tuple[str, int, str, bytes]:
    """One row that this version cannot read, or can only after a second look."""
    stream = f"odd-{draw(st.integers(0, 99))}"
    return draw(
        st.sampled_from(
            [
                (stream, 1, "future.kind", b'{"v":1,"source":"hook"}'),
                (stream, 2, "tool.called", b'{"v":99,"source":"hook","call":"k1","tool":"T"}'),
                (stream, 3, "tool.called", b'{"v":1,"source":"hook","call"'),
                (stream, 4, "tool.returned", b'{"v":1,"source":"hook","call":"k1","status":"ok","duration_ms":"soon"}'),
                (stream, 5, "tool.called", b'{"v":1,"source":"hook","call":"k1","tool":"T","params":null,"run":null}'),
                (stream, 6, "tool.called", b'{"v":1,"source":"hook","session":"s1","call":"k1"}'),
                (stream, 7, "tool.called", b'["v",1]'),
            ]
        )
    )


READ_OFTEN = ("sessions", "agent_runs", "tool_stats")

LOGS = st.lists(events() | events() | events() | unreadable(), min_size=1, max_size=16)


def hashes_of(rows: list[Any], sizes: list[int]) -> dict[str, str]:
    """The tables after taking `rows` in batches of these sizes, all tables brought up to date after each.

    An even first size stands for batches that are too large for their keys to be told apart one by one.
    """
    most = 0 if sizes[0] % 2 == 0 else MOST_LOOKED_AT
    with patch.object(renewal, "MOST_LOOKED_AT", most), duckdb.connect(":memory:") as con:
        tables = Tables.create(con, "own")
        left, turn = list(rows), 0
        while left:
            size = sizes[turn % len(sizes)]
            tables.take_rows(left[:size])
            tables.refresh()
            left, turn = left[size:], turn + 1
        tables.make()
        return table_hashes(con)


def answers(store: Store, at: int | None = None) -> dict[str, list[str]]:
    """Every public view as sorted text."""
    return {view.name: sorted(map(repr, store.query(f"FROM {view.name}", at=at).rows)) for view in VIEWS}


def sparing(store: Store, at: int) -> dict[str, list[str]]:
    """The same of the views that read models more than once, as people's questions are answered."""
    found = {}
    for name in READ_OFTEN:
        with store.sparing(f"FROM {name}", at=at) as cursor:
            found[name] = sorted(map(repr, cursor.execute(f"FROM {name}").fetchall()))
    return found


def any_split_gives_the_same(rows: list[Any], sizes: list[int]) -> None:
    assert hashes_of(rows, sizes) == hashes_of(rows, [len(rows)])


def as_of_equals_a_log_cut_there(
    rows: list[Any], cuts: tuple[int, int], log_of: Callable[..., Any], source_of: Any
) -> None:
    """From the events alone, and from a snapshot that was taken at any position, before or after."""
    with TemporaryDirectory() as folder:
        upto, snapped = (rows[cut % len(rows)][0] for cut in cuts)
        build_snapshot(source_of(log_of([r for r in rows if r[0] <= snapped])), Path(folder))
        with (
            Store(log_of(rows), Path(folder) / "none") as whole,
            Store(log_of(rows), Path(folder)) as back,
            Store(log_of([r for r in rows if r[0] <= upto]), Path(folder) / "none") as part,
        ):
            part.catch_up()
            assert back.snapped == snapped
            expected = answers(part)
            assert answers(whole, at=upto) == expected
            assert answers(back, at=upto) == expected
            for store in (whole, back):
                assert sparing(store, upto) == {name: expected[name] for name in READ_OFTEN}


def snapshot_and_tail_equal_memory(rows: list[Any], cuts: list[int], log_of: Any, source_of: Any) -> None:
    with TemporaryDirectory() as folder:
        for cut in sorted(c % len(rows) for c in cuts):
            assert build_snapshot(source_of(log_of(rows[: cut + 1])), Path(folder)) == rows[cut][0]
        log = log_of(rows)
        with Store(log, Path(folder)) as store, Store(log_of(rows), Path(folder) / "none") as memory:
            for upto in sorted({cut + 1, (cut + 1 + len(rows)) // 2, len(rows)}):
                log.all = rows[:upto]
                store.catch_up()
                store.refresh()
            assert store.position == memory.catch_up()
            assert log.asked < len(rows) or cut == 0
            assert store.hashes() == memory.hashes()
            assert store.problems == []


def order_of_import_does_not_matter(files: list[list[Any]], rows_of: Any, log_of: Any) -> None:
    """`files` hold events of one session each, as an importer appends them."""
    forward = rows_of([event for file in files for event in file])
    backward = rows_of([event for file in reversed(files) for event in file])
    with (
        TemporaryDirectory() as folder,
        Store(log_of(forward), Path(folder)) as one,
        Store(log_of(backward), Path(folder)) as other,
    ):
        for view in VIEWS:
            places = {"position", "recorded_at", "imported_at", "moment"}
            if view.name == "now":
                continue
            names = [f'"{name}"' for name, _ in view.columns if name not in places]
            question = f"SELECT {', '.join(names)} FROM {view.name}"  # noqa: S608
            assert sorted(map(repr, one.query(question).rows)) == sorted(map(repr, other.query(question).rows)), (
                view.name
            )


@given(LOGS, st.lists(st.integers(2, 7), min_size=1, max_size=4), st.integers(1, 3))
@FEW
def test_any_split_of_a_log_into_batches_gives_identical_tables(rows_of: Any, facts: Any, sizes: Any, gap: int) -> None:
    any_split_gives_the_same(rows_of(facts, gap=gap), sizes)


@given(LOGS, st.tuples(st.integers(0, 99), st.integers(0, 99)))
@FEW
def test_every_view_as_of_a_position_equals_that_of_a_log_cut_there(
    rows_of: Any, log_of: Any, source_of: Any, facts: Any, cuts: tuple[int, int]
) -> None:
    as_of_equals_a_log_cut_there(rows_of(facts), cuts, log_of, source_of)


@pytest.mark.parametrize(
    "cuts", [(3, 5), (5, 3), *(pytest.param(cuts, marks=pytest.mark.slow) for cuts in ((4, 3), (3, 4), (5, 4)))]
)
def test_a_fork_between_snapshot_and_position_changes_whose_facts_are_believed(
    rows_of: Any, log_of: Any, source_of: Any, cuts: tuple[int, int]
) -> None:
    def seen(session: str, tool: str) -> list[e.Event]:
        told: dict[str, Any] = {"source": "transcript", "session": session}
        return [e.SessionStarted(product="claude-code", **told), e.ToolCalled(call="k", tool=tool, **told)]

    fork = e.SessionForked(source="transcript", session="s1", parent="s2", shared=1)
    more = e.ToolReturned(source="transcript", session="s3", call="other", status="ok")
    rows = rows_of([*seen("s1", "Read"), *seen("s2", "Grep"), fork, more])
    as_of_equals_a_log_cut_there(rows, cuts, log_of, source_of)
    with TemporaryDirectory() as folder, Store(log_of(rows), Path(folder)) as store:
        owners = [store.query("SELECT session FROM calls WHERE call = 'k'", at=rows[cut][0]).rows for cut in (3, 4)]
        assert owners == [[("s1",)], [("s2",)]]


@given(LOGS, st.lists(st.integers(0, 99), min_size=1, max_size=2))
@FEW
def test_snapshot_and_tail_give_what_memory_alone_gives(
    rows_of: Any, log_of: Any, source_of: Any, facts: Any, cuts: Any
) -> None:
    snapshot_and_tail_equal_memory(rows_of(facts), cuts, log_of, source_of)


@given(st.lists(events(), min_size=2, max_size=16))
@FEW
def test_files_may_be_imported_in_any_order(rows_of: Any, log_of: Any, facts: list[e.Event]) -> None:
    # What the conductor appends comes from no file, and its ids are unique without their session.
    facts = [event for event in facts if event.source != "conductor"]
    sessions = sorted({str(event.session) for event in facts})
    files = [[event for event in facts if event.session == session] for session in sessions]
    order_of_import_does_not_matter(files, rows_of, log_of)


@given(LOGS)
@FEW
def test_the_facts_of_a_few_keys_are_ranked_as_those_of_a_whole_log(rows_of: Any, facts: Any) -> None:
    with duckdb.connect(":memory:") as con:
        tables = Tables.create(con, "own")
        tables.take_rows(rows_of(facts))
        con.execute("CREATE TABLE keys (key VARCHAR)")
        for model in keyed_models():
            con.execute("TRUNCATE keys")
            con.execute(f'INSERT INTO keys SELECT DISTINCT "{model.key}" FROM own.wide WHERE {model.wanted}')  # noqa: S608
            named = [key for (key,) in con.execute("FROM keys").fetchall()]
            whole, few, literal = (
                sorted(map(repr, con.execute(model.select(tables.base, only=only)).fetchall()))
                for only in (None, those("keys"), those(named) if named else "(NULL)")
            )
            assert whole == few == literal, model.name


SPANS = """SELECT a.run, a.duration_ms, l.duration_ms, a.started_at, l.started_at, a.ended_at, l.ended_at
FROM agent_runs AS a FULL JOIN learn_runs AS l USING (run)
WHERE coalesce(a.status, '') NOT IN ('running', 'waiting', 'lost')"""


@given(LOGS)
@settings(FEW, max_examples=10)
def test_learning_and_agent_runs_know_the_same_span_of_every_run(rows_of: Any, log_of: Any, facts: Any) -> None:
    with TemporaryDirectory() as folder, Store(log_of(rows_of(facts)), Path(folder)) as store:
        store.catch_up()
        for run, took, learnt, *times in store.query(SPANS).rows:
            assert run is not None
            assert took == learnt
            assert times[0] == times[1]
            assert times[2] in (times[3], None)
            assert took is None or took >= 0


def test_a_key_that_no_literal_can_hold_is_told_apart_like_any_other(rows_of: Any) -> None:
    said: dict[str, Any] = {"source": "hook", "session": "s", "run": "s/main"}
    calls = [e.ToolCalled(call=f"{key}\0", tool="Read", **said) for key in "abab"]
    any_split_gives_the_same(rows_of([*calls, e.ToolReturned(call="a\0", status="ok", **said)]), [1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(LOGS, st.lists(st.integers(2, 7), min_size=1, max_size=4), st.integers(1, 3))
@MANY
def test_any_split_of_many_logs_gives_identical_tables(rows_of: Any, facts: Any, sizes: Any, gap: int) -> None:
    any_split_gives_the_same(rows_of(facts, gap=gap), sizes)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(LOGS, st.tuples(st.integers(0, 99), st.integers(0, 99)))
@MANY
def test_many_logs_as_of_a_position_equal_those_cut_there(
    rows_of: Any, log_of: Any, source_of: Any, facts: Any, cuts: tuple[int, int]
) -> None:
    as_of_equals_a_log_cut_there(rows_of(facts), cuts, log_of, source_of)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@given(LOGS, st.lists(st.integers(0, 99), min_size=1, max_size=3))
@MANY
def test_many_snapshots_and_tails_equal_memory(
    rows_of: Any, log_of: Any, source_of: Any, facts: Any, cuts: Any
) -> None:
    snapshot_and_tail_equal_memory(rows_of(facts), cuts, log_of, source_of)


def test_what_sql_and_the_codec_read_is_the_same(rows_of: Any, log_of: Any, tmp_path: Path) -> None:
    """The stored samples of every kind come back from the views field by field."""
    facts = []
    for path in sorted((Path(__file__).parents[1] / "samples").glob("*.json")):
        sample = json.loads(path.read_text())
        facts.append((path.stem, 1, sample["kind"], json.dumps(sample["state"]).encode()))
    rows = rows_of(facts)
    with Store(log_of(rows), tmp_path) as store:
        found = store.query("SELECT kind, data FROM events ORDER BY position").rows
        assert store.query("SELECT kind, reason FROM dead_letters").rows == []
    assert [(kind, json.loads(data)) for kind, data in found] == [(row[3], json.loads(row[5])) for row in rows]
