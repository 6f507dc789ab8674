"""The commands that do something: import, plan, run, demo, verify, rebuild; each on real work of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ISSUE_KEYS = {"session", "status", "phases", "agents", "messages", "handoffs", "findings", "duration_ms"}
SLOW_AGENT = """---
name: sleeper
description: Sleeps.
capabilities: [sleeping]
runner: steps
keywords: [sleep]
steps:
  - name: nap
    run: ["{python}", "-c", "import time; print('napping', flush=True); time.sleep(60)"]
---
"""
FAILING_AGENT = SLOW_AGENT.replace("import time; print('napping', flush=True); time.sleep(60)", "raise SystemExit(3)")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project with one fault for each of the team's tools."""
    folder = tmp_path / "project"
    (folder / "tests").mkdir(parents=True)
    (folder / "shop.py").write_text('"""A shop."""\nimport os\n\n\ndef run(code):\n    return eval(code)\n')
    (folder / "tests" / "test_shop.py").write_text(
        "from shop import run\n\n\ndef test_run():\n    assert run('1') == 1\n"
    )
    return folder


@pytest.fixture
def team(tmp_path: Path) -> Path:
    folder = tmp_path / "team"
    folder.mkdir()
    (folder / "sleeper.md").write_text(SLOW_AGENT)
    return folder


def transcript(path: Path, session: str = "11111111-2222-3333-4444-555555555555") -> Path:
    """Four lines of a Claude Code session, one of them broken."""

    def line(number: int, kind: str, content: object, **more: object) -> str:
        message = {"role": kind, "content": content, **more}
        return json.dumps(
            {
                "type": kind, "uuid": f"u{number}", "parentUuid": None, "sessionId": session, "cwd": "/p",
                "version": "2.1.0",
                "timestamp": f"2026-01-30T10:00:0{number}.000Z", "isSidechain": False, "message": message,
            }
        )  # fmt: skip

    usage = {"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 11}
    call = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
    back = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a b"}
    lines = [
        line(1, "user", "list the files"),
        line(2, "assistant", [call], usage=usage, id="msg_2", model="m"),
        '{"torn": ',
        line(3, "user", [back]),
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_an_import_accounts_for_each_line_and_is_not_repeated(speak, tmp_path: Path) -> None:
    path, home = transcript(tmp_path / "s.jsonl"), tmp_path / "home"
    first = speak("import", "claude-code", path, "--home", home, "--format", "json")
    report = first.json
    assert first.code == 0
    assert {"files", "lines", "recorded", "duplicates", "ignored", "unparseable", "events_appended", "ledger"} <= set(
        report
    )
    assert (report["files"], report["lines"], report["unparseable"]) == (1, 4, 1)
    assert report["recorded"] + report["duplicates"] + report["ignored"] + report["unparseable"] == 4
    assert report["ledger"][0]["bad_lines"] == [3]
    assert report["events_appended"] > 3
    assert speak("import", "claude-code", path, "--home", home, "--format", "json").json["events_appended"] == 0
    calls = speak("tools", "--home", home, "--format", "json").json
    assert [(call["tool"], call["status"], call["duration_ms"]) for call in calls] == [("Bash", "ok", 1000)]


def test_an_import_of_nothing_or_of_no_format_is_refused(speak, tmp_path: Path) -> None:
    missing = speak("import", "claude-code", tmp_path / "none.jsonl", "--home", tmp_path / "h")
    assert missing.code == 3
    assert "none.jsonl" in missing.err
    assert speak("import", "claud-code", tmp_path, "--home", tmp_path / "h").code == 3


def test_a_document_that_is_no_session_is_named_and_ignored(speak, tmp_path: Path) -> None:
    for name, content in (("empty.jsonl", b""), ("picture.jsonl", bytes(range(256)) * 20)):
        path = tmp_path / name
        path.write_bytes(content)
        said = speak("import", "claude-code", path, "--home", tmp_path / "h", "--format", "json")
        assert said.code == 0, said.err
        assert name in said.err
    assert speak("verify", "--home", tmp_path / "h").code == 0


@pytest.mark.parametrize(
    ("request_", "phases"),
    [
        (
            "Fix security vulnerability in authentication endpoint",
            [["security-auditor"], ["backend-api-developer"], ["test-suite-developer", "docs-writer"]],
        ),
        (
            "Build new API endpoint with frontend UI and database optimization",
            [
                ["security-auditor", "database-optimizer"],
                ["backend-api-developer"],
                ["frontend-builder", "test-suite-developer", "docs-writer"],
            ],
        ),
    ],
)
def test_plan_prints_who_does_what_after_whom(speak, request_, phases) -> None:
    plan = speak("plan", request_, "--format", "json").json
    assert plan["phases"] == phases
    assert all({"id", "agent", "task", "depends_on"} <= set(task) for task in plan["tasks"])
    assert any(task["matched"] for task in plan["tasks"])


def test_run_does_the_work_in_a_copy_and_says_what_changed(program, project: Path, tmp_path: Path) -> None:
    before = (project / "shop.py").read_text()
    said = program(
        "run", "audit the security", "--agent", "security-auditor", "--workspace", project, "--home", tmp_path / "h",
        "--format", "json",
    )  # fmt: skip
    assert said.code == 0, said.err
    report = said.json
    assert set(report) >= ISSUE_KEYS
    assert report["status"] == "completed"
    assert [finding["rule"] for finding in report["findings"]] == ["S307"]
    assert "AGENT START: security-auditor" in said.err
    assert (project / "shop.py").read_text() == before


def test_apply_brings_the_changes_back(program, project: Path, tmp_path: Path) -> None:
    arguments = ("Fix the security vulnerability", "--workspace", project, "--home", tmp_path / "h")
    said = program("run", *arguments, "--apply", "--format", "json")
    assert said.code == 0, said.err
    assert said.json["applied"] == ["shop.py"]
    assert "import os" not in (project / "shop.py").read_text()


def test_a_session_that_did_not_complete_exits_with_its_own_code(
    speak, project: Path, team: Path, tmp_path: Path
) -> None:
    (team / "sleeper.md").write_text(FAILING_AGENT)
    said = speak("run", "sleep", "--agent", "sleeper", "--workspace", project, "--team", team, "--home", tmp_path / "h")
    assert said.code == 10
    assert "AGENT FAILED: sleeper" in said.err


def test_an_agent_that_hangs_is_ended_in_time(speak, project: Path, team: Path, tmp_path: Path) -> None:
    said = speak(
        "run", "sleep", "--agent", "sleeper", "--workspace", project, "--team", team, "--home", tmp_path / "h",
        "--timeout", 0.5, "--format", "json",
    )  # fmt: skip
    assert said.code == 10
    assert said.json["agents"][0]["status"] == "timed_out"


def test_the_limits_of_a_session_are_options_and_settings(speak, project: Path, tmp_path: Path) -> None:
    run = (
        "run",
        "Fix the security vulnerability",
        "--workspace",
        project,
        "--home",
        tmp_path / "h",
        "--format",
        "json",
    )
    short = speak(*run, "--max-calls", 1)
    assert (short.code, short.json["status"]) == (10, "budget")
    assert "the session has made all of its 1 tool calls" in short.json["reason"]
    (project / "orchestrion.toml").write_text(
        "[orchestration]\nagent_tool_calls = 1\nreworks = 0\ndashboard_enabled = false\n"
    )
    quiet = speak(*run, "--session-timeout", 60)
    assert quiet.json["agents"][-1]["status"] in {"budget", "refused"}
    assert "AGENT START" not in quiet.err, "the commentary was switched off"
    home = ("--home", tmp_path / "h", "--format", "json")
    reached = speak("sql", 'SELECT "limit", allowed FROM limits ORDER BY position', *home).json
    assert [tuple(row.values()) for row in reached] == [("sessionToolCalls", 1.0), ("agentToolCalls", 1.0)]
    kept = speak("sql", "SELECT data FROM events WHERE kind = 'session.started' ORDER BY position", *home).json
    assert [json.loads(row["data"])["options"]["limits"]["session_seconds"] for row in kept] == [3600.0, 60.0]


SPENDER = """
import json, time
def told(kind, **more):
    print(json.dumps({"type": kind, "session_id": "0d0f6b1e-0000-4000-8000-000000000001", **more}), flush=True)
told("system", subtype="init")
for n in range(9):
    usage = {"input_tokens": 1000, "output_tokens": 1000}
    block = {"type": "tool_use", "id": f"toolu_{n}", "name": "Read", "input": {"n": n}}
    message = {"id": f"msg_{n}", "model": MODEL, "role": "assistant", "content": [block], "usage": usage}
    told("assistant", message=message)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("model", "option", "limit", "requests", "said"),
    [
        ("claude-opus-4-5", ("--max-tokens", 5000), "sessionTokens", 3, "has used 6000 tokens and may use 5000"),
        ("claude-opus-4-5", ("--max-cost", 0.05), "sessionCost", 2, "has cost $0.0600 and may cost $0.05"),
        ("no-such-model", ("--max-cost", 0.05), "sessionCost", 1, "the price of the model no-such-model is not known"),
    ],
)
def test_an_agent_that_spends_its_tokens_or_money_is_stopped(  # noqa: PLR0917  a table
    speak, project: Path, team: Path, tmp_path: Path, model, option, limit, requests, said
) -> None:
    script = tmp_path / "spender.py"
    script.write_text(f"MODEL = {model!r}{SPENDER}")
    front = f"name: spender\nkeywords: [spend]\nrunner: process\ncommand: [{sys.executable}, {script}]"
    (team / "spender.md").write_text(f"---\n{front}\n---\nSpend.\n")
    home = ("--home", tmp_path / "h", "--format", "json")
    ran = speak("run", "spend", "--workspace", project, "--team", team, *option, *home)
    assert (ran.code, ran.json["status"]) == (10, "budget"), ran.err
    assert said in ran.json["reason"]
    reached = speak("sql", 'SELECT "limit" FROM limits', *home).json
    used = speak("sql", "SELECT count(DISTINCT request_id) AS n FROM usage", *home).json
    assert (reached[0]["limit"], used[0]["n"]) == (limit, requests)


def test_what_a_failing_agent_prints_reaches_no_terminal_as_it_is(
    program, project: Path, team: Path, tmp_path: Path
) -> None:
    hostile = "import os; os.write(2, b'\\x1b]52;c;cm0gLXJm\\x07\\xff\\x9b2J [/x]'); raise SystemExit(3)"
    text = FAILING_AGENT.replace("raise SystemExit(3)", hostile)
    (team / "sleeper.md").write_text(text)
    home = ("--home", tmp_path / "h")
    said = [program("run", "sleep", "--agent", "sleeper", "--workspace", project, "--team", team, *home)]
    assert said[0].code == 10
    said += [program(*words, *home) for words in (("log", "last"), ("report", "last"), ("agents",), ("tools",))]
    for each in said:
        assert not {"\x1b", "\x07", "\x9b"} & set(each.out + each.err)
    assert "]52;c" in said[0].err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_a_log_that_says_so(speak, project: Path, team: Path, tmp_path: Path, number) -> None:
    home, program = tmp_path / "h", Path(sys.executable).parent / "orchestrion"
    run = [program, "run", "sleep", "--agent", "sleeper", "--workspace", project, "--team", team, "--home", home]
    with subprocess.Popen(run, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        lines = iter(child.stderr.readline, "")
        assert next((line for line in lines if "AGENT START" in line), None), "it ended before it began"
        child.send_signal(number)
        assert child.wait(timeout=30) == 130
        rest = child.stderr.read()
    assert "stopped by" in rest
    assert "Traceback" not in rest
    assert [row["status"] for row in speak("sessions", "--home", home, "--format", "json").json] == ["cancelled"]
    assert speak("verify", "--home", home).code == 0


def test_a_session_is_cancelled_from_another_process(speak, project: Path, team: Path, tmp_path: Path) -> None:
    home, program = tmp_path / "h", Path(sys.executable).parent / "orchestrion"
    run = [program, "run", "sleep", "--agent", "sleeper", "--workspace", project, "--team", team, "--home", home]
    with subprocess.Popen(run, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        lines = iter(child.stderr.readline, "")
        assert next((line for line in lines if "AGENT START" in line), None), "it ended before it began"
        told = speak("cancel", "last", "--home", home)
        child.communicate(timeout=30)
    assert told.code == 0, told.err
    assert child.returncode != 0
    [session] = speak("sessions", "--home", home, "--format", "json").json
    assert session["status"] == "cancelled"
    assert [row["status"] for row in speak("agents", "--home", home, "--format", "json").json] == ["cancelled"]


def test_dry_run_runs_nothing(speak, project: Path, tmp_path: Path) -> None:
    said = speak("run", "audit the security", "--dry-run", "--workspace", project, "--home", tmp_path / "h")
    assert said.code == 0
    assert not (tmp_path / "h").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "audit", "--workspace", "nowhere"), 3),
        (("plan", "audit", "--workspace", "nowhere"), 3),
        (("run", "audit the security", "--team", "nowhere"), 3),
        (("run", "audit", "--agent", "nobody"), 3),
        (("run", "audit the security", "--python", "nowhere"), 3),
        (("run", "audit the security", "--config", "nowhere.toml"), 3),
        (("run", ""), 2),
        (("run", "optimize the database"), 4),
    ],
)
def test_what_cannot_be_run_is_refused_before_anything_is_written(speak, tmp_path: Path, arguments, code) -> None:
    said = speak(*arguments, "--home", tmp_path / "h") if arguments[0] == "run" else speak(*arguments)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("orchestrion: ")
    assert not (tmp_path / "h" / "workspaces").exists()


def test_a_team_file_with_a_mistake_is_refused_with_its_line(speak, team: Path) -> None:
    (team / "broken.md").write_text("---\nname: broken\nrunner: [unclosed\n---\n")
    said = speak("plan", "sleep", "--team", team)
    assert said.code == 2
    assert "broken.md:" in said.err


def test_the_demo_does_real_work_and_its_log_verifies(program, tmp_path: Path) -> None:
    home = tmp_path / "home"
    said = program("demo", "--home", home)
    assert said.code == 0, said.err
    assert "S608" in said.out
    assert "The log verifies" in said.out
    assert "HANDOFF: security-auditor → backend-api-developer" in said.err
    assert program("verify", "--home", home).code == 0
    proofs = [program("rebuild", "--prove", "--home", home, "--format", "json").json for _ in range(2)]
    assert proofs[0] == proofs[1]
    assert proofs[0]["ok"] is True
    assert proofs[0]["tables"]


def test_verify_reports_in_the_promised_words(speak, told) -> None:
    said = speak("verify", "--home", told, "--format", "json")
    assert said.json == {"ok": True, "position": 34, "first_bad_position": None, "problems": []}


def test_status_counts_and_begins_nothing(speak, told, tmp_path: Path) -> None:
    keys = {"home", "position", "projected_position", "sessions", "events", "spooled", "dead_letters", "log_bytes"}
    status = speak("status", "--home", told, "--format", "json").json
    assert set(status) >= keys
    assert (status["position"], status["projected_position"], status["sessions"], status["events"]) == (34, 34, 2, 34)
    assert status["log_bytes"] > 0
    fresh = speak("status", "--home", tmp_path / "new", "--format", "json")
    assert (fresh.code, fresh.json["position"], fresh.json["log_bytes"]) == (0, 0, 0)
    assert "no log" in fresh.err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("command", ["sessions", "verify", "rebuild", "log", "report", "stats"])
def test_asking_a_home_without_a_log_says_how_to_begin_one(speak, tmp_path: Path, command) -> None:
    said = speak(command, "--home", tmp_path / "new")
    assert (said.code, said.out) == (3, "")
    assert "orchestrion demo" in said.err
    assert not (tmp_path / "new").exists()


def test_doctor_names_what_it_found_and_what_to_do(speak, told) -> None:
    said = speak("doctor", "--home", told, "--format", "json")
    found = {row["check"]: row for row in said.json}
    assert {"python", "duckdb", "sqlite", "home", "disk", "log", "projections", "ruff", "git", "configuration"} <= set(
        found
    )
    assert all(row["advice"] for row in said.json if row["verdict"] != "ok")
    assert said.code == int(any(row["verdict"] == "bad" for row in said.json))


def test_doctor_sees_rights_that_are_too_wide(speak, told) -> None:
    told.chmod(0o755)
    try:
        rows = speak("doctor", "--home", told, "--format", "json").json
    finally:
        told.chmod(0o700)
    assert [row["advice"] for row in rows if row["check"] == "rights"] == [f"chmod 700 {told}"]


def test_log_follow_tells_what_comes_later_and_ends_with_the_session(tmp_path: Path, play_home) -> None:
    home, events, record = play_home
    program = Path(sys.executable).parent / "orchestrion"
    with subprocess.Popen(
        [program, "log", "last", "--follow", "--home", home], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        lines = iter(child.stdout.readline, "")
        assert any("AGENT START: auditor" in line for line in lines), child.communicate()[1]
        record(home, events[4:])
        rest = list(lines)
        assert child.wait(timeout=30) == 0
        assert child.stderr is not None
        assert child.stderr.read() == "Following ses_alpha until it ends; Ctrl-C stops.\n"
    assert any("→ Bash: ❌ error in 1.0 s" in line for line in rest)
    assert any("SESSION FAILED" in line for line in rest)
    assert rest[-1].startswith("∑ 2 agents, 2 calls, 2 messages, 1 handoff in 8.0 s")


def test_a_log_as_json_lines_has_every_event_once_also_when_it_is_followed(tmp_path: Path, play_home, speak) -> None:
    home, events, record = play_home
    program = Path(sys.executable).parent / "orchestrion"
    with subprocess.Popen(
        [program, "log", "last", "-f", "--format", "jsonl", "--home", home], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        begun = [json.loads(child.stdout.readline()) for _ in events[:4]]
        record(home, events[4:])
        told = begun + [json.loads(line) for line in child.stdout]
        assert child.wait(timeout=30) == 0
    assert [row["position"] for row in told] == [*range(1, len(events) + 1)]
    assert [row["kind"] for row in told] == [event.kind for event in events]
    again = speak("log", "last", "--format", "jsonl", "--home", home)
    assert [json.loads(line) for line in again.out.splitlines()] == told
    past = speak("log", "last", "--format", "jsonl", "--at", 4, "--home", home)
    assert [json.loads(line) for line in past.out.splitlines()] == begun
