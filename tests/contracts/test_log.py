"""What every log does, whatever keeps its rows: the contract of `domain.ports.Log`, run on each store."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.bodies import whole
from orchestrion.domain.errors import Conflict, NotFound
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Fact, Record
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog, open_log

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class SetClock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture(params=["sqlite", "memory"])
def log(request: pytest.FixtureRequest, tmp_path: Path, clock: SetClock) -> Iterator[Log]:
    makers: dict[str, Callable[[], Any]] = {
        "sqlite": lambda: open_log(tmp_path / "home", now=clock),
        "memory": lambda: MemoryLog(now=clock),
    }
    with makers[request.param]() as opened:
        yield opened


def called(call: str, params: Any = None, **fields: Any) -> e.ToolCalled:
    return e.ToolCalled(
        source="transcript",
        happened_at=NOON,
        session="s1",
        run="s1/main",
        call=call,
        tool="Bash",
        params=params,
        **fields,
    )


def started(session: str, request: str | None = None) -> e.SessionStarted:
    return e.SessionStarted(
        source="conductor", happened_at=NOON, session=session, product="orchestrion", request=request
    )


def only(log: Log) -> Record:
    (record,) = log.read()
    assert isinstance(record, Record)
    return record


def test_a_new_log_is_empty_and_whole(log: Log) -> None:
    assert log.head() == 0
    assert list(log.read()) == []
    assert log.rows(after=0, limit=10) == []
    assert log.verify().ok
    assert len(log.identity) == 32


def test_an_appended_event_is_read_as_it_was_with_its_place(log: Log) -> None:
    appended = log.append("session-a", [started("a", "do it"), started("a", "again")], expect=0)
    assert appended.positions == (1, 2)
    first, second = log.read()
    assert isinstance(first, Record)
    assert (first.position, first.stream, first.version, first.recorded_at) == (1, "session-a", 1, NOON)
    assert first.event == started("a", "do it")
    assert second.version == 2


def test_a_repeated_append_is_answered_and_adds_nothing(log: Log) -> None:
    log.append("session-a", [started("a")], expect=0)
    again = log.append("session-a", [started("a")], expect=0)
    assert (again.positions, again.duplicates) == ((), 1)
    assert log.head() == 1


def test_another_event_at_a_taken_place_is_a_conflict_and_nothing_of_the_batch_stays(log: Log) -> None:
    log.append("session-a", [started("a"), started("a", "two")], expect=0)
    with pytest.raises(Conflict, match="session-a@2"):
        log.append("session-a", [started("a", "other"), started("a", "three")], expect=1)
    assert log.head() == 2


def test_an_append_upon_a_version_that_is_not_there_is_a_conflict(log: Log) -> None:
    with pytest.raises(Conflict, match="does not reach version 3"):
        log.append("session-a", [started("a")], expect=3)
    assert log.head() == 0


def test_a_decider_goes_on_behind_a_witnessed_fact(log: Log) -> None:
    fact = witnessed(started("a"))
    log.observe([fact])
    log.append(fact.stream, [started("a", "next")], expect=fact.version)
    assert [record.version for record in log.read_stream(fact.stream)] == [1, 2]


def test_observed_facts_are_counted_as_new_duplicate_or_conflict(log: Log) -> None:
    log.observe([witnessed(called("one")), witnessed(called("two"))])
    other = witnessed(called("one", {"command": "rm"}))
    answer = log.observe([witnessed(called("two")), other, witnessed(called("three"))])
    assert answer.positions == (3,)
    assert answer.duplicates == 1
    assert answer.conflicts == (other,)
    assert [record.event.params for record in log.read_stream("tool-one/s1")] == [None]  # type: ignore[attr-defined]


def test_twins_within_one_batch_are_one_fact(log: Log) -> None:
    answer = log.observe([witnessed(called("one")), witnessed(called("one")), witnessed(called("one", {"x": 1}))])
    assert (len(answer.positions), answer.duplicates, len(answer.conflicts)) == (1, 1, 1)
    assert log.head() == 1


def test_observing_everything_twice_adds_nothing(log: Log) -> None:
    facts = [witnessed(called(f"call{number}")) for number in range(500)]
    assert len(log.observe(facts).positions) == 500
    assert log.observe(facts).duplicates == 500
    assert log.head() == 500


def test_an_empty_batch_changes_nothing(log: Log) -> None:
    assert log.observe([]).positions == ()
    assert log.append("session-a", [], expect=0).positions == ()
    assert log.head() == 0


def test_reading_from_and_up_to_a_position(log: Log) -> None:
    log.observe([witnessed(called(f"call{number}")) for number in range(2500)])
    assert [record.position for record in log.read(after=1200, upto=1205)] == [1201, 1202, 1203, 1204, 1205]
    assert sum(1 for _ in log.read()) == 2500


def test_rows_are_undecoded_and_their_state_is_json_with_a_version(log: Log) -> None:
    log.observe([witnessed(called("one", {"command": "ls"}))])
    ((position, stream, version, kind, recorded_at, state),) = log.rows(after=0, limit=5)
    assert (position, stream, version, kind, recorded_at) == (
        1,
        "tool-one/s1",
        201,
        "tool.called",
        "2026-01-31T12:00:00.000000Z",
    )
    assert json.loads(state) == {
        "v": 1,
        "source": "transcript",
        "happened_at": "2026-01-31T12:00:00.000000Z",
        "session": "s1",
        "run": "s1/main",
        "call": "one",
        "tool": "Bash",
        "params": {"command": "ls"},
    }


def test_zeros_and_given_empty_values_are_stored_and_empty_defaults_are_not(log: Log) -> None:
    usage = e.UsageRecorded(source="transcript", session="s", request_id="r", input_tokens=0)
    log.observe([witnessed(usage), witnessed(called("one", {}))])
    first, second = (json.loads(row[5]) for row in log.rows(after=0, limit=2))
    assert first["input_tokens"] == 0
    assert first.keys() & {"bodies", "altered", "model"} == set()
    assert second["params"] == {}


def test_every_model_inside_an_event_comes_back(log: Log) -> None:
    plan = e.PlanMade(
        source="conductor",
        session="a",
        request="r",
        planner="rules",
        tasks=(e.PlannedTask(id="1", agent="x", task="do", depends_on=("0",), matched=("do",)),),
        phases=(("x",),),
    )
    log.append("session-a", [plan], expect=0)
    assert only(log).event == plan


def test_streams_are_found_by_their_beginning(log: Log) -> None:
    log.observe([witnessed(called("b")), witnessed(called("a")), witnessed(started("z"))])
    assert log.streams("tool-") == ["tool-a/s1", "tool-b/s1"]
    assert log.streams("session-") == ["session-z"]
    assert log.streams("tool-%") == []
    assert log.read_stream("tool-unknown") == []


def test_times_never_go_backwards_even_if_the_clock_does(log: Log, clock: SetClock) -> None:
    log.observe([witnessed(called("one"))])
    clock.now = NOON - timedelta(hours=3)
    log.observe([witnessed(called("two"))])
    clock.now = NOON + timedelta(seconds=1)
    log.observe([witnessed(called("three"))])
    assert [record.recorded_at for record in log.read()] == [NOON, NOON, NOON + timedelta(seconds=1)]
    assert log.verify().ok


def test_blobs_given_are_kept_once_under_their_hash(log: Log) -> None:
    name = sha256(b"lines").hexdigest()
    log.observe([], blobs=[b"lines", b"lines"])
    log.observe([witnessed(called("one"))], blobs=[b"lines", b""])
    assert log.blob(name) == b"lines"
    assert log.blob(sha256(b"").hexdigest()) == b""
    with pytest.raises(NotFound):
        log.blob("0" * 64)
    assert log.verify().ok


def test_a_large_field_leaves_a_preview_and_is_whole_in_a_blob(log: Log) -> None:
    params = {"command": "x" * 9000, "lines": list(range(3000)), "name": "small"}
    log.observe([witnessed(called("one", params))])
    event = only(log).event
    assert isinstance(event, e.ToolCalled)
    assert event.params["name"] == "small"
    assert event.params["command"].startswith("xxxx")
    assert len(json.dumps(event.params)) < 4096
    assert set(event.bodies) == {"params"}
    assert json.loads(log.blob(event.bodies["params"].hash)) == params
    assert whole(event, log.blob) == called("one", params)


def test_a_large_text_is_cut_on_a_character_and_its_blob_is_plain_text(log: Log) -> None:
    text = "ü" * 6000
    log.observe([witnessed(started("a", text))])
    event = only(log).event
    assert isinstance(event, e.SessionStarted)
    assert event.request == "ü" * 512 + "…"
    assert log.blob(event.bodies["request"].hash).decode() == text
    assert whole(event, log.blob).request == text  # type: ignore[attr-defined]


def test_a_field_just_within_the_limit_stays(log: Log) -> None:
    log.observe([witnessed(called("one", "x" * 4096)), witnessed(called("two", "x" * 4097))])
    first, second = log.read()
    assert first.event.bodies == {}  # type: ignore[union-attr]
    assert set(second.event.bodies) == {"params"}  # type: ignore[union-attr]


def test_the_blob_of_a_conflict_is_not_kept(log: Log) -> None:
    log.observe([witnessed(called("one"))])
    log.observe([witnessed(called("one", "y" * 5000)), witnessed(called("two"))])
    with pytest.raises(NotFound):
        log.blob(sha256(b"y" * 5000).hexdigest())


DEEP: list[Any] = []
for _ in range(5000):
    DEEP = [DEEP]

AWKWARD: dict[str, tuple[Any, str, Any, str]] = {
    "nan": ({"a": math.nan, "b": [math.inf]}, "nan", {"a": None, "b": [None]}, '{"a":NaN,"b":[Infinity]}'),
    "surrogate": ({"a": "\ud800x"}, "surrogate", {"a": "\\ud800x"}, '{"a":"\\ud800x"}'),
    "surrogate key": ({"\udfff": 1}, "surrogate", {"\\udfff": 1}, '{"\\udfff":1}'),
    "2^64": ([2**64], "integer", ["18446744073709551616"], "[18446744073709551616]"),
    "2^63": ([2**63], "integer", ["9223372036854775808"], "[9223372036854775808]"),
    "NUL": ("a\0b", "nul", "a␀b", '"a\\u0000b"'),
    "set": ({"a": {2, 1}}, "type", {"a": [1, 2]}, '{"a":[1,2]}'),
    "bytes": (b"\xff!", "type", "\\xff!", '"\\\\xff!"'),
    "path": ([Path("/x")], "type", ["/x"], '["/x"]'),
    "time": ([NOON], "type", ["2026-01-31T12:00:00+00:00"], '["2026-01-31T12:00:00+00:00"]'),
    "keys": ({1: "a", "1": "b"}, "key", {"1": "a", "1'": "b"}, '{"1":"a","1\'":"b"}'),
}


@pytest.mark.parametrize("name", AWKWARD)
def test_what_cannot_be_stored_is_normalised_and_kept_raw(log: Log, name: str) -> None:
    value, reason, stored, raw = AWKWARD[name]
    log.observe([witnessed(called("one", value))])
    event = only(log).event
    assert isinstance(event, e.ToolCalled)
    assert event.params == stored
    assert event.altered == (f"params:{reason}",)
    assert log.blob(event.bodies["raw"].hash).decode() == f'{{"params":{raw}}}'
    assert log.observe([witnessed(called("one", value))]).duplicates == 1


def test_nesting_of_five_thousand_is_cut_and_kept_raw(log: Log) -> None:
    log.observe([witnessed(called("one", DEEP))])
    event = only(log).event
    assert event.altered == ("params:depth",)
    assert log.blob(event.bodies["raw"].hash) == b'{"params":' + b"[" * 5001 + b"]" * 5001 + b"}"
    assert "[depth]" in log.rows(after=0, limit=1)[0][5].decode()


def test_lists_that_hold_themselves_end(log: Log) -> None:
    knot: dict[str, Any] = {}
    knot["a"], knot["b"] = knot, [knot, knot]
    log.observe([witnessed(called("one", knot))])
    assert "params:repeated" in only(log).event.altered


def test_plain_values_that_look_odd_are_stored_as_they_are(log: Log) -> None:
    for number, value in enumerate(
        [{"_type_": "x", "_data_": 1}, "", [], {}, -(2**63), 0.1, {"é": "\u2028"}, [None], True]
    ):
        log.observe([witnessed(called(f"call{number}", value))])
        *_, record = log.read()
        assert isinstance(record, Record)
        assert record.event == called(f"call{number}", value)


def test_ten_megabytes_are_a_preview_and_a_blob(log: Log) -> None:
    log.observe([witnessed(called("one", {"text": "x" * 10_000_000}))])
    assert len(log.rows(after=0, limit=1)[0][5]) < 4096
    assert len(whole(only(log).event, log.blob).params["text"]) == 10_000_000  # type: ignore[attr-defined]


def test_typed_numbers_that_do_not_fit_come_back(log: Log) -> None:
    log.observe(
        [
            witnessed(e.LimitReached(source="user", subject="s", limit="cost", allowed=math.inf, reached=1)),
            witnessed(e.ToolReturned(source="user", call="c", status="ok", exit_code=2**70)),
        ]
    )
    limit, returned = log.read()
    assert limit.event.allowed == math.inf  # type: ignore[union-attr]
    assert returned.event.exit_code == 2**70  # type: ignore[union-attr]


def test_the_given_event_is_never_changed(log: Log) -> None:
    params = {"token": "sk-ant-api03-abcdefghijklmnop1234", "n": math.inf, "big": "x" * 9000}
    event = called("one", params)
    before = repr(event)
    log.observe([witnessed(event)])
    assert repr(event) == before


SECRET = "sk-ant-api03-abcdefghijklmnop1234"


def test_secrets_are_redacted_before_they_are_stored_even_where_a_field_is_cut_or_kept_raw(log: Log) -> None:
    log.observe(
        [
            witnessed(called("one", {"command": f"x\n{SECRET}"})),
            witnessed(called("two", "x" * 1010 + f" {SECRET} " + "y" * 9000)),
            witnessed(called("three", {"a": math.nan, f"k {SECRET}": [SECRET]})),
            witnessed(started("a", f"use {SECRET}\0")),
        ]
    )
    stored = b"".join(row[5] for row in log.rows(after=0, limit=10))
    for record in log.read():
        stored += b"".join(log.blob(body.hash) for body in record.event.bodies.values())  # type: ignore[union-attr]
    assert stored.count(b"[REDACTED:anthropic-key:") == 7
    assert b"abcdefghijklmnop" not in stored
    assert b"api03" not in stored


def test_ids_are_never_redacted(log: Log) -> None:
    event = called("one").model_copy(update={"call": SECRET, "session": SECRET, "run": SECRET, "agent": SECRET})
    log.observe([witnessed(event)])
    assert only(log).event == event


def test_clean_facts_are_not_redacted_again_but_still_cut(log: Log) -> None:
    log.observe([witnessed(called("one", {"key": SECRET, "text": "x" * 9000}))], clean=True)
    assert SECRET.encode() in log.rows(after=0, limit=1)[0][5]
    assert set(only(log).event.bodies) == {"params"}


def test_clean_facts_with_nul_are_still_normalised(log: Log) -> None:
    log.observe([witnessed(called("one", "a\0b"))], clean=True)
    assert only(log).event.params == "a␀b"  # type: ignore[attr-defined]


def test_waiting_ends_when_the_log_goes_on(log: Log) -> None:
    woken: list[float] = []

    def wait() -> None:
        assert log.wait(0, 20)
        woken.append(time.monotonic())

    waiter = threading.Thread(target=wait)
    waiter.start()
    log.observe([witnessed(called("one"))])
    appended = time.monotonic()
    waiter.join()
    assert woken[0] - appended < 5


def test_waiting_ends_at_once_if_there_is_more_and_in_time_if_there_is_not(log: Log) -> None:
    log.observe([witnessed(called("one"))])
    assert log.wait(0, 60)
    begun = time.monotonic()
    assert not log.wait(1, 0.05)
    assert time.monotonic() - begun >= 0.05


def test_threads_append_side_by_side(log: Log) -> None:
    def work(worker: int) -> None:
        for number in range(25):
            log.observe([witnessed(called(f"{worker}-{number}")), witnessed(called(f"shared-{number}"))])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.head() == 125
    assert [row[0] for row in log.rows(after=0, limit=200)] == list(range(1, 126))
    assert log.verify().ok


def test_verify_answers_with_the_position_it_came_to(log: Log) -> None:
    log.observe([witnessed(called(f"call{number}", "x" * (number * 30))) for number in range(200)])
    answer = log.verify()
    assert (answer.ok, answer.position, answer.first_bad_position, answer.problems) == (True, 200, None, ())


def test_a_version_that_no_slot_would_give_is_stored_too(log: Log) -> None:
    log.observe([Fact("tool-x", 2**62, called("x"))])
    assert only(log).version == 2**62


def test_closing_a_log_twice_is_harmless(log: Log) -> None:
    log.observe([witnessed(called("one"))])
    log.close()
    log.close()
