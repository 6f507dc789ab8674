"""Agents that hang, flood, die or leave children: each ends in a typed fact, and nothing is left behind."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Limits
from orchestrion.domain import events as e

Agent = Callable[..., Path]
FLOOD = "import os\nfor _ in range({mb}): os.write(1, b'x' * 1_000_000)\nos.write(1, b'the end')"


def gone(pid: int) -> bool:
    """Whether no process `pid` is left, waiting a moment for init to collect it."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
            if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_an_agent_that_hangs_is_stopped_with_all_its_children(
    agent: Agent, play: Callable[..., object], tmp_path: Path
) -> None:
    pids = tmp_path / "pids"
    script = (
        "import os, signal, subprocess, sys, time, pathlib\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(60)"
    )
    agent("alpha", script, timeout=3)
    agent("beta")
    played = play("alpha and beta")
    (failed,) = played.of(e.AgentFailed)
    assert (failed.agent, failed.status) == ("alpha", "timed_out")
    assert "3 s" in failed.reason
    assert [f.status for f in played.of(e.ToolReturned, agent="alpha")] == ["timed_out"]
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["beta"]
    assert all(gone(int(pid)) for pid in pids.read_text().split())


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="strays are found by /proc, which this system has not")
def test_a_daemon_that_left_its_group_is_found_and_ended(
    agent: Agent, play: Callable[..., object], tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    script = (
        "import subprocess, sys, pathlib\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], start_new_session=True)\n"
        f"pathlib.Path({str(pid)!r}).write_text(str(child.pid))\n"
    )
    agent("alpha", script)
    begun = time.monotonic()
    assert play("alpha").result.status == "completed"
    assert time.monotonic() - begun < 30
    assert gone(int(pid.read_text()))


def test_a_step_has_a_time_of_its_own(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import time; time.sleep(60)", step={"timeout": 0.5})
    (failed,) = play("alpha").of(e.AgentFailed)
    assert (failed.status, failed.reason) == ("timed_out", "do-alpha did not end within 0.5 s and was stopped")


def test_the_whole_session_has_its_time(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import time; time.sleep(60)")
    played = play("alpha", limits=Limits(session_seconds=1.5))
    assert played.result.status == "timed_out"
    assert [f.status for f in played.of(e.AgentFailed)] == ["timed_out"]
    assert [f.status for f in played.of(e.SessionEnded)] == ["timed_out"]


@pytest.mark.parametrize("megabytes", [20, pytest.param(100, marks=pytest.mark.slow)])
def test_a_flood_of_output_is_counted_and_not_kept(megabytes: int, agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", FLOOD.format(mb=megabytes))
    (returned,) = play("alpha").of(e.ToolReturned)
    assert returned.status == "ok"
    assert returned.result["stdout_bytes"] == megabytes * 1_000_000 + 7
    assert len(returned.result["stdout"]) < 10_000
    assert returned.result["stdout"].endswith("the end")


def test_the_memory_of_a_flood_is_bounded() -> None:
    from orchestrion.agents.child import Captured

    captured = Captured(1000)
    for _ in range(100):
        captured.add(b"y" * 65_536)
    assert captured.size == 6_553_600
    assert len(captured.head) + len(captured.tail) <= 2000
    assert "6552600 bytes left out" in captured.text()


def test_output_below_the_limit_is_whole() -> None:
    from orchestrion.agents.child import Captured

    captured = Captured(10)
    for piece in (b"abc", b"defg", b"hij"):
        captured.add(piece)
    assert captured.text() == "abcdefghij"
    assert not captured.cut


def test_an_agent_that_dies_by_a_signal_says_which(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import os; os.kill(os.getpid(), 9)")
    (failed,) = play("alpha").of(e.AgentFailed)
    assert failed.reason == "do-alpha was ended by signal 9: it said nothing"


def test_output_that_is_no_utf8_is_kept_as_escapes(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", r"import os; os.write(1, b'caf\xe9 \x1b[31m\xff')")
    (returned,) = play("alpha").of(e.ToolReturned)
    assert returned.result["stdout"] == "caf\\xe9 \x1b[31m\\xff"


def test_an_agent_that_closes_its_pipes_is_still_waited_for(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import os, time; os.close(1); os.close(2); time.sleep(0.3); os._exit(3)")
    (failed,) = play("alpha").of(e.AgentFailed)
    assert "exit code 3" in failed.reason
    assert failed.duration_ms >= 300


@pytest.mark.parametrize(
    "report", ["''", "'no json'", "'{}'", """'{"runs": [{"results": [{"ruleId": 1}]}]}'""", "'[' * 100_000"]
)
def test_a_report_that_is_no_sarif_is_a_failure(report: str, agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", f"print({report})", step={"reads": "sarif"})
    (failed,) = play("alpha").of(e.AgentFailed)
    assert "valid SARIF" in failed.reason


@pytest.mark.parametrize(
    ("report", "said"),
    [
        ("<testsuite>", "valid JUnit"),
        ("<html/>", "without a test suite"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><testsuite>&b;</testsuite>", "entities"),
    ],
)
def test_a_report_that_is_no_junit_is_a_failure(
    report: str, said: str, agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", f"print({report!r})", step={"reads": "junit"})
    (failed,) = play("alpha").of(e.AgentFailed)
    assert said in failed.reason


def test_a_report_that_is_not_there_is_named(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", step={"reads": "sarif", "file": "{out}/none.sarif"})
    assert "no report at none.sarif" in play("alpha").of(e.AgentFailed)[0].reason


def test_a_workspace_deleted_under_the_run_is_a_failure_of_that_agent(
    agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", "import os, shutil; shutil.rmtree(os.getcwd())")
    agent("beta", after=["alpha-work"])
    played = play("alpha beta")
    (failed,) = played.of(e.AgentFailed)
    assert failed.agent == "beta"
    assert played.result.status == "failed"


def test_many_findings_are_told_up_to_a_limit_and_all_kept(agent: Agent, play: Callable[..., object]) -> None:
    script = (
        "import json; print(json.dumps({'runs': [{'results': [{'ruleId': f'R{n}', 'level': 'note',"
        " 'message': {'text': 'hm'}} for n in range(500)]}]}))"
    )
    agent("alpha", script, step={"reads": "sarif"})
    agent("beta", after=["alpha-work"])
    played = play("alpha beta", limits=Limits(findings_told=10))
    assert len(played.of(e.MessageSent, type="finding_report")) == 10
    assert played.of(e.MessageSent, type="context_share")[0].payload["context"]["findings"] == 490
    assert len(played.result.findings) == 500


def test_python_that_is_not_there_is_refused(agent: Agent, play: Callable[..., object]) -> None:
    from orchestrion.domain.errors import NotFound

    agent("alpha")
    with pytest.raises(NotFound, match="no such Python"):
        play("alpha", python=Path("/no/python"))


def test_the_projects_own_interpreter_runs_its_tests(
    agent: Agent, play: Callable[..., object], workspace: Path
) -> None:
    own = workspace / ".venv/bin/python"
    own.parent.mkdir(parents=True)
    own.symlink_to(sys.executable)
    agent("alpha", step={"run": ["{python}", "-c", "pass"]})
    completed = play("alpha").of(e.AgentCompleted)[0]
    assert completed.outputs["interpreter"] == str(own)
    assert completed.outputs["interpreter_from"] == "the project's .venv"
