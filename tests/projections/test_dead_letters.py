"""What cannot be read is set apart with its reason, and the rest goes on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import codec
from orchestrion.domain import events as e
from orchestrion.projections import Store

GOOD = e.ToolCalled(source="hook", session="s", call="good", tool="Read")

BAD = {
    "an unknown kind": ("future.kind", b'{"v":1,"source":"hook"}', "unknown kind 'future.kind'"),
    "a newer version": ("tool.called", b'{"v":9,"source":"hook","call":"c","tool":"T"}', "9 is newer than ours"),
    "no version": ("tool.called", b'{"source":"hook","call":"c","tool":"T"}', "schema version None is no number"),
    "half a state": ("tool.called", b'{"v":1,"source":"ho', "is no JSON"),
    "an empty state": ("tool.called", b"", "is no JSON"),
    "bytes that are no UTF-8": ("tool.called", b'{"v":1,"source":"\xff"}', "is no JSON"),
    "no bytes": ("tool.called", '{"v":1,"source":"hook"}', "is no JSON"),
    "a list": ("tool.called", b"[1,2]", "no JSON object but list"),
    "a wrong type": ("tool.returned", b'{"v":1,"source":"hook","call":"c","status":"ok","exit_code":"x"}', "exit_code"),
    "a missing field": ("tool.called", b'{"v":1,"source":"hook","call":"c"}', "tool: Field required"),
    "a field too many": ("tool.called", b'{"v":1,"source":"hook","call":"c","tool":"T","x":1}', "x: Extra inputs"),
    "deep nesting": ("tool.called", b'{"v":1,"params":' + b"[" * 5000 + b"]" * 5000 + b"}", "tool.called|no JSON"),
}  # fmt: skip


@pytest.fixture
def of(rows_of: Callable[..., Any], log_of: Any, tmp_path: Path) -> Callable[..., Store]:
    def make(kind: str, state: Any) -> Store:
        return Store(
            log_of(rows_of([GOOD, ("odd", 1, kind, state), GOOD.model_copy(update={"call": "after"})])), tmp_path
        )

    return make


@pytest.mark.parametrize("what", BAD)
def test_a_record_that_cannot_be_read_is_a_dead_letter(of: Any, what: str) -> None:
    kind, state, reason = BAD[what]
    with of(kind, state) as store:
        assert store.catch_up() == 3
        [letter] = store.query("SELECT position, stream, version, kind, reason FROM dead_letters").rows
        assert letter[:4] == (2, "odd", 1, kind)
        assert any(part in letter[4] for part in reason.split("|")), letter[4]
        assert store.dead_letters == 1
        assert store.query("SELECT position FROM events ORDER BY 1").rows == [(1,), (3,)]
        assert store.query("SELECT call FROM tool_calls ORDER BY 1").rows == [("after",), ("good",)]
        assert store.query("SELECT count(*) FROM dead_letters", at=1).rows == [(0,)]


def test_nulls_that_are_written_out_are_read_all_the_same(of: Any) -> None:
    with of("tool.called", b'{"v":1,"source":"hook","call":"c","tool":"T","params":null,"agent":null}') as store:
        assert store.query("SELECT tool FROM tool_calls WHERE call = 'c'").rows == [("T",)]
        assert store.dead_letters == 0


def test_an_older_version_is_read_through_its_upcasts(of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(old: dict[str, Any]) -> dict[str, Any]:
        return {"tool": old["name"], "params": {"p": 1}, **{k: v for k, v in old.items() if k != "name"}}

    monkeypatch.setattr(codec, "UPCASTS", {("tool.called", 0): renamed})
    with of("tool.called", b'{"v":0,"source":"hook","call":"c","name":"Old"}') as store:
        assert store.query("SELECT tool, params FROM tool_calls WHERE call = 'c'").rows == [("Old", '{"p":1}')]
        assert store.dead_letters == 0
