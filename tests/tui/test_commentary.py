"""The commentary tells an event in words that say what it was about."""

import json

import pytest

from orchestrion.tui.commentary import told


def row(kind: str, data: object, **known: object) -> dict[str, object]:
    return {"kind": kind, "agent": "tester", "data": json.dumps(data), **known}


def test_a_delivery_names_whose_message_of_what_type_it_was() -> None:
    known = {"sender": "auditor", "message_type": "finding_report"}
    assert told(row("message.delivered", {"message": "m1", "recipient": "tester"}, **known)) == (
        "· tester gets auditor's finding_report"
    )
    assert told(row("message.expired", {"message": "m1", "recipient": "tester", "reason": "too late"}, **known)) == (
        "✗ tester never gets auditor's finding_report: too late"
    )


def test_a_delivery_whose_message_is_not_known_names_its_id() -> None:
    assert told(row("message.acknowledged", {"message": "m1", "recipient": "tester"})) == "· tester takes note of m1"


def test_a_command_is_one_line_without_the_folders_of_the_machine() -> None:
    params = {"command": ["/somewhere/bin/python", "-m", "pytest", "/somewhere/else/tests"]}
    assert told(row("tool.called", {"tool": "pytest", "params": params})) == (
        "→ tester calls pytest $ …/python -m pytest …/tests"
    )


@pytest.mark.parametrize("params", [{"path": "a.py"}, {"command": "ls /etc"}])
def test_other_parameters_are_told_by_name(params: dict[str, str]) -> None:
    ((name, value),) = params.items()
    assert told(row("tool.called", {"tool": "Read", "params": params})).endswith(f"Read {name}: {value}")


def test_the_conductors_own_facts_are_told_too() -> None:
    assert told(row("process.started", {"pid": 7})) == "· tester's call runs as process 7"
    assert told(row("lease.taken", {"pid": 7})) == "· a conductor holds the session (process 7)"
