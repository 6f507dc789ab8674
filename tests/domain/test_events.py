"""Every kind can be stored, and what was stored once is read for ever."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrion.domain import events as e
from orchestrion.domain.codec import decode
from orchestrion.domain.errors import UnreadableEvent

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.json"))


def stored(event: e.Event) -> dict[str, object]:
    """The state as the log would store it."""
    state = json.loads(event.model_dump_json(exclude_none=True, exclude_defaults=True))
    return {"v": event.schema_version, **state}


def test_every_kind_has_a_stored_sample_of_its_present_shape() -> None:
    named = {path.name.removesuffix(".json") for path in SAMPLES}
    assert {f"{kind}.v{cls.schema_version}" for kind, cls in e.KINDS.items()} <= named


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_a_stored_sample_is_read_and_says_what_it_said(path: Path) -> None:
    sample = json.loads(path.read_text())
    event = decode(sample["kind"], sample["state"])
    assert type(event).kind == sample["kind"]
    again = json.loads(event.model_dump_json())
    for field, value in sample["state"].items():
        if field not in {"v", "happened_at", "expires_at"}:
            assert _covers(again[field], value), field


def _covers(whole: object, part: object) -> bool:
    """Whether `whole` holds everything that `part` says (defaults may be added to it)."""
    match whole, part:
        case dict(), dict():
            return all(key in whole and _covers(whole[key], value) for key, value in part.items())
        case list(), list():
            return len(whole) == len(part) and all(map(_covers, whole, part))
        case _:
            return whole == part


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_a_sample_uses_every_field_of_its_kind(path: Path) -> None:
    sample = json.loads(path.read_text())
    own = set(e.KINDS[sample["kind"]].model_fields) - set(e.Event.model_fields)
    assert own <= set(sample["state"])


def test_fields_of_one_name_have_one_type_in_all_kinds() -> None:
    types: dict[str, set[str]] = {}
    for cls in e.KINDS.values():
        for name, shape in cls.model_json_schema()["properties"].items():
            types.setdefault(name, set()).add(_column(shape))
    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def _column(shape: dict[str, Any]) -> str:
    """The type as a column sees it: optional or not, or limited to some words, is all the same."""
    known = [option for option in shape.get("anyOf", [shape]) if option.get("type") != "null"]
    return "|".join(sorted(f"{option.get('type', 'any')} of {option.get('items', {}).get('type')}" for option in known))


def test_an_event_cannot_be_changed() -> None:
    event = e.AgentRetired(source="user", agent="x", reason="done")
    with pytest.raises(ValidationError):
        event.reason = "not done"


def test_an_event_takes_no_field_it_does_not_know() -> None:
    with pytest.raises(ValidationError):
        e.AgentRetired(source="user", agent="x", mood="good")  # type: ignore[call-arg]


def test_two_classes_cannot_name_one_kind() -> None:
    with pytest.raises(TypeError, match=r"tool\.called"):
        type("Other", (e.Event,), {"__module__": __name__}, kind="tool.called")
    assert e.KINDS["tool.called"] is e.ToolCalled


def test_a_kind_from_the_future_is_refused_with_its_name() -> None:
    with pytest.raises(UnreadableEvent, match=r"mood\.changed"):
        decode("mood.changed", {"v": 1})


def test_a_newer_shape_of_a_known_kind_is_refused_not_guessed() -> None:
    with pytest.raises(UnreadableEvent, match="newer"):
        decode("agent.retired", {"v": 99, "source": "user"})


@pytest.mark.parametrize("state", [{}, {"v": "1"}, {"v": 1}, {"v": 1, "source": "nobody"}])
def test_a_damaged_state_is_refused(state: dict[str, object]) -> None:
    with pytest.raises(UnreadableEvent):
        decode("tool.called", state)


@pytest.mark.parametrize("text", ["\ud800", "a\0b", "naïve", "plain", "🤝"])
def test_any_text_fits_into_an_event(text: str) -> None:
    event = e.AgentRetired(source="user", agent=text, reason=text)
    assert decode("agent.retired", stored(event)) == event
