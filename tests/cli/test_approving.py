"""What waits for a person's word is listed, and answered, by the commands; an agent's process is refused."""

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log

RUN = "ses_9/fixer-1"
ASKED = {"source": "conductor", "session": "ses_9", "run": RUN, "agent": "fixer"}


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    log = open_log(folder)
    call = f"{RUN}/1"
    log.observe(
        [
            witnessed(e.SessionStarted(source="conductor", session="ses_9", product="orchestrion", request="Fix it")),
            witnessed(e.AgentStarted(**ASKED, task="Fix it")),
            witnessed(
                e.ApprovalRequested(
                    **ASKED, approval=call, call=call, tool="run_command", params={"command": ["make", "\x1b]0;x\x07"]}
                )
            ),
        ]
    )
    log.close()
    return folder


def test_a_person_lists_denies_and_is_told_it_is_done(speak, home) -> None:
    listed = speak("approvals", "--home", home, "--format", "json").json
    assert [(row["approval"], row["tool"], row["status"]) for row in listed] == [(f"{RUN}/1", "run_command", "open")]
    assert "\x1b" not in speak("approvals", "--home", home).out
    assert speak("sessions", "--home", home, "--format", "json").json[0]["status"] == "waiting"
    assert speak("agents", "--home", home, "--format", "json").json[0]["status"] == "waiting"
    said = speak("deny", "fixer-1/1", "--reason", "not here", "--home", home, "--format", "json")
    assert (said.code, said.json["verdict"], said.json["reason"]) == (0, "denied", "not here")
    assert speak("approvals", "--home", home, "--format", "json").json == []
    (row,) = speak("approvals", "--all", "--home", home, "--format", "json").json
    assert (row["status"], row["answer"]) == ("denied", "not here")
    again = speak("approve", "last", "--home", home)
    assert (again.code, again.out) == (3, "")
    assert speak("approve", "fixer-1/1", "--home", home).code == 5


def test_the_process_of_a_run_approves_nothing(program, home, monkeypatch) -> None:
    monkeypatch.setenv("ORCHESTRION_RUN", RUN)
    said = program("approve", "last", "--home", home)
    assert said.code == 5
    assert "only a person approves" in said.err
    monkeypatch.delenv("ORCHESTRION_RUN")
    assert program("approve", "last", "--home", home).code == 0
