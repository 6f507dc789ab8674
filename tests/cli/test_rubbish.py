"""What nobody would write on purpose: one value, file or option never takes the rest with it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

GOOD = {
    "type": "assistant", "uuid": "u1", "sessionId": "good", "version": "2.1.0", "cwd": "/p", "isSidechain": False,
    "timestamp": "2026-01-30T10:00:00.000Z",
    "message": {"role": "assistant", "id": "m1", "model": "x", "content": [{"type": "text", "text": "Done."}]},
}  # fmt: skip
CLI = [sys.executable, "-P", "-m", "orchestrion.cli.main"]


def sessions(speak: Any, home: Path) -> list[str]:
    return [row["session"] for row in speak("sessions", "--home", home, "--format", "json").json]


@pytest.mark.parametrize(
    ("form", "name", "bad"),
    [
        ("claude-code", "m.jsonl", json.dumps({**GOOD, "uuid": "\ud800", "sessionId": "odd"})),
        ("auto", "m.jsonl", '{"type": ["x"], "leafUuid": 1}'),
        ("auto", "m.jsonl", '{"type": {"a": 1}, "messageId": 2}'),
    ],
)
def test_a_value_of_a_strange_shape_does_not_keep_the_next_file_from_being_imported(
    speak: Any, tmp_path: Path, form: str, name: str, bad: str
) -> None:
    folder = tmp_path / "sessions"
    folder.mkdir()
    (folder / name).write_text(bad + "\n")
    (folder / "z.jsonl").write_text(json.dumps(GOOD) + "\n")
    home = tmp_path / "home"
    for _ in range(2):
        said = speak("import", form, folder, "--home", home)
        assert "unexpected" not in said.err
        assert "good" in sessions(speak, home)


def test_a_pipe_in_a_folder_is_passed_over(speak: Any, tmp_path: Path) -> None:
    folder, team = tmp_path / "sessions", tmp_path / "team"
    folder.mkdir()
    team.mkdir()
    (folder / "good.jsonl").write_text(json.dumps(GOOD) + "\n")
    os.mkfifo(folder / "p.jsonl")
    os.mkfifo(team / "p.md")
    said = speak("import", "claude-code", folder, "--home", tmp_path / "home")
    assert "neither a file nor a folder: skipped" in said.out + said.err
    assert sessions(speak, tmp_path / "home") == ["good"]
    assert "p.md" not in speak("agents", "check", team).out


def test_tokens_that_nobody_can_have_used_are_not_counted(speak: Any, tmp_path: Path) -> None:
    for number in range(3):
        usage = {"input_tokens": 2**63 - 1, "output_tokens": 2**63 - 1}
        message = {**GOOD["message"], "id": f"m{number}", "usage": usage}  # type: ignore[dict-item]
        line = {**GOOD, "uuid": f"u{number}", "sessionId": f"s{number}", "message": message}
        (tmp_path / f"{number}.jsonl").write_text(json.dumps(line) + "\n")
    home = tmp_path / "home"
    assert speak("import", "claude-code", tmp_path, "--home", home).code == 0
    assert speak("rebuild", "--prove", "--home", home).code == 0
    assert speak("export", "--view", "agent_stats", "--home", home).code == 0


def test_a_line_that_is_torn_in_one_copy_counts_once_with_the_other(speak: Any, tmp_path: Path) -> None:
    said = [{"type": "session_meta", "payload": {"id": "t", "cwd": "/p"}}]
    said += [{"type": "event_msg", "payload": {"type": "agent_message", "message": f"step {n}"}} for n in range(4)]
    lines = [json.dumps({"timestamp": f"2026-01-30T10:00:0{n}Z", **each}) for n, each in enumerate(said)]
    whole, torn = tmp_path / "whole.jsonl", tmp_path / "torn.jsonl"
    whole.write_text("\n".join(lines) + "\n")
    torn.write_text("\n".join([*lines[:2], lines[2][:40], *lines[3:]]) + "\n")
    home = tmp_path / "home"
    for path in (torn, whole):
        assert speak("import", "codex", path, "--home", home).code == 0
    assert speak("sessions", "--home", home, "--format", "json").json[0]["messages"] == 4


@pytest.mark.parametrize("option", ["--timeout", "--session-timeout"])
def test_a_time_without_end_is_refused(speak: Any, option: str) -> None:
    said = speak("run", option, "inf", "--dry-run", "fix security")
    assert said.code == 2
    assert option in said.err


def test_front_matter_that_is_nested_without_end_is_named(speak: Any, tmp_path: Path) -> None:
    (tmp_path / "deep.md").write_text(f"---\nname: deep\ndescription: {'[' * 5000}\n---\n")
    (tmp_path / "fine.md").write_text("---\nname: fine\ndescription: well\n---\nDo it.\n")
    said = speak("agents", "check", tmp_path)
    assert said.code == 2
    assert "deep.md:2: the front matter is nested too deeply" in said.out + said.err
    assert "fine" in said.out


def test_who_closes_the_pipe_or_standard_output_is_told_nothing(speak: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    lines = [json.dumps({**GOOD, "uuid": f"u{number}"}) for number in range(2000)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    assert speak("import", "claude-code", tmp_path / "a.jsonl", "--home", home).code == 0
    whole = " ".join(CLI)
    for command in (f"{whole} export --home {home} | head -1 >/dev/null; exit ${{PIPESTATUS[0]}}",
                    f"{whole} sessions --home {home} >&-"):  # fmt: skip
        ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
        assert "unexpected" not in ended.stderr
        assert ended.returncode == 0, ended.stderr


def test_an_export_that_fails_leaves_the_file_that_stands_and_a_new_one_is_for_nobody_else(
    speak: Any, tmp_path: Path
) -> None:
    home, kept, fresh = tmp_path / "home", tmp_path / "kept.jsonl", tmp_path / "fresh.jsonl"
    (tmp_path / "a.jsonl").write_text(json.dumps(GOOD) + "\n")
    assert speak("import", "claude-code", tmp_path / "a.jsonl", "--home", home).code == 0
    kept.write_text("precious")
    assert speak("export", "nobody", "--output", kept, "--home", home).code == 3
    assert kept.read_text() == "precious"
    assert speak("export", "good", "--output", fresh, "--home", home).code == 0
    assert fresh.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "words",
    [
        ("export", "ses_alpha"),
        ("export", "ses_alpha", "--as", "parquet"),
        ("export", "--as", "csv", "--view", "messages"),
        ("report", "ses_alpha"),
        ("report", "ses_alpha", "--follow"),
        ("profile", "ses_alpha"),
    ],
    ids=" ".join,
)
def test_what_is_written_goes_through_links_and_into_pipes_and_replaces_neither(
    speak: Any, told: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    target.write_text("old")
    link.symlink_to(target)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for where in (pipe, link):
            assert speak(*words, "--output", where, "--home", told).code == 0
        assert pipe.is_fifo()
        assert link.is_symlink()
        assert os.read(reader, 2**20) == target.read_bytes() != b"old"
    finally:
        os.close(reader)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pipe", "target"]


@pytest.mark.parametrize(
    "words",
    [("export",), ("export", "--as", "parquet"), ("export", "--as", "ocel"), ("report", "last"), ("profile", "last")],
    ids=" ".join,
)
def test_a_file_that_cannot_be_written_is_told_alike_by_every_command(
    speak: Any, told: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    for where, why in ((tmp_path, "Is a directory"), (tmp_path / "no" / "where", "No such file or directory")):
        said = speak(*words, "--output", where, "--home", told)
        assert (said.code, said.out) == (1, "")
        assert said.err.endswith(f"orchestrion: {where} cannot be written: {why}\n")


def test_standard_output_that_is_full_is_told_in_a_sentence(speak: Any, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (tmp_path / "a.jsonl").write_text(json.dumps(GOOD) + "\n")
    assert speak("import", "claude-code", tmp_path / "a.jsonl", "--home", home).code == 0
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*CLI, "export", "--home", home], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert ended.returncode == 1
    assert "standard output cannot be written: No space left on device" in ended.stderr
    assert "unexpected" not in ended.stderr


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["show", b"\xff"], "SESSION"),
        (["export", b"\xff"], "SESSION"),
        (["search", "well", b"f\xe9"], "WORDS"),
        (["ask", "failing-tools", "--calls", b"\xff"], "WORDS"),
        (["sql", b"SELECT '\xff'"], "QUERY"),
        (["agents", "--agent", b"\xff"], "--agent"),
        (["judge", b"\xff", "--quality", "9"], "RUN"),
        (["plan", b"\xff"], "REQUEST"),
    ],
)
def test_bytes_that_are_no_text_are_refused_by_every_command_alike(told: Path, words: list[Any], name: str) -> None:
    done = subprocess.run([*CLI, *words, "--home", told], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().startswith(f"orchestrion: {name} is no UTF-8 text: ")
    assert b"surrogate" not in done.stderr


@pytest.mark.parametrize("words", [("sessions", "--limit"), ("tools", "--at"), ("why",)], ids=" ".join)
def test_a_number_that_nothing_can_hold_is_refused_by_every_command_alike(
    speak: Any, told: Path, words: tuple[str, ...]
) -> None:
    said = speak(*words, "9" * 20, "--home", told)
    assert (said.code, said.out) == (2, "")
    assert f"{'9' * 20} is too large a number" in said.err


def test_a_path_may_be_of_any_bytes(told: Path, tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    done = subprocess.run([*CLI, "export", "--home", told, "-o", folder], capture_output=True, timeout=60, check=False)
    assert (done.returncode, Path(os.fsdecode(folder)).is_file()) == (0, True)
