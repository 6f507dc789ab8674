"""kill -9 of a conductor whose MCP servers are at work: none is left, and what was answered is not asked again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrion.domain import events as e
from orchestrion.eventstore import open_log

FAKE = Path(__file__).parents[1] / "agents" / "fake_mcp_server.py"
PROGRAM = [sys.executable, "-m", "orchestrion.cli.main"]
WAIT_SECONDS = 120


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder, agents = tmp_path / "project", tmp_path / "project" / ".claude" / "agents"
    agents.mkdir(parents=True)
    (tmp_path / "shelf").mkdir()
    # `sleep` of coreutils holds on when its standard input is closed, as a server that was badly written does.
    holding = f"exec {sys.executable} -u {FAKE} {tmp_path / 'shelf'}"
    entry = {"command": "sh", "args": ["-c", f"sleep 300 & {holding}"]}
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"shelf": entry}}))
    go = f"import pathlib, time\np = pathlib.Path({str(tmp_path / 'go')!r})\nwhile not p.exists(): time.sleep(0.02)"
    steps = [
        {"name": "first", "mcp": "shelf/look", "params": {"text": "x"}},
        {"name": "wait", "run": [sys.executable, "-c", go], "idempotent": True},
        {"name": "last", "mcp": "shelf/look", "params": {"text": "y"}},
    ]
    keys = {"name": "alpha", "keywords": ["alpha"], "capabilities": ["a"], "runner": "steps", "steps": steps}
    front = "\n".join(f"{key}: {json.dumps(value)}" for key, value in keys.items())
    (agents / "alpha.md").write_text(f"---\n{front}\n---\n")
    return folder


@pytest.mark.slow
def test_nothing_of_the_servers_is_left_and_no_answer_is_asked_for_twice(project: Path, tmp_path: Path) -> None:
    home, shelf = tmp_path / "home", tmp_path / "shelf"
    run = [*PROGRAM, "run", "alpha", "--workspace", str(project), "--home", str(home)]
    process = subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + WAIT_SECONDS
    while not processes(home) and time.monotonic() < until:
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    (group,) = processes(home)
    assert lives_in(group), "what its shell started outlives the conductor"
    (tmp_path / "go").touch()
    resumed = subprocess.run(
        [*PROGRAM, "resume", "last", "--home", str(home)],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert resumed.returncode == 0, resumed.stderr
    assert not any(map(lives, lives_in(group)))
    assert len((shelf / "calls").read_text().splitlines()) == 2, "the answered call was made again"


def processes(home: Path) -> list[int]:
    """Groups of MCP servers whose first call has been answered."""
    if not (home / "log.db").exists():
        return []
    with open_log(home) as log:
        facts = [record.event for record in log.read()]
    if not any(isinstance(fact, e.ToolReturned) for fact in facts):
        return []
    return [fact.pid for fact in facts if isinstance(fact, e.ProcessStarted) and "/mcp/" in fact.call]


def lives_in(group: int) -> list[int]:
    """Processes of a group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found
