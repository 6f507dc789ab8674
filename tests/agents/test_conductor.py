"""Given a team's files and a workspace, when a request is run, then these facts stand in the log."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from orchestrion.agents import Conductor, Limits, example_repository, load_roster, make_plan
from orchestrion.domain import events as e
from orchestrion.domain.errors import CannotRun, LogUnavailable, NotFound
from orchestrion.domain.record import Appended, Record
from orchestrion.eventstore import MemoryLog, open_log

Agent = Callable[..., Path]
FIX = "Fix security vulnerability in authentication endpoint"


def test_the_built_in_team_really_works_on_the_example_repository(tmp_path: Path, home: Path) -> None:
    log = open_log(home)
    seen: list[e.Event] = []
    conductor = Conductor(log, home=home)
    result = asyncio.run(
        conductor.execute(FIX, example_repository(), load_roster(example_repository()), observer=seen.append)
    )
    facts = [record.event for record in log.read() if isinstance(record, Record)]
    assert log.verify().ok
    log.close()

    assert result.status == "completed"
    assert [f.kind for f in facts] == [f.kind for f in seen]
    order = [f"{f.agent}-{f.attempt}" for f in facts if isinstance(f, e.AgentStarted)]
    assert order[:3] == ["security-auditor-1", "backend-api-developer-1", "security-auditor-2"]
    assert set(order[3:]) == {"test-suite-developer-1", "docs-writer-1"}
    found = [f.payload for f in facts if isinstance(f, e.MessageSent) and f.type == "finding_report"]
    injection = next(p for p in found if p["rule"] == "S608" and p["file"] == "ledgerly/auth.py")
    assert injection["severity"] == "critical"
    assert injection["line"] > 1
    assert "parameters" in injection["recommendation"]
    verdicts = [f.payload for f in facts if isinstance(f, e.MessageSent) and f.type == "validation_result"]
    assert [v["approved"] for v in verdicts] == [True]
    assert verdicts[0]["evidence"]["confirmed_fixed"] == 3
    assert {r["rule"] for r in verdicts[0]["evidence"]["remaining"]} >= {"S324", "S105"}
    assert result.tests is not None
    assert (result.tests["passed"], result.tests["failed"]) == (7, 0)
    assert "WHERE name = ? AND password = ?" in result.diff
    assert {row["rule"] for row in result.findings if row.get("fixed")} >= {"S608", "S602"}
    measured = next(f for f in facts if isinstance(f, e.AgentCompleted) and f.agent == "docs-writer").outputs
    assert 0 < measured["measures"]["percent"] < 100
    assert not list((home / "workspaces").iterdir())


def test_the_example_repository_has_failing_tests_before_the_team_comes(play: Callable[..., object]) -> None:
    played = play("Run the tests", example_repository())
    assert (played.result.tests["passed"], played.result.tests["failed"]) == (5, 2)
    assert played.result.status == "completed"
    assert {row["rule"] for row in played.result.findings} == {"failing-test"}


def test_a_session_has_its_facts_in_causal_order(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha")
    agent("beta", after=["alpha-work"])
    facts = play("alpha and beta").facts
    kinds = [fact.kind for fact in facts]
    assert kinds[:5] == ["session.started", "agent.registered", "agent.registered", "plan.made", "lease.taken"]
    assert kinds[5:10] == ["agent.started", "tool.called", "process.started", "tool.returned", "agent.completed"]
    assert kinds[10:14] == ["handoff.offered", "message.sent", "handoff.accepted", "agent.started"]
    assert kinds[-3:] == ["agent.completed", "handoff.completed", "session.ended"]
    caused = ("agent.started", "tool.", "message.", "handoff.offered")
    assert all(fact.cause for fact in facts if fact.kind.startswith(caused))
    assert [f.call for f in facts if isinstance(f, e.ToolCalled)] == [
        f"{facts[0].session}/alpha-1/1",
        f"{facts[0].session}/beta-1/1",
    ]


def test_durations_are_measured(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import time; time.sleep(0.3)")
    played = play("alpha")
    (completed,) = played.of(e.AgentCompleted)
    (returned,) = played.of(e.ToolReturned)
    assert 300 <= returned.duration_ms <= completed.duration_ms <= played.result.duration_ms < 30_000


def test_agents_of_one_phase_really_overlap(agent: Agent, play: Callable[..., object], tmp_path: Path) -> None:
    meeting = tmp_path / "meeting"
    meeting.mkdir()
    wait = (
        "import sys, time, pathlib; m = pathlib.Path({meeting!r}); (m / {me!r}).touch()\n"
        "end = time.monotonic() + 20\n"
        "while not (m / {other!r}).exists():\n"
        "    sys.exit('nobody came') if time.monotonic() > end else time.sleep(0.01)"
    )
    agent("alpha", wait.format(meeting=str(meeting), me="a", other="b"))
    agent("beta", wait.format(meeting=str(meeting), me="b", other="a"))
    played = play("alpha and beta")
    assert played.result.status == "completed"
    starts = [f.happened_at for f in played.of(e.AgentStarted)]
    ends = [f.happened_at for f in played.of(e.AgentCompleted)]
    assert max(starts) < min(ends)


def test_no_more_agents_run_at_a_time_than_allowed(agent: Agent, play: Callable[..., object]) -> None:
    for name in ("alpha", "beta", "gamma"):
        agent(name)
    played = play("alpha, beta, gamma", limits=Limits(max_parallel_agents=1))
    kinds = [f.kind for f in played.facts if f.kind in {"agent.started", "agent.completed"}]
    assert kinds == ["agent.started", "agent.completed"] * 3


def test_a_failure_is_a_fact_what_depends_on_it_is_refused_and_the_rest_goes_on(
    agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", "import sys; sys.exit('the well is dry')")
    agent("beta", after=["alpha-work"])
    agent("gamma", after=["beta-work"])
    agent("delta")
    played = play("alpha beta gamma delta")
    assert {f.agent: (f.status, f.reason) for f in played.of(e.AgentFailed)} == {
        "alpha": ("failed", "do-alpha failed with exit code 1: the well is dry"),
        "beta": (
            "refused",
            "it depends on alpha, which ended failed: do-alpha failed with exit code 1: the well is dry",
        ),
        "gamma": ("refused", f"it depends on beta, which ended refused: {played.of(e.AgentFailed)[1].reason}"),
    }
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["delta"]
    (ended,) = played.of(e.SessionEnded)
    assert ended.status == played.result.status == "failed"
    assert ended.reason.startswith("alpha: ")


def test_a_missing_tool_is_a_failure_with_the_command_to_install_it(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", step={"run": ["no-such-tool-here", "x"], "install": "pip install no-such-tool-here"})
    (failed,) = play("alpha").of(e.AgentFailed)
    assert failed.reason == "no-such-tool-here is not installed"
    assert failed.remedy == "run: pip install no-such-tool-here"


def test_a_missing_module_is_a_failure_with_the_command_for_that_interpreter(
    agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", step={"module": "no_such_module", "install": "{python} -m pip install no_such_module"})
    (failed,) = play("alpha").of(e.AgentFailed)
    assert "has no module no_such_module" in failed.reason
    assert failed.remedy == f"run: {sys.executable} -m pip install no_such_module"


def test_a_plan_with_an_agent_without_a_runner_is_refused_before_anything_happens(
    play: Callable[..., object], log: MemoryLog
) -> None:
    with pytest.raises(CannotRun, match=r"database-optimizer has no runner.*frontend-builder has no runner"):
        play("Build new API endpoint with frontend UI and database optimization")
    assert log.head() == 0


def test_a_workspace_that_is_not_there_is_named(agent: Agent, play: Callable[..., object], tmp_path: Path) -> None:
    agent("alpha")
    with pytest.raises(NotFound, match="no such folder"):
        play("alpha", tmp_path / "nowhere")


def test_an_agent_is_told_its_session_run_and_name_and_no_secrets(
    agent: Agent, play: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush")
    agent(
        "alpha",
        "import os; print([os.environ.get('ORCHESTRION_' + n) for n in ('SESSION', 'RUN', 'AGENT')],"
        " os.environ.get('SOME_API_KEY'))",
    )
    played = play("alpha")
    (returned,) = played.of(e.ToolReturned)
    session = played.result.session
    assert returned.result["stdout"].strip() == f"{[session, f'{session}/alpha-1', 'alpha']} None"


def test_any_command_line_agent_gets_its_task_and_what_was_handed_over(
    agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha")
    read = "import sys; print(sys.stdin.read())"
    agent("beta", command=[sys.executable, "-c", read], prompt="stdin", after=["alpha-work"], task="Go on: {request}")
    completed = play("alpha then beta").of(e.AgentCompleted, agent="beta")[0]
    assert "Be beta." in completed.outputs["text"]
    assert "Go on: alpha then beta" in completed.outputs["text"]
    assert '"completedTasks"' in completed.outputs["text"]


@pytest.mark.parametrize("how", ["argument", "file"])
def test_a_prompt_goes_in_as_an_argument_or_a_file(how: str, agent: Agent, play: Callable[..., object]) -> None:
    place = "{prompt}" if how == "argument" else "{prompt_file}"
    read = "import sys, pathlib; t = sys.argv[1]; print(t if '\\n' in t else pathlib.Path(t).read_text())"
    agent("alpha", command=[sys.executable, "-c", read, place], prompt=how)
    assert "# Task\n\nalpha" in play("alpha").of(e.AgentCompleted)[0].outputs["text"]


def test_a_command_line_agent_that_fails_says_why(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", command=[sys.executable, "-c", "import sys; sys.exit('no credit left')"])
    (failed,) = play("alpha").of(e.AgentFailed)
    assert failed.reason == "the agent's command failed with exit code 1: no credit left"


def test_two_sessions_at_once_on_one_log_keep_apart(agent: Agent, log: MemoryLog, home: Path, workspace: Path) -> None:
    team = agent("alpha", "import time; time.sleep(0.2)")

    async def both() -> list[str]:
        roster = load_roster(workspace, team=team)
        runs = [Conductor(log, home=home).execute("alpha", workspace, roster) for _ in range(2)]
        return [result.session for result in await asyncio.gather(*runs)]

    sessions = asyncio.run(both())
    records = [record for record in log.read() if isinstance(record, Record)]
    assert len(set(sessions)) == 2
    for session in sessions:
        kinds = [r.event.kind for r in records if r.event.session == session]
        assert kinds[0] == "session.started"
        assert kinds[-1] == "session.ended"
        assert kinds.count("agent.completed") == 1


def test_a_plan_can_be_given(agent: Agent, play: Callable[..., object], workspace: Path) -> None:
    team = agent("alpha")
    plan = make_plan("alpha", load_roster(workspace, team=team))
    assert play("something else", plan=plan).result.status == "completed"


def test_a_cancelled_session_stops_its_processes_and_says_so(
    agent: Agent, log: MemoryLog, home: Path, workspace: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    team = agent(
        "alpha",
        f"import os, time, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(60)",
    )

    async def stop_it() -> float:
        roster = load_roster(workspace, team=team)
        task = asyncio.create_task(Conductor(log, home=home).execute("alpha", workspace, roster))
        while not (mark.exists() and mark.read_text()):
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - begun

    assert asyncio.run(stop_it()) < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
    facts = [record.event for record in log.read() if isinstance(record, Record)]
    ends = [(f.kind, f.status) for f in facts if isinstance(f, e.ToolReturned | e.AgentFailed | e.SessionEnded)]
    assert ends == [
        ("tool.returned", "interrupted"),
        ("agent.failed", "cancelled"),
        ("session.ended", "cancelled"),
    ]


def test_an_interrupt_from_the_keyboard_ends_the_session_as_cancelled(
    agent: Agent, home: Path, workspace: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "started"
    team = agent("alpha", f"import time, pathlib; pathlib.Path({str(mark)!r}).touch(); time.sleep(60)")
    program = (
        "import asyncio, pathlib, sys\n"
        "from orchestrion.agents import Conductor, load_roster\n"
        "from orchestrion.eventstore import open_log\n"
        "home, workspace, team = map(pathlib.Path, sys.argv[1:])\n"
        "log = open_log(home)\n"
        "asyncio.run(Conductor(log, home=home).execute('alpha', workspace, load_roster(workspace, team=team)))\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(home), str(workspace), str(team)], stderr=subprocess.PIPE
    )
    end = time.monotonic() + 60
    while not mark.exists() and time.monotonic() < end and child.poll() is None:
        time.sleep(0.02)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert b"KeyboardInterrupt" in said
    log = open_log(home)
    ended = [r.event for r in log.read() if isinstance(r, Record) and isinstance(r.event, e.SessionEnded)]
    log.close()
    assert [event.status for event in ended] == ["cancelled"]


def test_a_result_lists_no_agents_messages_or_handoffs_of_earlier_requests(
    agent: Agent, log: MemoryLog, home: Path, workspace: Path
) -> None:
    agent("alpha")
    team = agent("beta")
    conductor = Conductor(log, home=home)
    roster = load_roster(workspace, team=team)
    asyncio.run(conductor.execute("alpha", workspace, roster))
    later = asyncio.run(conductor.execute("beta", workspace, roster))
    assert [report.agent for report in later.agents] == ["beta"]
    assert all(report.run.startswith(later.session) for report in later.agents)


def test_what_agents_did_survives_a_restart(agent: Agent, home: Path, workspace: Path) -> None:
    team = agent("alpha")
    log = open_log(home)
    result = asyncio.run(Conductor(log, home=home).execute("alpha", workspace, load_roster(workspace, team=team)))
    log.close()
    again = open_log(home)
    kinds = [r.event.kind for r in again.read() if isinstance(r, Record) and r.event.session == result.session]
    again.close()
    assert kinds[0] == "session.started"
    assert kinds[-1] == "session.ended"


def test_success_is_what_the_tools_said_and_not_assumed(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", "import random, sys; print(random.random()); sys.exit(2)")
    played = play("alpha")
    assert (played.result.status, played.result.agents[0].status) == ("failed", "failed")
    assert played.of(e.AgentCompleted) == []


def test_an_agent_planned_alone_still_has_its_changes_validated_by_somebody_registered(
    agent: Agent, play: Callable[..., object]
) -> None:
    agent("alpha", "print('{\"runs\": []}')", step={"reads": "sarif"}, capabilities=["looking"])
    agent("beta", "open('new.py', 'w').close()", writes=True, validation="looking")
    played = play("beta")
    assert [f.agent for f in played.of(e.AgentRegistered)] == ["beta", "alpha"]
    assert [f.agent for f in played.of(e.AgentCompleted)] == ["alpha", "beta"]


class FullDisk(MemoryLog):
    """A log whose disk is full after some facts."""

    room = 6

    def append(self, stream: str, events: Sequence[e.Event], *, expect: int) -> Appended:
        self.room -= 1
        if self.room < 0:
            raise LogUnavailable("the disk is full")
        return super().append(stream, events, expect=expect)


def test_a_log_that_takes_no_more_stops_the_session_and_its_processes(
    agent: Agent, home: Path, workspace: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    agent("alpha", f"import os, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))")
    team = agent("beta", "import time; time.sleep(30)")
    log = FullDisk()
    begun = time.monotonic()
    with pytest.raises(LogUnavailable, match="the disk is full"):
        asyncio.run(Conductor(log, home=home).execute("alpha beta", workspace, load_roster(workspace, team=team)))
    log.close()
    assert time.monotonic() - begun < 20
    assert len(list((home / "workspaces").iterdir())) == 1, "what is not said to have ended can be resumed"
