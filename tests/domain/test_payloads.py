"""A message says what its type demands, and its content sets the least priority it travels with."""

from typing import Any, get_args

import pytest

from orchestrion.domain.errors import Refused
from orchestrion.domain.events import MessageType, Priority
from orchestrion.domain.payloads import PAYLOADS, checked, priority_of


def test_every_message_type_has_a_payload() -> None:
    assert set(PAYLOADS) == set(get_args(MessageType))


@pytest.mark.parametrize(
    ("kind", "payload", "missing"),
    [
        ("finding_report", {"severity": "high"}, "issue"),
        ("finding_report", {"issue": "x", "severity": "awful"}, "severity"),
        ("assistance_request", {}, "capability"),
        ("validation_request", {}, "changes"),
        ("validation_result", {}, "approved"),
        ("pattern_discovered", {"pattern": "p", "confidence": 101}, "confidence"),
        ("handoff", {"handoff": "h"}, "task"),
    ],
)
def test_a_payload_that_lacks_what_its_type_demands_is_refused_by_name(
    kind: MessageType, payload: dict[str, Any], missing: str
) -> None:
    with pytest.raises(Refused, match=f"{kind} message cannot be sent: {missing}"):
        checked(kind, payload)


@pytest.mark.parametrize(
    ("kind", "payload", "asked", "priority"),
    [
        ("finding_report", {"severity": "low", "issue": "x"}, None, "normal"),
        ("finding_report", {"severity": "high", "issue": "x"}, None, "high"),
        ("finding_report", {"severity": "critical", "issue": "x"}, "low", "critical"),
        ("finding_report", {"severity": "high", "issue": "x"}, "critical", "critical"),
        ("validation_request", {"changes": ["x"]}, None, "high"),
        ("progress_update", {"progress": "half"}, None, "low"),
        ("progress_update", {"progress": "half"}, "high", "high"),
        ("context_share", {"context": {}}, "low", "low"),
        ("context_share", {"context": {}}, None, "normal"),
    ],
)
def test_a_message_travels_with_the_priority_its_content_demands_or_more(
    kind: MessageType, payload: dict[str, Any], asked: Priority | None, priority: Priority
) -> None:
    assert priority_of(checked(kind, payload), asked) == priority


def test_a_payload_keeps_what_it_was_given_beyond_the_demanded() -> None:
    assert checked("warning", {"warning": "slow", "since": 3}).model_dump()["since"] == 3


def test_the_words_and_percents_of_the_specification_are_understood() -> None:
    request = checked("validation_request", {"changesImplemented": ["a"], "filesModified": ["auth.ts"]})
    assert request.model_dump() == {"changes": ("a",), "files": ("auth.ts",)}
    assert checked("pattern_discovered", {"pattern": "p", "confidence": 90}).model_dump()["confidence"] == 0.9
    assert checked("pattern_discovered", {"pattern": "p", "confidence": 1}).model_dump()["confidence"] == 1
