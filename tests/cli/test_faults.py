"""What goes wrong around us ends in one sentence, the right exit code, and a log that still verifies."""

import ctypes
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

PROGRAM = Path(sys.executable).parent / "orchestrion"
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE = 24, 1
"""linux/prctl.h, linux/capability.h"""
SMALL_DISK_BYTES = 150_000


def one_sentence(err: str) -> bool:
    """Whether it is a refusal of ours and nothing else: short, and no traceback."""
    return err.startswith("orchestrion: ") and err.count("\n") <= 2 and "Traceback" not in err


def copy_of(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(home, tmp_path / "copy"))


def test_a_file_in_the_place_of_the_home_is_refused(speak, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for arguments in (("sessions",), ("status",), ("import", "claude-code", tmp_path)):
        said = speak(*arguments, "--home", tmp_path / "file")
        assert (said.code, said.out) == (8, "")
        assert said.err == (
            f"orchestrion: {tmp_path / 'file'} is no folder, so no log can be in it; choose another with --home\n"
        )


def test_a_home_that_cannot_be_made_is_refused(speak, tmp_path: Path) -> None:
    said = speak("import", "claude-code", tmp_path, "--home", "/proc/nothing")
    assert said.code == 8, said.err
    assert one_sentence(said.err)
    assert "/proc/nothing" in said.err


def without_power() -> None:
    """Give up root's right to write where the file's mode forbids it."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, CAP_DAC_OVERRIDE)


def test_a_read_only_home_can_be_asked_but_not_written(told, tmp_path: Path) -> None:
    home = copy_of(told, tmp_path)
    for place in (home, *home.rglob("*")):
        place.chmod(0o555 if place.is_dir() else 0o444)

    def call(*arguments: object) -> subprocess.CompletedProcess[str]:
        run = [PROGRAM, *map(str, arguments), "--home", home]
        return subprocess.run(run, capture_output=True, text=True, preexec_fn=without_power, timeout=60, check=False)

    try:
        asked = call("sessions", "--format", "csv")
        answered = call("sql", "SELECT count(*) AS n FROM events", "--format", "csv")
        written = call("import", "claude-code", "/etc/hostname")
        verified = call("verify")
    finally:
        home.chmod(0o755)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert "ses_alpha" in asked.stdout
    assert answered.stdout == "n\n34\n"
    assert verified.returncode == 0, verified.stderr
    assert written.returncode == 8, written.stderr
    assert one_sentence(written.stderr)


def test_a_full_disk_stops_an_import_in_one_sentence_and_loses_nothing(speak, tmp_path: Path) -> None:
    home, lines = tmp_path / "home", []
    for number in range(3000):
        text = f"{number} " + os.urandom(120).hex()
        message = f'{{"role":"user","content":"{text}"}}'
        lines.append(
            f'{{"type":"user","uuid":"u{number}","sessionId":"s","timestamp":"2026-01-30T10:00:00.000Z",'
            f'"isSidechain":false,"cwd":"/p","message":{message}}}'
        )
    path = tmp_path / "big.jsonl"
    path.write_text("\n".join(lines) + "\n")

    def small_disk() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL_DISK_BYTES, SMALL_DISK_BYTES))

    done = subprocess.run(
        [PROGRAM, "import", "claude-code", path, "--home", home],
        capture_output=True, text=True, preexec_fn=small_disk, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 8, done.stderr
    assert "Traceback" not in done.stderr
    assert "orchestrion: " in done.stderr
    assert speak("verify", "--home", home).code == 0
    assert speak("import", "claude-code", path, "--home", home).code == 0
    assert speak("sql", "SELECT count(*) AS n FROM messages", "--home", home, "--format", "json").json == [{"n": 3000}]


def test_a_full_standard_output_is_an_error_and_a_closed_one_is_none(told) -> None:
    command = [PROGRAM, "sql", "SELECT * FROM range(100000)", "--home", told, "--format", "csv"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "the disk is full" in done.stderr
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert (child.stderr.read(), child.wait(timeout=60)) == ("", 0)


def test_a_log_of_a_later_version_is_refused(speak, told, tmp_path: Path) -> None:
    home = copy_of(told, tmp_path)
    with sqlite3.connect(home / "log.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        changed = connection.execute("UPDATE log_meta SET value = '999' WHERE key = 'format'").rowcount
    connection.close()
    assert changed == 1
    for arguments in (("sessions",), ("verify",), ("import", "claude-code", tmp_path)):
        said = speak(*arguments, "--home", home)
        assert said.code == 8, said.err
        assert one_sentence(said.err)
        assert "later" in said.err or "newer" in said.err


def test_a_log_that_is_no_database_is_refused(speak, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "log.db").write_bytes(b"this is no database, but it is long enough to be read as one" * 100)
    said = speak("sessions", "--home", home)
    assert said.code in (8, 9)
    assert one_sentence(said.err)


def test_a_damaged_cache_is_set_aside_and_the_answer_is_right(speak, told, tmp_path: Path) -> None:
    home = copy_of(told, tmp_path)
    assert speak("rebuild", "--home", home).code == 0
    snapshots = [path for path in (home / "projections").iterdir() if path.suffix == ".duckdb"]
    assert snapshots
    for path in snapshots:
        path.chmod(0o600)
        path.write_bytes(b"rubbish" * 1000)
    rows = speak("sessions", "--home", home, "--format", "json")
    assert rows.code == 0, rows.err
    assert [row["session"] for row in rows.json] == ["ses_alpha", "ses_beta"]
    assert speak("sql", "SELECT count(*) AS n FROM events", "--home", home, "--format", "json").json == [{"n": 34}]


def test_a_changed_event_is_found_by_verify(speak, told, tmp_path: Path) -> None:
    home = copy_of(told, tmp_path)
    with sqlite3.connect(home / "log.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE stored_events SET state = replace(state, 'Fix', 'Fox') WHERE rowid = 3")
    connection.close()
    said = speak("verify", "--home", home, "--format", "json")
    assert said.code == 9
    assert said.json["ok"] is False
    assert said.json["first_bad_position"] == 3
    assert said.json["problems"]


def test_a_cut_tail_is_found_by_verify(speak, told, tmp_path: Path) -> None:
    home = copy_of(told, tmp_path)
    with sqlite3.connect(home / "log.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("DELETE FROM stored_events WHERE rowid > 30")
    connection.close()
    assert speak("verify", "--home", home).code in (8, 9)


def test_a_report_that_cannot_be_written_says_why(speak, told, tmp_path: Path) -> None:
    said = speak("report", "last", "--home", told, "--output", tmp_path / "no" / "such" / "folder.md")
    assert said.code == 1
    assert one_sentence(said.err)


def test_ctrl_c_while_duckdb_answers_is_no_fault(speak, told, monkeypatch) -> None:
    """DuckDB looks for signals between its tasks, and makes a RuntimeError of what the handler raised."""
    part = "SELECT count(*) FROM range(10_000_000) AS r(i) GROUP BY i % 1000"

    def interrupted(*_: object, **__: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(RuntimeError) as raised:
            duckdb.connect(config={"threads": 1}).execute(" UNION ALL ".join([part] * 50))
        raise raised.value

    monkeypatch.setattr("orchestrion.cli.listing.newest", interrupted)
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        said = speak("sessions", "--home", told)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert (said.code, said.out) == (130, "")
    assert said.err == "orchestrion: stopped by you; what was acknowledged is in the log.\n"


def test_ctrl_c_while_the_program_is_loaded_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise KeyboardInterrupt\n")
    done = subprocess.run(
        [sys.executable, "-m", "orchestrion.cli.entry", "sessions"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_an_unexpected_fault_is_one_sentence_that_says_how_to_see_more(speak, told, monkeypatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by \x1b[31mzero")

    monkeypatch.setattr("orchestrion.cli.listing.newest", broken)
    said = speak("sessions", "--home", told)
    assert said.code == 1
    assert one_sentence(said.err)
    assert "ORCHESTRION_DEBUG=1" in said.err
    assert "\x1b" not in said.err
    monkeypatch.setenv("ORCHESTRION_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        speak("sessions", "--home", told)


def test_a_question_without_end_is_stopped_in_one_sentence(told) -> None:
    query = "SELECT count(*) FROM range(100000000) a, range(100000000) b"
    done = subprocess.run(
        [PROGRAM, "sql", query, "--home", told], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 6
    assert one_sentence(done.stderr)
