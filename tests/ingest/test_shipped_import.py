"""Everything through `orchestrion import` as it is shipped: all recordings twice, and every kind of bad input."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrion.eventstore import open_log
from orchestrion.projections import Store

COMMAND = [sys.executable, "-P", "-m", "orchestrion.cli.entry"]
TABLES = ("sessions", "agent_runs", "tool_calls", "messages", "handoffs", "usage", "incidents", "imports")


def imported(home: Path, format: str, *paths: Path) -> dict[str, Any]:
    run = [*COMMAND, "import", format, *map(str, paths), "--home", str(home), "--format", "json"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert isinstance(report, dict)
    for row in [report, *report["ledger"]]:
        assert row["recorded"] + row["duplicates"] + row["ignored"] + row["unparseable"] == row["lines"]
    return report


def tables(home: Path) -> dict[str, list[str]]:
    """All that the tables say, but for where it stands in the log."""
    said = "COLUMNS(lambda name: name NOT IN ('position', 'events'))"
    with open_log(home) as log, Store(log, home / "tests") as store:
        assert log.verify().ok
        store.catch_up()
        return {name: sorted(map(repr, store.query(f"SELECT {said} FROM {name}").rows)) for name in TABLES}  # noqa: S608


def rows(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with open_log(home) as log, Store(log, home / "tests") as store:
        store.catch_up()
        return store.query(sql).rows


def test_all_recordings_import_twice_with_identical_tables_and_ledgers_to_the_line(
    recordings: Path, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    report = imported(home, "auto", recordings)
    before = tables(home)
    assert [row["path"] for row in report["ledger"] if row["conflicts"]] == []
    assert report["unparseable"] == 0
    by_lines = [row for row in report["ledger"] if row["path"].endswith(".jsonl") and row["lines"] > 1]
    for row in by_lines:
        raw = Path(row["path"]).read_bytes()
        if raw.startswith(b"{\n"):
            continue  # one document under a wrong name: its parts are counted
        assert row["lines"] == raw.count(b"\n") + (not raw.endswith(b"\n")), row["path"]
    assert len(by_lines) > 40
    assert all("skipped" in row["note"] for row in report["ledger"] if row["lines"] == 0)
    folders = {Path(row["path"]).relative_to(recordings).parts[0] for row in report["ledger"] if row["recorded"]}
    without = {path.name for path in recordings.iterdir() if path.is_dir()} - folders
    assert all(name.startswith(("agent-definitions", "claude-hooks")) for name in without)
    again = imported(home, "auto", recordings)
    assert again["events_appended"] == 0
    assert tables(home) == before


@pytest.fixture
def lines(transcript: Any) -> list[bytes]:
    """A small session of our own, line by line."""
    transcript.user("what is here?")
    transcript.call("toolu_1", "Bash", command="ls")
    transcript.result("toolu_1", "shop.py")
    transcript.assistant("a shop")
    return [json.dumps(line).encode() for line in transcript.lines]


def test_every_kind_of_bad_input_is_accounted_for_and_told_once(tmp_path: Path, lines: list[bytes]) -> None:
    folder, home = tmp_path / "sessions", tmp_path / "home"
    folder.mkdir()

    def own(name: str) -> list[bytes]:
        """The session again, under ids of its own."""
        return [
            line.replace(b"5e551011-0000", name.encode()).replace(b"toolu_1", b"toolu_" + name.encode())
            for line in lines
        ]

    def made(name: str, parts: list[bytes], end: bytes = b"\n") -> None:
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(parts) + end)

    one = own("glued")
    made("glued", [one[0] + one[1], one[2], one[3]])
    (folder / "document.jsonl").write_text(json.dumps(list(map(json.loads, own("document"))), indent=1))
    made("endless", own("endless"), b"")
    made("torn", [*own("torn"), own("torn")[3][:50]], b"")
    made("bytes", [*own("bytes")[:3], own("bytes")[3].replace(b"a shop", b"a \xff\xfe shop")])
    long = json.loads(own("long")[2])
    long["message"]["content"][0]["content"] = "x" * 20_000_000
    made("long", [*own("long")[:2], json.dumps(long).encode(), own("long")[3]])
    backwards = own("backwards")
    backwards[2] = backwards[2].replace(b"2026-03-01", b"2020-03-01")
    backwards[3] = backwards[3].replace(b"2026-03-01T09:00:03.000Z", b"[trimmed for fixture]")
    made("backwards", backwards)
    dangling = own("dangling")
    dangling[3] = dangling[3].replace(b'"parentUuid": "dangling-2"', b'"parentUuid": "nobody"')
    assert b"nobody" in dangling[3]
    made("dangling", dangling)
    made("unanswered", own("unanswered")[:2])
    made("names", [each.replace(b'"Bash"', rb'"Task\" >\n<parameter name=\"x"') for each in own("names")])
    made("same", own("same"))
    made("same-again", own("same"))
    made("deep", [*own("deep"), b'{"type": "user", "message": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001])
    made("nul", [*own("nul")[:2], b"\0\0\0", *own("nul")[2:]])
    made("empty", [])
    (folder / "bomb.jsonl").write_bytes(gzip.compress(bytes(50_000_000)))
    (folder / "bomb.jsonl.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    report = imported(home, "claude-code", folder)
    found = {Path(row["path"]).stem: row for row in report["ledger"]}
    assert "bomb.jsonl" not in found  # no name of a session
    whole = ("glued", "endless", "bytes", "long", "backwards", "dangling", "unanswered", "names", "same")
    assert all((found[name]["unparseable"], found[name]["recorded"]) == (0, found[name]["lines"]) for name in whole)
    assert (found["torn"]["recorded"], found["torn"]["unparseable"], found["torn"]["bad_lines"]) == (4, 1, [5])
    assert (found["deep"]["recorded"], found["deep"]["unparseable"]) == (4, 1)
    assert (found["nul"]["recorded"], found["nul"]["unparseable"]) == (4, 1)
    assert found["document"]["rules"] == {"json-document": found["document"]["lines"]}
    assert found["bomb"]["recorded"] == 0
    assert min(found[name]["events_appended"] for name in ("same", "same-again")) == 0
    assert "no session" in found["empty"]["note"]
    calls = dict(rows(home, "SELECT session, status FROM tool_calls"))
    sessions = {*whole, "torn", "deep", "nul"}
    assert calls == {name: "unresolved" if name == "unanswered" else "ok" for name in sessions}
    assert rows(home, "SELECT count(*), max(length(tool)) FROM tool_calls WHERE session = 'names'") == [(1, 26)]
    before = tables(home)
    assert imported(home, "claude-code", folder)["events_appended"] == 0
    assert tables(home) == before


def test_a_file_that_shrinks_or_is_replaced_keeps_what_was_told_and_adds_what_is_new(
    tmp_path: Path, lines: list[bytes]
) -> None:
    home, file = tmp_path / "home", tmp_path / "session.jsonl"
    file.write_bytes(b"\n".join(lines) + b"\n")
    imported(home, "claude-code", file)
    before = tables(home)["tool_calls"]
    file.write_bytes(b"\n".join(lines[:2]) + b"\n")
    assert imported(home, "claude-code", file)["ledger"][0]["lines"] == 2
    assert tables(home)["tool_calls"] == before
    other = tmp_path / "other"
    other.write_bytes(b"\n".join(line.replace(b"5e551011-0000", b"another") for line in lines))
    other.replace(file)
    assert imported(home, "claude-code", file)["recorded"] == 4
    assert rows(home, "SELECT count(*) FROM sessions") == [(2,)]


def test_our_own_lines_go_to_another_home_and_back_without_a_difference(tmp_path: Path, lines: list[bytes]) -> None:
    first, second, file = tmp_path / "first", tmp_path / "second", tmp_path / "out.jsonl"
    (tmp_path / "session.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    imported(first, "claude-code", tmp_path / "session.jsonl")
    for source, target in ((first, second), (second, first)):
        run = [*COMMAND, "export", "--output", str(file), "--home", str(source)]
        assert subprocess.run(run, capture_output=True, timeout=120, check=False).returncode == 0
        report = imported(target, "auto", file)
        assert report["ledger"][0]["conflicts"] == 0
        assert {**tables(first), "imports": []} == {**tables(second), "imports": []}
