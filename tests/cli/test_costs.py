"""Money on the command line: what was spent by whom, where a price is from, and a home's own prices."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log

PROGRAM = Path(sys.executable).parent / "orchestrion"


def record(home: Path, events: list[e.Event]) -> None:
    log = open_log(home)
    log.observe([witnessed(event) for event in events])
    log.close()


def used(session: str, run: str | None, request: str, model: str, day: int = 1, **tokens: int) -> e.UsageRecorded:
    at = datetime(2026, 3, day, 23, tzinfo=UTC)
    about = {"source": "transcript", "session": session, "run": run, "happened_at": at}
    return e.UsageRecorded(request_id=request, model=model, **about, **tokens)


@pytest.fixture
def spent(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    at = datetime(2026, 3, 1, 22, tzinfo=UTC)
    facts: list[e.Event] = []
    for session, project in (("s1", "shop"), ("s2", "bank")):
        shared = {"source": "transcript", "session": session, "happened_at": at}
        facts += [
            e.SessionStarted(product="claude-code", project=project, **shared),
            e.AgentStarted(run=f"{session}/main", agent="main", **shared),
            e.AgentStarted(run=f"{session}/1", agent="explorer", parent_run=f"{session}/main", **shared),
        ]
        at += timedelta(hours=1)
    facts += [
        used("s1", "s1/main", "q1", "claude-opus-4-5-20251101", input_tokens=1_000_000, cache_read_tokens=0),
        used("s1", "s1/1", "q2", "claude-haiku-4-5", day=2, cache_write_tokens=1000, cache_write_1h_tokens=400),
        used("s2", "s2/main", "q3", "claude-haiku-4-5", cache_read_tokens=10, output_tokens=1),
        used("s2", None, "q4", "some-model", day=2, input_tokens=7),
    ]
    record(home, facts)
    return home


def test_the_same_money_is_counted_by_everything(speak, spent) -> None:
    total = 5_000_000 + 600 * 1.25 + 400 * 2 + 1 + 5
    for by in ("agent", "model", "day", "project", "session", "source"):
        rows = speak("stats", "--by", by, "--home", spent, "--format", "json").json
        assert sum(row["cost_microdollars"] or 0 for row in rows) == total, by
        assert sum(row["unpriced_requests"] for row in rows) == 1, by
        assert sum(row["input_tokens"] or 0 for row in rows) == 1_000_007, by
    by_model = {row["model"]: row["cost_microdollars"] for row in rows_by(speak, spent, "model")}
    assert by_model["some-model"] is None
    assert [row["day"] for row in rows_by(speak, spent, "day")] == ["2026-03-01", "2026-03-02"]
    assert rows_by(speak, spent, "session")[0]["session"] == "s1"


def rows_by(speak, home, by):
    return speak("stats", "--by", by, "--home", home, "--format", "json").json


def test_people_read_dollars_and_unknown_is_said(speak, spent) -> None:
    said = speak("stats", "--by", "model", "--home", spent)
    assert "$5.00" in said.out
    assert "unknown" in said.out
    assert "$0.001556" in said.out
    assert "microdollars" not in said.out
    csv = speak("stats", "--by", "model", "--home", spent, "--format", "csv").out
    assert "cost_microdollars" in csv.splitlines()[0]
    assert "$5.00" in speak("sessions", "--home", spent).out
    assert "$5.0" in speak("show", "s1", "--home", spent).out


def test_a_cost_that_is_known_in_part_says_so_wherever_people_read_it(speak, spent) -> None:
    shared = {"source": "transcript", "session": "s3", "happened_at": datetime(2026, 3, 3, tzinfo=UTC)}
    above, below = "s3/main", "s3/1"
    record(spent, [
        e.SessionStarted(product="codex", project="mill", **shared),
        e.AgentStarted(run=above, agent="main", **shared),
        e.AgentStarted(run=below, agent="explorer", parent_run=above, **shared),
        used("s3", above, "q5", "claude-opus-4-5", input_tokens=1_000_000),
        used("s3", below, "q6", "claude-opus-4-5", input_tokens=400_000),
        used("s3", below, "q7", "some-model", input_tokens=7),
    ])  # fmt: skip
    assert "≥ $7.00" in speak("sessions", "--home", spent).out
    shown = speak("show", "s3", "--home", spent).out
    assert "microdollars" not in shown
    assert "● main (unknown, unknown, 0 tool calls, 0 messages, ≥ $7.00)" in shown
    assert "  ● explorer (unknown, unknown, 0 tool calls, 0 messages, ≥ $2.00)" in shown
    for by, sum_ in (("source", "≥ $7.00"), ("session", "≥ $7.00"), ("agent", "≥ $2.00"), ("day", "≥ $0.00155")):
        assert sum_ in speak("stats", "--by", by, "--home", spent).out, by


@pytest.mark.parametrize("columns", [80, 100])
def test_on_a_terminal_no_number_is_cut_and_every_row_has_its_name(spent, columns) -> None:
    by_model = [str(PROGRAM), "stats", "--by", "model", "--home", str(spent)]
    wide = subprocess.run(by_model, capture_output=True, text=True, check=True).stdout
    names = [line.split()[0] for line in wide.splitlines()[2:]]
    figures = {figure for line in wide.splitlines()[2:] for figure in re.split("  +", line)[1:]}
    shown = on_a_terminal(by_model, columns)
    assert max(map(len, shown.splitlines())) <= columns
    assert figures <= {figure for line in shown.splitlines() for figure in re.split("  +", line)}
    keys = {line.split()[0].rstrip("…") for line in shown.splitlines() if line}
    assert len({key for key in keys if any(name.startswith(key) for name in names)}) == len(names) == 3


def on_a_terminal(command: list[str], columns: int) -> str:
    """What `command` writes to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.PIPE, env=environment):
        os.close(theirs)
        with open(ours, "rb") as terminal:  # noqa: PTH123 - it is no path
            told = b""
            try:
                while chunk := terminal.read1():
                    told += chunk
            except OSError:  # as Linux says that nobody writes to it any more
                pass
    return told.decode().replace("\r\n", "\n")


def test_as_of_a_position_the_money_of_then(speak, spent) -> None:
    rows = speak("sessions", "--home", spent, "--at", "7", "--format", "json").json
    assert [row["cost_microdollars"] for row in rows] == [5_000_000, None]


def test_a_homes_own_prices_hold_in_every_command(program, speak, spent) -> None:
    (spent / "prices.toml").write_text('version = "ours"\n[[price]]\nmodels = ["some-model"]\ninput = 3\noutput = 4\n')
    assert {row["model"]: row["cost_microdollars"] for row in rows_by(speak, spent, "model")}["some-model"] == 21
    asked = program("sql", "SELECT sum(cost_microdollars) AS c FROM usage WHERE model = 'some-model'", "--home", spent,
                    "--format", "json")  # fmt: skip
    assert asked.json == [{"c": 21}]
    shown = speak("prices", "some-model", "--home", spent, "--format", "json")
    assert shown.json[0]["input_microdollars"] == 3_000_000
    assert "ours before" in shown.err
    assert speak("rebuild", "--prove", "--home", spent).code == 0


def test_prices_are_shown_with_their_source_and_an_unknown_model_is_refused(speak, tmp_path) -> None:
    said = speak("prices", "--home", tmp_path)
    assert "claude-opus-4?5" in said.out
    assert "public price pages" in said.err
    refused = speak("prices", "no-such-model", "--home", tmp_path)
    assert refused.code == 3
    assert "prices.toml" in refused.err


def test_a_bad_price_file_is_one_sentence(speak, spent, monkeypatch) -> None:
    bad = spent / "mine.toml"
    bad.write_text("[[price]]\nmodels = ['m']\ninput = 'much'\noutput = 1\n")
    monkeypatch.setenv("ORCHESTRION_PRICES", str(bad))
    said = speak("stats", "--home", spent)
    assert (said.code, said.out) == (2, "")
    assert "mine.toml, price 1: input is 'much'" in said.err
    monkeypatch.setenv("ORCHESTRION_PRICES", str(spent / "gone.toml"))
    assert "cannot be read" in speak("stats", "--home", spent).err


def test_an_empty_log_has_no_figures(speak, tmp_path) -> None:
    record(tmp_path / "home", [])
    for by in ("agent", "model", "day", "session"):
        assert json.loads(speak("stats", "--by", by, "--home", tmp_path / "home", "--format", "json").out) == []


RECORDINGS = Path(__file__).parents[3] / "shared" / "sessions"


def test_the_cost_of_recorded_sessions_is_what_their_own_product_reckoned(speak, tmp_path) -> None:
    """Pi writes what each request cost beside its tokens: another program, the same tokens, the same list prices."""
    folder = RECORDINGS / "pi-sessions"
    if not folder.is_dir():
        pytest.skip(f"no recordings beside the checkout: {folder} is not there")
    theirs = 0.0
    for file in sorted(folder.rglob("*.jsonl")):
        for line in file.read_text("utf-8", "replace").splitlines():
            try:
                message = json.loads(line).get("message") or {}
            except (ValueError, AttributeError):
                continue
            theirs += ((message.get("usage") or {}).get("cost") or {}).get("total") or 0
    assert theirs > 1
    assert speak("import", "pi", folder, "--home", tmp_path / "home").code == 0
    rows = speak("stats", "--by", "source", "--home", tmp_path / "home", "--format", "json").json
    ours = sum(row["cost_microdollars"] for row in rows)
    assert rows[0]["unpriced_requests"] == 0
    assert ours / 1_000_000 == pytest.approx(theirs, rel=0.0001)
