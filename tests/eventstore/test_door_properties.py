"""Whatever an event holds, the door takes it, stores JSON, and says what it changed."""

import json
import math
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.bodies import whole
from orchestrion.domain.record import Record
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.eventstore.normal import MAX_INTEGER, MIN_INTEGER, raw_json
from orchestrion.eventstore.preview import STRUCTURE_BYTES, preview
from orchestrion.eventstore.redaction import passing_redactor

STORABLE_TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
ANY_TEXT = st.text(alphabet=st.characters(categories=None))


def nested(leaf: st.SearchStrategy[Any], key: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(leaf, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(key, inner, max_size=5))


FITTING = nested(
    st.none()
    | st.booleans()
    | st.integers(MIN_INTEGER, MAX_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | STORABLE_TEXT,
    STORABLE_TEXT,
)
ANYTHING = nested(
    st.none()
    | st.integers()
    | st.integers(-(2**20_000), 2**20_000)
    | st.floats()
    | ANY_TEXT
    | st.binary()
    | st.sets(st.integers())
    | st.datetimes()
    | st.uuids()
    | st.complex_numbers()
    | st.just(object),
    ANY_TEXT | st.integers() | st.none() | st.floats(),
)


def stored(value: Any) -> tuple[MemoryLog, e.ToolCalled]:
    log = MemoryLog(passing_redactor({}))
    event = e.ToolCalled(source="user", call="c", tool="t", params=value)
    assert log.observe([witnessed(event)]).positions == (1,)
    assert log.observe([witnessed(event)]).duplicates == 1
    assert log.verify().ok
    (record,) = log.read()
    assert isinstance(record, Record)
    assert isinstance(record.event, e.ToolCalled)
    return log, record.event


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types: 1 is not True, 0.0 is not -0.0."""
    return repr(left) == repr(right)


@given(FITTING)
@settings(deadline=None)
def test_what_fits_comes_back_whole_and_unaltered(value: Any) -> None:
    log, event = stored(value)
    assert event.altered == ()
    assert same(whole(event, log.blob).params, value)  # type: ignore[attr-defined]


@given(ANYTHING)
@settings(deadline=None)
def test_anything_at_all_is_stored_as_strict_json(value: Any) -> None:
    log, event = stored(value)
    state = log.rows(after=0, limit=1)[0][5]
    assert orjson.loads(state)["call"] == "c"
    assert b"\\u0000" not in state.replace(b"\\\\", b"")
    if event.altered:
        assert "params" in json.loads(log.blob(event.bodies["raw"].hash))


@given(nested(st.integers() | st.floats(allow_nan=False) | ANY_TEXT | st.none() | st.booleans(), ANY_TEXT))
@settings(deadline=None)
def test_raw_json_is_what_pythons_own_module_writes(value: Any) -> None:
    assert raw_json(value) == json.dumps(value, separators=(",", ":")).encode()


@given(
    nested(STORABLE_TEXT | st.text(min_size=500, max_size=600) | st.integers(MIN_INTEGER, MAX_INTEGER), STORABLE_TEXT)
)
@settings(deadline=None)
def test_a_preview_is_small_and_of_the_same_kind(value: Any) -> None:
    if isinstance(value, (dict, list)):
        outline = preview(value)
        assert type(outline) is type(value)
        assert len(orjson.dumps(outline)) <= STRUCTURE_BYTES


def test_a_preview_of_ten_thousand_long_keys_is_small() -> None:
    assert len(orjson.dumps(preview({f"{number:09000}": number for number in range(1000)}))) <= STRUCTURE_BYTES


def test_floats_of_every_kind_come_back_or_are_null() -> None:
    _, event = stored([1e308, -0.0, 5e-324, math.nan, -math.inf])
    assert repr(event.params) == "[1e+308, -0.0, 5e-324, None, None]"
