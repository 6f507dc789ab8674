"""A fact has one natural place; two facts never claim the same one."""

import json
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.codec import decode
from orchestrion.domain.streams import new_id, place, slot_of, stream_of, witnessed

SAMPLES = [
    decode(s["kind"], s["state"])
    for s in (json.loads(p.read_text()) for p in sorted((Path(__file__).parents[1] / "samples").glob("*.json")))
]
tokens = st.integers(0, 2**40)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda s: s.kind)
def test_every_kind_has_a_stream_named_after_its_subject(event: e.Event) -> None:
    family, _, key = stream_of(event).partition("-")
    assert family.isalpha()
    assert key
    assert "None" not in key


def test_kinds_that_share_a_stream_have_slots_of_their_own() -> None:
    for one, other in combinations(SAMPLES, 2):
        if stream_of(one) == stream_of(other):
            assert one.slot != other.slot, (one.kind, other.kind)


def test_a_second_witness_of_a_call_stands_beside_the_first() -> None:
    seen = [
        witnessed(e.ToolCalled(source=source, session="s", call="toolu_1", tool="Read"))
        for source in ("transcript", "hook")
    ]
    assert seen[0].stream == seen[1].stream == "tool-toolu_1/s"
    assert seen[0].version != seen[1].version


def test_a_better_parsers_fact_has_a_place_of_its_own() -> None:
    slots = [slot_of(e.ToolCalled(source="transcript", session="s", call="c", tool="t", parser=p)) for p in (1, 2)]
    assert slots[0] < slots[1]


def test_ids_of_others_are_qualified_by_their_session_and_ours_are_not() -> None:
    theirs = e.ToolCalled(source="transcript", session="s", call="c", tool="t")
    ours = e.ToolCalled(source="conductor", session="s", call="c", tool="t")
    assert (stream_of(theirs), stream_of(ours)) == ("tool-c/s", "tool-c")


@given(a=st.tuples(tokens, tokens), b=st.tuples(tokens, tokens))
def test_usage_that_grew_has_a_higher_place_and_the_same_usage_the_same(a: tuple[int, int], b: tuple[int, int]) -> None:
    def slot(pair: tuple[int, int]) -> int:
        return slot_of(
            e.UsageRecorded(
                source="transcript", session="s", request_id="m", input_tokens=pair[0], output_tokens=pair[1], parser=1
            )
        )

    assert (slot(a) < slot(b)) == (min(sum(a), 2**36 - 1) < min(sum(b), 2**36 - 1))
    assert 0 < slot(a) < 2**63


def test_an_id_of_ours_is_new_each_time_and_sorts_by_time() -> None:
    ids = [new_id("ses") for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert [i[:16] for i in ids] == sorted(i[:16] for i in ids)


def test_a_place_reads_as_stream_at_version() -> None:
    assert place(witnessed(e.ToolCalled(source="hook", session="s", call="c", tool="t"))) == "tool-c/s@101"
