"""A round trip through our own lines loses nothing."""

import json
from pathlib import Path

import pytest

from orchestrion.cli.carrying import exported
from orchestrion.cli.wiring import home_of
from orchestrion.domain.bodies import whole
from orchestrion.domain.errors import NotFound
from orchestrion.eventstore import open_log, secret_redactor
from orchestrion.ingest import import_paths

SAMPLES = Path(__file__).parent / "samples"


def bring(home: Path, format: str, *paths: Path):
    redactor = secret_redactor(home, {})
    with open_log(home, redactor=redactor) as log:
        return import_paths(log, redactor, format, paths).as_json()


def stored(home: Path, but: str = ""):
    with open_log(home) as log:
        rows = {(row[1], row[2], row[3], bytes(row[5])) for row in log.rows(after=0, limit=100_000)}
    return {row for row in rows if row[0] != but}


@pytest.fixture
def home(tmp_path):
    """A home with many sessions, one of which holds a large body and text that is no UTF-8."""
    path = tmp_path / "one"
    path.mkdir()
    lines = (SAMPLES / "pi.jsonl").read_text().splitlines()
    said = {"role": "user", "content": [{"type": "text", "text": "\u00e4\ud800 " + "Many tills. " * 2000}]}
    lines.append(json.dumps({"type": "message", "timestamp": "2026-03-01T09:01:00Z", "message": said}))
    large = tmp_path / "large.jsonl"
    large.write_bytes("\n".join(lines).replace("314159-1", "314159-2").encode() + b'\n{"torn": "\xff\n')
    bring(path, "auto", large, *sorted(each for each in SAMPLES.iterdir() if each.stem != "orchestrion"))
    return path


def test_every_event_and_every_body_is_in_its_place_again(home, tmp_path):
    file, other = tmp_path / "log.jsonl", tmp_path / "two"
    other.mkdir()
    assert exported(home_of(home), None, file) == 0
    report = bring(other, "auto", file)
    row = report["ledger"][0]
    assert (row["ignored"], row["unparseable"], row["conflicts"]) == (0, 0, 0)
    with open_log(other) as log:
        ledgers = [name for name in log.streams("import-") if name.endswith("/orchestrion")]
        assert len(ledgers) == 1
        assert log.verify().ok
        records = list(log.read())
        texts = [whole(record.event, log.blob) for record in records if record.event.kind == "message.sent"]
        assert any(len(event.payload["text"]) > 20_000 for event in texts if "text" in event.payload)
    assert stored(other, but=ledgers[0]) == stored(home)
    assert bring(other, "auto", file)["events_appended"] == 0


def test_what_is_exported_from_a_home_adds_nothing_to_it_but_the_ledger(home, tmp_path):
    exported(home_of(home), None, tmp_path / "log.jsonl")
    report = bring(home, "orchestrion", tmp_path / "log.jsonl")
    assert report["events_appended"] == 1
    assert report["ledger"][0]["conflicts"] == 0


def test_one_session_is_exported_with_the_import_that_brought_it(home, tmp_path):
    file = tmp_path / "one.jsonl"
    exported(home_of(home), "314159-1", file)
    events = [each for each in map(json.loads, file.read_text().splitlines()) if each["type"] == "orchestrion.event"]
    assert {each["state"].get("session") for each in events} == {"314159-1", None}
    assert sum(each["kind"] == "import.completed" for each in events) == 1


def test_an_unknown_session_is_refused(home, tmp_path):
    with pytest.raises(NotFound, match="no session begins"):
        exported(home_of(home), "nobody", tmp_path / "none.jsonl")


def test_a_body_that_is_not_what_its_name_says_is_not_taken(home, tmp_path):
    file, other = tmp_path / "log.jsonl", tmp_path / "two"
    other.mkdir()
    exported(home_of(home), None, file)
    file.write_bytes(file.read_bytes().replace(b"Many tills.", b"Some tills."))
    report = bring(other, "orchestrion", file)
    assert report["ledger"][0]["rules"]["body-damaged"] >= 1
