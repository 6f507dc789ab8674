"""Cancelled from another process or thread, a session ends within two seconds and leaves no process behind."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Conductor, Limits, load_roster
from orchestrion.agents.cancelling import cancel
from orchestrion.agents.orphans import carriers
from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound, Refused, RuleBroken
from orchestrion.domain.record import Record
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import MemoryLog, open_log

Agent = Callable[..., Path]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
TWO_SECONDS = 2.0


def facts_of(log: MemoryLog) -> list[e.Event]:
    return [record.event for record in log.read() if isinstance(record, Record)]


def wait_for(log: MemoryLog, kind: str, count: int = 1) -> None:
    end = time.monotonic() + 30
    while sum(fact.kind == kind for fact in facts_of(log)) < count:
        assert time.monotonic() < end, f"no {kind}"
        log.wait(log.head(), 0.1)


def test_a_session_is_stopped_from_outside_within_two_seconds(
    agent: Agent, log: MemoryLog, home: Path, workspace: Path
) -> None:
    agent("alpha", STUBBORN)
    team = agent("beta", STUBBORN)
    agent("gamma", after=["alpha-work"])
    conductor = Conductor(log, home=home)
    done: list[object] = []
    roster = load_roster(workspace, team=team)
    thread = threading.Thread(
        target=lambda: done.append(asyncio.run(conductor.execute("alpha beta gamma", workspace, roster)))
    )
    thread.start()
    wait_for(log, "process.started", 2)
    session = facts_of(log)[0].session or ""
    begun = time.monotonic()
    cancelled = cancel(log, home, session, by="ada", reason="wrong branch")
    assert time.monotonic() - begun < TWO_SECONDS
    assert carriers(session) == []
    thread.join(10)
    assert (cancelled.status, cancelled.reason) == ("cancelled", "cancelled by ada: wrong branch")
    assert done[0].status == "cancelled"
    facts = facts_of(log)
    ends = {(f.agent, f.status, f.reason) for f in facts if isinstance(f, e.AgentFailed)}
    assert ends == {(name, "cancelled", "cancelled by ada: wrong branch") for name in ("alpha", "beta")}
    assert [f.status for f in facts if isinstance(f, e.ToolReturned)] == ["interrupted"] * 2
    assert [(f.status, f.reason) for f in facts if isinstance(f, e.SessionEnded)] == [
        ("cancelled", "cancelled by ada: wrong branch")
    ]
    assert not list((home / "workspaces").iterdir())


def test_the_session_of_a_dead_conductor_is_ended_with_its_orphans(
    agent: Agent, home: Path, workspace: Path, tmp_path: Path
) -> None:
    team = agent("alpha", STUBBORN)
    command = [sys.executable, "-m", "orchestrion.cli.main", "run", "alpha", "--workspace", str(workspace)]
    conductor = subprocess.Popen(
        [*command, "--team", str(team), "--home", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    log = open_log(home)
    wait_for(log, "process.started")
    conductor.kill()
    conductor.wait()
    session = facts_of(log)[0].session or ""
    assert len(carriers(session)) == 1
    begun = time.monotonic()
    cancelled = cancel(log, home, session, by="ada")
    assert time.monotonic() - begun < TWO_SECONDS
    assert carriers(session) == []
    assert (cancelled.by_conductor, cancelled.processes_ended) == (False, 1)
    facts = facts_of(log)
    assert [(f.status, f.error) for f in facts if isinstance(f, e.ToolReturned)] == [
        ("interrupted", "cancelled by ada")
    ]
    assert [(f.agent, f.status) for f in facts if isinstance(f, e.AgentFailed)] == [("alpha", "cancelled")]
    assert [f.status for f in facts if isinstance(f, e.SessionEnded)] == ["cancelled"]
    assert not list((home / "workspaces").iterdir())
    with pytest.raises(RuleBroken, match="has ended already"):
        cancel(log, home, session, by="ada")
    assert log.verify().ok
    log.close()


def test_what_cannot_be_cancelled_is_refused(log: MemoryLog, home: Path) -> None:
    with pytest.raises(NotFound, match="no session 'nowhere'"):
        cancel(log, home, "nowhere", by="ada")
    log.observe([witnessed(e.SessionStarted(source="transcript", session="theirs", product="claude-code"))])
    with pytest.raises(Refused, match="recorded elsewhere"):
        cancel(log, home, "theirs", by="ada")


def test_a_recorded_pid_that_is_another_process_now_is_left_alone(home: Path) -> None:
    from orchestrion.agents.identity import host
    from orchestrion.agents.orphans import end_orphans

    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    recorded = e.ProcessStarted(
        source="conductor", session="ses_1", call="c", pid=bystander.pid, born="another-boot/1", host=host()
    )
    assert end_orphans("ses_1", [recorded]) == []
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_the_group_of_a_recorded_process_is_ended_whatever_its_environment_says(tmp_path: Path) -> None:
    from orchestrion.agents.identity import born, host
    from orchestrion.agents.orphans import end_orphans

    orphan = subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True, env={})
    recorded = e.ProcessStarted(
        source="conductor", session="ses_1", call="c", pid=orphan.pid, born=born(orphan.pid) or "", host=host()
    )
    assert end_orphans("ses_1", [recorded]) == [orphan.pid]
    assert orphan.wait(5) in {-9, -15}


def test_a_session_that_is_stopped_by_its_own_time_says_so(agent: Agent, play: Callable[..., object]) -> None:
    agent("alpha", STUBBORN)
    assert play("alpha", limits=Limits(session_seconds=0.5)).result.status == "timed_out"
