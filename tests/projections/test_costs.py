"""What a request cost, a run with its subagents, and a session: each request once, unknown where a price is."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.prices import Tokens, parse_prices
from orchestrion.projections import Store, prove

TABLE = parse_prices(
    """
[[price]]
models = ["a"]
until = 2026-01-10
input = 4
output = 8
[[price]]
models = ["a*"]
from = 2026-01-05
until = 2026-01-20
input = 2
output = 6.5
cache_read = 0.123456
cache_write = 2.5
cache_write_1h = 4
long = { above = 1000, input = 4, output = 13 }
[[price]]
models = ["*"]
until = 2026-01-15
input = 1
output = 1
long = { above = 500, input = 3, output = 3 }
""",
    "t",
)


def used(
    request: str, run: str | None = "s/main", model: str | None = "claude-haiku-4-5", **tokens: int
) -> e.UsageRecorded:
    fields = {"session": "s", "source": "transcript", "happened_at": datetime(2026, 1, 12, tzinfo=UTC)}
    return e.UsageRecorded(request_id=request, run=run, model=model, **tokens, **fields)


def begun(run: str, parent: str | None = None) -> e.AgentStarted:
    fields = {"session": "s", "source": "transcript", "happened_at": datetime(2026, 1, 12, tzinfo=UTC)}
    return e.AgentStarted(run=run, agent=run.rpartition("/")[2], parent_run=parent, **fields)


def test_subagents_are_rolled_up_into_their_parents_once(shown: Any) -> None:
    store = shown(
        begun("s/main"), begun("s/b", "s/main"), begun("s/c", "s/b"),
        used("r1", "s/main", input_tokens=1000), used("r2", "s/b", input_tokens=2000),
        used("r3", "s/c", input_tokens=4000),
        used("r3", "s/c", input_tokens=4000, output_tokens=1), used("r4", "s/b", model="nobody-knows", input_tokens=1),
    )  # fmt: skip
    rows = store.query(
        "SELECT run, own_cost_microdollars, total_cost_microdollars, unpriced_requests FROM agent_runs ORDER BY run"
    ).rows
    assert rows == [("s/b", 2000, 6005, 1), ("s/c", 4005, 4005, 0), ("s/main", 1000, 7005, 0)]
    assert store.query("SELECT cost_microdollars, unpriced_requests FROM sessions").rows == [(7005, 1)]
    assert store.query("SELECT sum(cost_microdollars) FROM usage").rows == [(7005,)]
    assert store.query("SELECT cost_microdollars FROM sessions", at=4).rows == [(1000,)]


def test_what_has_no_price_is_unknown_and_never_zero(shown: Any) -> None:
    store = shown(
        begun("s/main"), used("r1", model="nobody-knows", input_tokens=5), used("r2", model=None, output_tokens=5)
    )
    assert store.query("SELECT cost_microdollars FROM usage").rows == [(None,), (None,)]
    asked = "SELECT cost_microdollars, unpriced_requests FROM sessions"
    assert store.query(asked).rows == [(None, 2)]
    assert shown(begun("s/main")).query(asked).rows == [(None, 0)]
    assert shown(used("r1", model="nobody-knows", input_tokens=0)).query(asked).rows == [(0, 0)]


def test_runs_that_led_to_each_other_count_each_other_once(shown: Any) -> None:
    store = shown(begun("s/a", "s/b"), begun("s/b", "s/a"), begun("s/c", "s/c"),
                  *(used(f"r{run}", f"s/{run}", input_tokens=1000) for run in "abc"))  # fmt: skip
    rows = store.query("SELECT run, total_cost_microdollars FROM agent_runs ORDER BY run").rows
    assert rows == [("s/a", 2000), ("s/b", 2000), ("s/c", 1000)]


def test_figures_beyond_all_reason_are_unknown_not_wrong(shown: Any) -> None:
    store = shown(
        used(
            "r",
            input_tokens=2**63 - 1,
            output_tokens=2**63 - 1,
            cache_write_tokens=2**62,
            cache_write_1h_tokens=2**63 - 1,
        )
    )
    assert store.query("SELECT cost_microdollars FROM sessions").rows == [(None,)]


COUNTS = st.integers(0, 1200)
TIMES = st.datetimes(datetime(2026, 1, 3), datetime(2026, 1, 22)).map(lambda at: at.replace(tzinfo=UTC))
REQUESTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "A", "x/a", "abc", "b", None]),
        st.one_of(st.none(), TIMES),
        COUNTS, COUNTS, COUNTS, COUNTS, COUNTS,
    ),
    max_size=12,
)  # fmt: skip


@pytest.fixture(scope="module")
def priced(rows_of: Any, log_of: Any, tmp_path_factory: Any) -> Iterator[Callable[[list[dict[str, Any]]], list[Any]]]:
    """Tells requests to one log that grows, and asks what each of them cost, in their order."""
    log = log_of([])
    with Store(log, tmp_path_factory.mktemp("p"), prices=TABLE) as store:

        def told(requests: list[dict[str, Any]]) -> list[Any]:
            first = log.head() + 1
            ids = [f"r{number:06}" for number in range(first, first + len(requests))]
            facts = [
                e.UsageRecorded(source="user", request_id=name, **of) for name, of in zip(ids, requests, strict=True)
            ]
            log.all += rows_of(facts, first=first)
            store.catch_up()
            asked = "SELECT cost_microdollars FROM usage WHERE request_id >= $1 ORDER BY request_id"
            return [row[0] for row in store.query(asked, [f"r{first:06}"]).rows]

        yield told


@settings(max_examples=25, deadline=None)
@given(REQUESTS)
@example([("a", None, 0, 0, 0, 0, 1)])  # kept for an hour, but not written: a part of nothing
def test_sql_and_python_agree_on_every_price(priced: Any, requests: Any) -> None:
    told, expected = [], []
    names = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens")
    for model, at, *figures in requests:
        told.append({"model": model, "happened_at": at, **dict(zip(names, figures, strict=True))})
        expected.append(TABLE.microdollars(model, Tokens(*figures), at))
    assert priced(told) == expected


def test_another_table_needs_no_rebuild_and_the_proof_holds(rows_of: Any, log_of: Any, tmp_path: Path) -> None:
    log = log_of(rows_of([begun("s/main"), used("r1", input_tokens=1000), used("r2", model="local", output_tokens=3)]))
    folder = tmp_path / "projections"
    asked = "SELECT cost_microdollars FROM usage ORDER BY request_id"
    with Store(log, folder) as store:
        assert store.query(asked).rows == [(1000,), (None,)]
    first = prove(log, folder)
    (tmp_path / "prices.toml").write_text('[[price]]\nmodels = ["local"]\ninput = 1\noutput = 2\n')
    with Store(log, folder) as store:
        assert store.query(asked).rows == [(1000,), (6,)]
    second = prove(log, folder)
    assert first.ok
    assert second.ok
    changed = {name for name in first.tables if first.tables[name] != second.tables[name]}
    assert changed == {"usage", "sessions", "agent_runs", "agent_stats", "prices"}


def test_a_bad_price_file_is_named(log_of: Any, tmp_path: Path) -> None:
    from orchestrion.domain.errors import BadDefinition

    (tmp_path / "prices.toml").write_text("[[price]]\nmodels = 3\n")
    with pytest.raises(BadDefinition, match=r"prices\.toml, price 1"):
        Store(log_of([]), tmp_path / "projections")
