"""Exports for other tools: what is written is what the views hold, and OCEL keeps the standard's rules."""

import csv
import json
import stat
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log
from orchestrion.projections import VIEWS

TYPES = {"string": str, "integer": int, "float": float, "boolean": bool, "time": str}


def test_a_view_is_the_same_in_every_form(program, speak, told, tmp_path: Path) -> None:
    rows = speak("sql", "SELECT call, tool, status, error FROM tool_calls ORDER BY position", "--home", told,
                 "--format", "json").json  # fmt: skip
    lines = program("export", "--view", "tool_calls", "--home", told)
    assert lines.code == 0, lines.err
    assert [{n: row[n] for n in rows[0]} for row in map(json.loads, lines.out.splitlines())] == rows
    assert isinstance(json.loads(lines.out.splitlines()[0])["params"], dict)
    table, file = tmp_path / "calls.csv", tmp_path / "calls.parquet"
    assert speak("export", "--view", "tool_calls", "--as", "csv", "-o", table, "--home", told).code == 0
    with table.open(newline="") as opened:
        assert [row["call"] for row in csv.DictReader(opened)] == [row["call"] for row in rows]
    said = speak("export", "--view", "tool_calls", "--as", "parquet", "-o", file, "--home", told)
    assert said.code == 0, said.err
    assert "4 rows of tool_calls" in said.err
    found = duckdb.connect().execute("SELECT call, tool, status, error FROM read_parquet(?)", [str(file)]).fetchall()
    assert found == [tuple(row.values()) for row in rows]
    assert stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(table.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_every_view_can_be_written_as_parquet_also_of_an_empty_log(speak, told, tmp_path: Path) -> None:
    open_log(tmp_path / "empty").close()
    for view in ("events", "usage", "sessions", "agent_runs", "patterns", "prices", "now"):
        assert view in {v.name for v in VIEWS}
        for home in (told, tmp_path / "empty"):
            said = speak("export", "--view", view, "--as", "parquet", "-o", tmp_path / "x.parquet", "--home", home)
            assert said.code == 0, said.err
    ocel = speak("export", "--as", "ocel", "--home", tmp_path / "empty")
    assert json.loads(ocel.out)["events"] == []


def test_the_whole_log_one_session_and_the_past(speak, told, tmp_path: Path) -> None:
    file = tmp_path / "log.parquet"
    assert speak("export", "--as", "parquet", "-o", file, "--home", told).code == 0
    count = duckdb.connect().execute(f"SELECT count(*), max(position) FROM '{file}'").fetchall()  # noqa: S608
    assert count == [(34, 34)]
    one = speak("export", "ses_b", "--view", "messages", "--home", told).out.splitlines()
    assert {json.loads(line)["session"] for line in one} == {"ses_beta"}
    assert len(speak("export", "--view", "events", "--at", "5", "--home", told).out.splitlines()) == 5
    assert speak("export", "--as", "csv", "--home", told).out.splitlines()[0].startswith("position,stream")


def events_of(home: Path) -> list[tuple[Any, ...]]:
    """Place, kind and state of every event, but for the ledgers of imports."""
    with closing(open_log(home)) as log:
        rows = log.rows(after=0, limit=10_000)
    return [(*row[1:4], row[5]) for row in rows if row[3] != "import.completed"]


@pytest.mark.parametrize("at", [1, 17, 30])
def test_the_log_as_of_a_position_can_be_imported_again(program, speak, told, tmp_path: Path, at: int) -> None:
    file, other = tmp_path / "log.jsonl", tmp_path / "other"
    said = program("export", "--at", at, "-o", file, "--home", told)
    assert (said.code, f"{at} events" in said.err) == (0, True)
    assert program("import", "orchestrion", file, "--home", other).code == 0
    assert events_of(other) == events_of(told)[:at]
    assert program("verify", "--home", other).code == 0
    assert speak("export", "--at", 999, "--home", told).out == speak("export", "--home", told).out


def test_a_session_of_the_whole_log_is_named_as_everywhere(speak, told) -> None:
    whole = speak("export", "ses_beta", "--home", told)
    assert whole.out.splitlines()
    assert speak("export", "last", "--home", told).out == speak("export", "ses_b", "--home", told).out == whole.out
    assert len(speak("export", "last", "--at", "5", "--home", told).out.splitlines()) == 5
    assert '"ses_alpha"' in speak("export", "last", "--at", "5", "--home", told).out


@pytest.mark.parametrize(
    ("words", "code", "told_"),
    [
        (["ses"], 2, "begins 2 sessions"),
        (["nobody"], 3, "no session begins"),
        (["ses_beta", "--at", "5"], 3, "no session begins"),
        (["--otlp", "http://127.0.0.1:1", "--at", "5"], 2, "it goes with no --at"),
        (["--view", "nothing"], 3, "there is no view 'nothing'; there are "),
        (["--view", "sessions; DROP"], 3, "there is no view"),
        (["--as", "parquet"], 2, "name a file with --output"),
        (["--as", "ocel", "--view", "messages"], 2, "not made of one view"),
        (["ses", "--view", "messages"], 2, "begins 2 sessions"),
        (["ses_a", "--view", "tool_stats"], 2, "is not by session"),
        (["none", "--as", "ocel"], 3, "no session begins"),
        (["--as", "csv", "-o", "/nowhere/x.csv"], 1, "cannot be written"),
        (["--as", "parquet", "-o", "/nowhere/x.parquet"], 1, "cannot be written"),
    ],
)
def test_what_cannot_be_written_is_refused(speak, told, words, code: int, told_: str) -> None:
    said = speak("export", *words, "--home", told)
    assert (said.code, said.out) == (code, "")
    assert told_ in said.err


def test_ocel_keeps_the_standards_rules(speak, told, tmp_path: Path) -> None:
    file = tmp_path / "log.json"
    assert speak("export", "--as", "ocel", "-o", file, "--home", told).code == 0
    log = json.loads(file.read_text())
    check_ocel(log)
    assert len(log["events"]) == 34
    called = next(event for event in log["events"] if event["type"] == "tool.called")
    assert {link["qualifier"] for link in called["relationships"]} == {"session", "run", "agent", "call"}
    objects = {item["id"]: item for item in log["objects"]}
    run = objects["run:ses_alpha/a-1"]
    assert {"objectId": "session:ses_alpha", "qualifier": "of session"} in run["relationships"]
    assert {item["type"] for item in log["objects"]} >= {"session", "run", "agent", "tool_call", "message", "handoff"}
    part = json.loads(speak("export", "ses_beta", "--as", "ocel", "--home", told).out)
    check_ocel(part)
    assert 0 < len(part["events"]) < 34
    assert "session:ses_alpha" not in {item["id"] for item in part["objects"]}


def test_ocel_says_which_events_have_no_time_of_their_own(program, tmp_path: Path) -> None:
    home, file = tmp_path / "home", tmp_path / "log.json"
    about: dict[str, Any] = {
        "source": "transcript",
        "session": "s",
        "sender": "a",
        "recipient": "b",
        "type": "response",
    }
    dated = e.MessageSent(**about, message="m1", payload={"text": "now"}, happened_at=datetime(2026, 3, 1, tzinfo=UTC))
    undated = e.MessageSent(**about, message="m2", payload={"text": "whenever"})
    with closing(open_log(home)) as log:
        log.observe([witnessed(dated), witnessed(undated)])
    said = program("export", "--as", "ocel", "-o", file, "--home", home)
    assert (said.code, "1 events have no time of their own" in said.err) == (0, True)
    log = json.loads(file.read_text())
    check_ocel(log)
    told = [{a["name"]: a["value"] for a in event["attributes"]}["time_of"] for event in log["events"]]
    assert told == ["happening", "recording"]
    assert log["events"][0]["time"] == "2026-03-01T00:00:00.000Z"


def test_ocel_of_hostile_text_is_still_ocel(speak, poisoned) -> None:
    check_ocel(json.loads(speak("export", "--as", "ocel", "--home", poisoned).out))


def check_ocel(log: dict[str, Any]) -> None:
    """The rules of the OCEL 2.0 JSON schema, and the references that it cannot express."""
    assert log.keys() == {"objectTypes", "eventTypes", "objects", "events"}
    types = {kind: {t["name"]: {a["name"]: a["type"] for a in t["attributes"]} for t in log[f"{kind}Types"]}
             for kind in ("object", "event")}  # fmt: skip
    assert all(
        value in TYPES for kind in types.values() for attributes in kind.values() for value in attributes.values()
    )
    ids = [item["id"] for item in log["objects"]]
    assert len(ids) == len(set(ids)), "ids of objects are unique over all types"
    assert len({event["id"] for event in log["events"]}) == len(log["events"])
    for event in log["events"]:
        assert event.keys() == {"id", "type", "time", "attributes", "relationships"}
        moment(event["time"])
        check(event, types["event"], set(ids), timed=False)
    for item in log["objects"]:
        assert item.keys() == {"id", "type", "attributes", "relationships"}
        check(item, types["object"], set(ids), timed=True)


def check(item: dict[str, Any], types: dict[str, dict[str, str]], ids: set[str], *, timed: bool) -> None:
    declared = types[item["type"]]
    for attribute in item["attributes"]:
        assert attribute.keys() == ({"name", "time", "value"} if timed else {"name", "value"})
        assert isinstance(attribute["value"], TYPES[declared[attribute["name"]]])
        if timed:
            moment(attribute["time"])
    for link in item["relationships"]:
        assert link.keys() == {"objectId", "qualifier"}
        assert link["objectId"] in ids
        assert isinstance(link["qualifier"], str)


def moment(text: str) -> None:
    assert text.endswith("Z")
    datetime.fromisoformat(text)
