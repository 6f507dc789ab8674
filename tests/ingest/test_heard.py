"""What a run of ours hears of a thread of Codex is not told again by the thread's own file, imported or watched."""

import json
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import SQLiteLog, open_log, secret_redactor
from orchestrion.ingest import import_paths
from orchestrion.ingest.following import Follower
from orchestrion.ingest.formats import FORMATS

THREAD = "0d0f6b1e-0000-4000-8000-000000000003"
NOON = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
OURS: dict[str, Any] = {"source": "conductor", "session": "ses_1", "run": "ses_1/coder-1", "agent": "coder"}


@pytest.fixture
def log(tmp_path: Path) -> Iterator[SQLiteLog]:
    with open_log(tmp_path / "home") as opened:
        yield opened


def begins(log: SQLiteLog) -> None:
    """The program is started at noon, and its first line names its thread a second later."""
    call = e.ToolCalled(**OURS, happened_at=NOON, call="ses_1-codex", tool="codex")
    fork = e.SessionForked(
        source="conductor", session=THREAD, happened_at=NOON + timedelta(seconds=1), parent="ses_1", shared=0,
        cause="tool-ses_1-codex@1",
    )  # fmt: skip
    log.observe([witnessed(call), witnessed(fork)])


def ends(log: SQLiteLog) -> None:
    """The program ends a minute after noon."""
    at = NOON + timedelta(minutes=1)
    log.observe([witnessed(e.ToolReturned(**OURS, happened_at=at, call="ses_1-codex", status="ok"))])


def line(seconds: float, kind: str, **payload: Any) -> bytes:
    moment = (NOON + timedelta(seconds=seconds)).isoformat()
    return json.dumps({"timestamp": moment, "type": kind, "payload": payload}).encode() + b"\n"


META = line(0.5, "session_meta", id=THREAD, cwd="/p", cli_version="1")


def said(seconds: float, text: str) -> bytes:
    return line(seconds, "event_msg", type="agent_message", message=text)


def told(log: SQLiteLog) -> list[str]:
    """What the thread's own file added: the texts of its messages."""
    events = [record.event for record in log.read() if isinstance(record, Record)]
    theirs = [event for event in events if event.session == THREAD and event.source != "conductor"]
    return [str(event.payload) for event in theirs if isinstance(event, e.MessageSent)]


def imports(log: SQLiteLog, home: Path, file: Path) -> None:
    import_paths(log, secret_redactor(home, os.environ), "codex", [file])


def test_what_is_written_while_the_run_is_at_work_is_heard_and_later_words_are_read(
    log: SQLiteLog, tmp_path: Path
) -> None:
    file = tmp_path / "rollout.jsonl"
    file.write_bytes(META + said(30, "at work"))
    begins(log)
    imports(log, tmp_path / "home", file)
    assert told(log) == []
    ends(log)
    file.write_bytes(file.read_bytes() + said(120, "a minute later"))
    imports(log, tmp_path / "home", file)
    (message,) = told(log)
    assert "a minute later" in message


def test_what_was_said_before_the_run_took_the_thread_up_is_read(log: SQLiteLog, tmp_path: Path) -> None:
    file = tmp_path / "rollout.jsonl"
    file.write_bytes(
        line(-60, "session_meta", id=THREAD, cwd="/p", cli_version="1") + said(-50, "long before") + said(30, "at work")
    )
    begins(log)
    ends(log)
    imports(log, tmp_path / "home", file)
    (message,) = told(log)
    assert "long before" in message


def test_a_file_that_is_followed_is_asked_about_with_each_growth(log: SQLiteLog, tmp_path: Path) -> None:
    file = tmp_path / "rollout.jsonl"
    follower = Follower(log, secret_redactor(tmp_path / "home", os.environ), FORMATS["codex"], file)
    begins(log)
    for seconds, text in ((20, "at work"), (40, "still at work"), (120, "a minute later")):
        if seconds > 60:
            ends(log)
        with file.open("ab") as stream:
            stream.write((META if seconds == 20 else b"") + said(seconds, text))
        follower.go_on()
    (message,) = told(log)
    assert "a minute later" in message


def test_a_thread_that_no_run_of_ours_started_is_read_whole(log: SQLiteLog, tmp_path: Path) -> None:
    file = tmp_path / "rollout.jsonl"
    file.write_bytes(META + said(30, "somebody else"))
    imports(log, tmp_path / "home", file)
    assert len(told(log)) == 1


def test_a_claim_without_its_call_covers_all_of_the_thread(log: SQLiteLog, tmp_path: Path) -> None:
    fork = e.SessionForked(source="conductor", session=THREAD, happened_at=NOON, parent="ses_1", shared=0)
    log.observe([witnessed(fork)])
    file = tmp_path / "rollout.jsonl"
    file.write_bytes(META + said(30, "at work"))
    imports(log, tmp_path / "home", file)
    assert told(log) == []
