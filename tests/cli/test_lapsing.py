"""A session whose machine went down shows as lost by itself, to whoever asks after its lease."""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.eventstore import open_log

SESSION = "ses_gone"
LEASE_SECONDS = 6


def left_behind(home: Path, seconds_ago: float) -> None:
    """What a conductor on a machine that went down leaves: a lease, an open run, a working copy."""
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    about: dict[str, Any] = {"source": "conductor", "session": SESSION, "happened_at": at}
    lease = e.LeaseTaken(**about, holder="hld_1", pid=1, born="long ago", host="a-machine", lease_seconds=LEASE_SECONDS)
    with open_log(home) as log:
        log.observe([
            Fact(f"session-{SESSION}", 1, e.SessionStarted(**about, product="orchestrion", request="x")),
            Fact(f"lease-{SESSION}", 1, lease),
            Fact(f"run-{SESSION}/alpha-1", 1, e.AgentStarted(**about, run=f"{SESSION}/alpha-1", agent="alpha")),
        ])  # fmt: skip
    (home / "workspaces" / SESSION).mkdir(parents=True)


def test_a_session_left_behind_is_lost_once_its_lease_is_over(speak: Any, tmp_path: Path) -> None:
    over = time.monotonic() + LEASE_SECONDS
    left_behind(tmp_path, 0)

    def statuses(*how: object) -> list[str]:
        asked = (speak(name, "--home", tmp_path, *how, "--format", "json") for name in ("sessions", "agents"))
        return [said.json[0]["status"] for said in asked]

    before, asked_in_time = statuses(), time.monotonic() < over
    assert before == ["running", "running"] or not asked_in_time
    time.sleep(max(0, over - time.monotonic()) + 0.1)
    assert statuses() == ["lost", "lost"]
    kinds = speak("sql", "SELECT kind FROM events ORDER BY position", "--home", tmp_path, "--format", "json").json
    assert [row["kind"] for row in kinds].count("lease.lapsed") == 1, "said once, however often it is asked"
    assert statuses("--at", 3) == ["running", "running"], "what could be said then"


def test_a_log_that_can_only_be_read_is_read_all_the_same(speak: Any, tmp_path: Path, monkeypatch: Any) -> None:
    from orchestrion.domain.errors import LogUnavailable
    from orchestrion.eventstore import SQLiteLog

    def refuse(*_: object, **__: object) -> None:
        raise LogUnavailable("read-only")

    left_behind(tmp_path, 60)
    monkeypatch.setattr(SQLiteLog, "append", refuse)
    assert speak("sessions", "--home", tmp_path, "--format", "json").code == 0


def test_who_watches_sees_a_conductor_die_though_nobody_else_comes(tmp_path: Path, monkeypatch: Any) -> None:
    from orchestrion.cli import wiring

    monkeypatch.setattr(wiring, "LAPSES_SECONDS", 0.05)
    home = wiring.Home(tmp_path, "--home")
    left_behind(tmp_path, LEASE_SECONDS - 2)
    with wiring.opened_log(home) as log, wiring.lapses_noted(home, log):
        assert log.head() == 3
        until = time.monotonic() + 60
        while log.head() == 3 and time.monotonic() < until:
            time.sleep(0.05)
        assert [row[3] for row in log.rows(after=3, limit=10)] == ["lease.lapsed"]


def test_a_report_of_a_session_whose_conductor_died_is_not_followed_for_ever(speak: Any, tmp_path: Path) -> None:
    left_behind(tmp_path, 60)
    said = speak("report", SESSION, "--home", tmp_path, "--follow", "--output", tmp_path / "report.md")
    assert said.code == 0
    assert "lost" in (tmp_path / "report.md").read_text()
    assert_not_followed(SESSION, tmp_path)


def test_nor_is_that_of_an_imported_session_that_has_rested_for_long(speak: Any, tmp_path: Path) -> None:
    line = {
        "type": "assistant", "uuid": "u1", "sessionId": "old", "version": "2.1.0", "cwd": "/p", "isSidechain": False,
        "timestamp": "2026-01-30T10:00:00.000Z",
        "message": {"role": "assistant", "id": "m1", "model": "x", "content": [{"type": "text", "text": "Done."}]},
    }  # fmt: skip
    transcript = tmp_path / "old.jsonl"
    transcript.write_text(json.dumps(line) + "\n")
    home = tmp_path / "home"
    assert speak("import", "claude-code", transcript, "--home", home).code == 0
    said = speak("report", "old", "--home", home, "--follow", "--output", tmp_path / "report.md")
    assert said.code == 0
    assert (tmp_path / "report.md").exists()
    assert_not_followed("old", home)


def assert_not_followed(session: str, home: Path) -> None:
    """`log -f` of what is over by all that the log knows says so and ends, as a followed report does."""
    for form in ("text", "jsonl"):
        program = [Path(sys.executable).parent / "orchestrion", "log", session, "-f", "--format", form, "--home", home]
        ended = subprocess.run(program, capture_output=True, text=True, check=True, timeout=60)
        assert ended.stdout
        assert "Following" not in ended.stderr
