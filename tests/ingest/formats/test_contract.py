"""What every format owes: each line accounted for, nothing told twice, any rubbish survived, growth told once."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.eventstore.redaction import SecretRedactor
from orchestrion.ingest import AUTO, FORMATS, import_paths
from orchestrion.ingest.formats import OfDocuments
from orchestrion.ingest.recognising import recognise

SAMPLES = sorted((Path(__file__).parent / "samples").iterdir())
FOLDER = Path(__file__).resolve().parents[4] / "shared" / "sessions"
RECORDINGS = sorted(path.name for path in FOLDER.glob("*") if path.is_dir()) if FOLDER.is_dir() else []
WITHOUT_SESSIONS = ("agent-definitions", "claude-hooks")
REDACTOR = SecretRedactor(b"k" * 32, {})
JUNK = [None, True, -1, 2**70, 1.5, "", "\ud800", "\0", "x" * 300, [], [1], {}, {"a": []}, [{"type": 3}], "{", "[1]"]


def format_of(sample: Path) -> str:
    return next(name for name in sorted(FORMATS, key=len, reverse=True) if sample.stem.startswith(name))


def brought(name: str, *paths: Path, log: MemoryLog | None = None) -> tuple[MemoryLog, dict[str, Any]]:
    log = log or MemoryLog(REDACTOR)
    report = import_paths(log, REDACTOR, name, paths).as_json()
    assert all(
        row["recorded"] + row["duplicates"] + row["ignored"] + row["unparseable"] == row["lines"]
        for row in [report, *report["ledger"]]
    )
    return log, report


def facts(log: MemoryLog) -> set[tuple[Any, ...]]:
    return {(row[1], row[2], row[5]) for row in log.rows(after=0, limit=1_000_000) if row[3] != "import.completed"}


samples = pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.name)


def test_every_format_has_a_sample():
    assert {format_of(sample) for sample in SAMPLES} == set(FORMATS)


@samples
def test_a_sample_is_recognised_by_its_content_alone(sample, tmp_path):
    copied = tmp_path / "thing"
    copied.write_bytes(sample.read_bytes())
    found = recognise(copied)
    assert found is not None
    assert found.name == format_of(sample)


@samples
def test_a_sample_is_accounted_for_and_importing_it_again_adds_nothing(sample):
    log, report = brought(format_of(sample), sample)
    row = report["ledger"][0]
    assert row["recorded"] > 0
    assert (row["unparseable"], row["conflicts"]) == (0, 0)
    assert row["sessions"]
    before = facts(log)
    _, again = brought(format_of(sample), sample, log=log)
    assert again["events_appended"] == 0
    assert facts(log) == before


@samples
def test_what_a_reader_tells_does_not_depend_on_what_comes_later(sample):
    importer = FORMATS[format_of(sample)]
    raw = sample.read_bytes()
    if sample.suffix == ".jsonl":
        values = [json.loads(line) for line in raw.splitlines()]
    else:
        assert isinstance(importer, OfDocuments)
        values = list(importer.parts(json.loads(raw)) or ())
    whole: list[Any] = []
    reader, told = importer.reader(), []
    for value in values:
        reader.read(copy.deepcopy(value), whole)
        told.append(len(whole))
    for cut, length in enumerate(told, 1):
        part: list[Any] = []
        reader = importer.reader()
        for value in values[:cut]:
            reader.read(copy.deepcopy(value), part)
        assert part == whole[:length]
    assert len({(fact.stream, fact.version) for fact in whole}) == len(whole), "a place is claimed twice"


@pytest.mark.parametrize("sample", [s for s in SAMPLES if s.suffix == ".jsonl"], ids=lambda path: path.name)
def test_a_file_that_grows_tells_in_the_end_what_it_tells_at_once(sample, tmp_path):
    lines = sample.read_bytes().splitlines(keepends=True)
    at_once, _ = brought(format_of(sample), sample)
    growing, path = MemoryLog(REDACTOR), tmp_path / sample.name
    for cut in range(1, len(lines) + 1):
        half = lines[cut] if cut < len(lines) else b""
        path.write_bytes(b"".join(lines[:cut]) + half[: len(half) // 2])
        brought(format_of(sample), path, log=growing)
    assert facts(growing) == facts(at_once)


@samples
def test_rubbish_in_any_place_never_stops_an_import(sample, tmp_path):
    chance = random.Random(7)  # noqa: S311 - no secret: the same rubbish each time
    name, path = format_of(sample), tmp_path / sample.name
    raw = sample.read_bytes()
    is_lines = sample.suffix == ".jsonl"
    for _ in range(60):
        values = [json.loads(line) for line in raw.splitlines()] if is_lines else json.loads(raw)
        for _ in range(chance.randint(1, 6)):
            spoil(values, chance)
        text = "\n".join(map(json.dumps, values)) if is_lines else json.dumps(values)
        path.write_text(text)
        log, _ = brought(name, path)
        assert brought(name, path, log=log)[1]["events_appended"] == 0
    for cut in range(0, len(raw), max(1, len(raw) // 15)):
        path.write_bytes(raw[:cut] + b"\xff\x00{" + raw[cut:][:50])
        brought(name, path)


def spoil(value: Any, chance: random.Random) -> None:
    """Put rubbish in one place somewhere below `value`."""
    while isinstance(value, dict | list) and value:
        key = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        if not isinstance(value[key], dict | list) or not value[key] or chance.random() < 0.25:
            value[key] = copy.deepcopy(chance.choice(JUNK))
            return
        value = value[key]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_file_of_something_else_is_ignored_line_by_line(name, tmp_path):
    other = next(sample for sample in SAMPLES if format_of(sample) not in (name, "traces"))
    _, report = brought(name, other)
    row = report["ledger"][0]
    assert row["lines"] > 0
    nothing = tmp_path / "empty.jsonl"
    nothing.write_bytes(b"")
    assert "no session" in brought(name, nothing)[1]["ledger"][0]["note"]


@pytest.mark.parametrize("before", [0, 1])
def test_a_session_is_recognised_however_long_its_first_lines_are(tmp_path, before):
    path = tmp_path / "long.jsonl"
    said = {"type": "user", "uuid": "u1", "sessionId": "s1", "timestamp": "2026-03-01T09:00:00Z"}
    long = {**said, "message": {"role": "user", "content": "x" * (3 * 2**20)}}
    path.write_text("{}\n" * before + json.dumps(long) + "\n")
    found = recognise(path)
    assert found is not None
    assert found.name == "claude-code"


def test_auto_names_and_skips_what_is_no_session(tmp_path):
    (tmp_path / "README.md").write_text("# hello\n")
    (tmp_path / "package.json").write_text('{"name": "shop", "version": "1"}')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\0\0")
    (tmp_path / "session.txt").write_bytes((Path(__file__).parent / "samples" / "pi.jsonl").read_bytes())
    _, report = brought(AUTO, tmp_path)
    notes = {Path(row["path"]).name: row.get("note") for row in report["ledger"]}
    assert report["files"] == 1
    assert notes.pop("session.txt") is None
    assert set(notes) == {"README.md", "package.json", "picture.png"}
    assert all("skipped" in (note or "") for note in notes.values())


def test_a_file_or_folder_without_sessions_is_told_in_a_true_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.json").write_text("[]\n")
    (tmp_path / "other.jsonl").write_text('{"type": "queue-operation", "sessionId": "s1"}\n')

    def note(name: str, path: str) -> str:
        return brought(name, tmp_path / path)[1]["ledger"][0]["note"]

    assert note(AUTO, "empty") == f"{tmp_path}/empty holds no session: there is no file in it"
    assert note("codex", "empty") == f"{tmp_path}/empty holds no session: no file in it ends with .jsonl"
    assert note("gemini", "list.json") == "one JSON document, but none of this format: no session"
    assert note("codex", "list.json") == "one JSON document, not one object a line: no session"
    assert note("codex", "other.jsonl") == "no session in it: every line is ignored"


@pytest.mark.skipif(not RECORDINGS, reason=f"no recordings beside the checkout: {FOLDER} is not there")
@pytest.mark.parametrize("folder", RECORDINGS)
def test_every_folder_of_recordings_imports_and_again_adds_nothing(folder):
    log, report = brought(AUTO, FOLDER / folder)
    if folder.startswith(WITHOUT_SESSIONS):
        assert report["files"] == 0
        assert all("skipped" in row["note"] for row in report["ledger"])
        return
    assert report["recorded"] > 0
    assert all(row["conflicts"] == 0 for row in report["ledger"])
    assert brought(AUTO, FOLDER / folder, log=log)[1]["events_appended"] == 0
