"""A team written by the test, a small workspace, and the facts that a run of them leaves in a log."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import Conductor, ExecutionResult, Limits, load_roster
from orchestrion.domain.events import Event
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog


@dataclass
class Played:
    """What a session gave back, and its facts in the order of the log."""

    result: ExecutionResult
    facts: list[Event]

    def of(self, kind: type[Any], **fields: Any) -> list[Any]:
        return [f for f in self.facts if isinstance(f, kind) and all(getattr(f, k) == v for k, v in fields.items())]


@pytest.fixture
def log() -> Iterator[MemoryLog]:
    log = MemoryLog()
    yield log
    log.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "app.py").write_text('"""An app."""\n')
    return folder


@pytest.fixture
def agent(tmp_path: Path) -> Callable[..., Path]:
    """Writes an agent called by its own name; `script` is Python that it runs as its only step."""
    team = tmp_path / "team"
    team.mkdir()

    def write(name: str, script: str = "print('done')", **keys: Any) -> Path:
        import json

        runner: dict[str, Any] = {}
        if "runner" in keys:
            pass
        elif "command" in keys:
            runner = {"runner": "process"}
        else:
            step = {"name": f"do-{name}", "run": [sys.executable, "-c", script], **keys.pop("step", {})}
            runner = {"runner": "steps", "steps": keys.pop("steps", [step])}
        front = {"name": name, "keywords": [name], "capabilities": [f"{name}-work"], **runner, **keys}
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in front.items())
        (team / f"{name}.md").write_text(f"---\n{lines}\n---\nBe {name}.\n")
        return team

    return write


@pytest.fixture
def play(log: MemoryLog, home: Path, workspace: Path, tmp_path: Path) -> Callable[..., Played]:
    """Runs a request for real and returns its facts."""

    def run(request: str, folder: Path = workspace, *, limits: Limits | None = None, **options: Any) -> Played:
        team = tmp_path / "team"
        roster = load_roster(folder, team=team if team.is_dir() else None)
        given = {name: options.pop(name) for name in ("python", "prices", "minds") if name in options}
        conductor = Conductor(log, home=home, limits=limits or Limits(), **given)
        result = asyncio.run(conductor.execute(request, folder, roster, **options))
        records = [record for record in log.read() if isinstance(record, Record)]
        return Played(result, [record.event for record in records if record.event.session == result.session])

    return run
