"""kill -9 of `orchestrion run` and of `resume` at random moments; the last resume ends as an undisturbed run does."""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.record import Record
from orchestrion.eventstore import open_log

REQUEST = "alpha beta gamma delta"
SARIF = (
    "import json, pathlib; print(json.dumps({'runs': [{'results': [{'ruleId': 'R', 'level': 'error',"
    " 'message': {'text': 'bad'}, 'locations': [{'physicalLocation': {'artifactLocation': {'uri': 'app.py'}}}]}"
    " for line in pathlib.Path('app.py').read_text().split() if line == 'bad']}]}))"
)
FIX = "import pathlib; p = pathlib.Path('app.py'); p.write_text(p.read_text().replace('bad bad', 'bad good'))"
COUNT = "open({effects!r}, 'a').write({name!r} + chr(10)); import time; time.sleep(0.05)\n"
WAIT_SECONDS = 60


class Stage:
    """A repository, a team and a home; every step leaves a line in `effects` each time it really runs."""

    def __init__(self, folder: Path) -> None:
        self.home, self.project, self.team = folder / "home", folder / "project", folder / "team"
        self.effects = folder / "effects"
        self.project.mkdir(parents=True)
        self.team.mkdir()
        (self.project / "app.py").write_text("bad bad\n")
        for command in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=a", "-c", "user.email=b", "commit", "-qm", "c"],
        ):
            subprocess.run(["git", *command], cwd=self.project, check=True)
        self.agent("alpha", [("look", SARIF, {"reads": "sarif"})])
        self.agent(
            "beta", [("prepare", "", {}), ("fix", FIX, {})], after=["alpha-work"], writes=True, validation="alpha-work"
        )
        self.agent("gamma", [("test", "", {}), ("more", "", {})], after=["beta-work"])
        self.agent("delta", [("doc", "open('doc.md', 'w').write('d')", {})], after=["beta-work"], writes=True)

    def agent(self, name: str, steps: list[tuple[str, str, dict[str, Any]]], **keys: Any) -> None:
        listed = [
            {
                "name": step,
                "idempotent": True,
                "run": [sys.executable, "-c", COUNT.format(effects=str(self.effects), name=step) + script],
                **more,
            }
            for step, script, more in steps
        ]
        front = {"name": name, "keywords": [name], "capabilities": [f"{name}-work"], "runner": "steps", "steps": listed}
        lines = "\n".join(f"{key}: {json.dumps(value)}" for key, value in {**front, **keys}.items())
        (self.team / f"{name}.md").write_text(f"---\n{lines}\n---\nBe {name}.\n")

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        command = [
            sys.executable,
            "-m",
            "orchestrion.cli.main",
            *arguments,
            "--home",
            str(self.home),
            "--format",
            "json",
        ]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self) -> "subprocess.Popen[str]":
        return self.start("run", REQUEST, "--workspace", str(self.project), "--team", str(self.team), "--apply")

    def records(self) -> list[Record]:
        with open_log(self.home) as log:
            return [record for record in log.read() if isinstance(record, Record)]


def told(records: list[Record]) -> Counter[str]:
    """The facts, without times, processes, leases, the session's own name and its folder."""
    session = records[0].event.session or ""
    start = next(record.event for record in records if isinstance(record.event, e.SessionStarted))
    folder = str(Path(start.workspace or "").parent)
    found: Counter[str] = Counter()
    for record in records:
        event = record.event
        if event.kind.startswith(("lease.", "process.")):
            continue
        drop = {"happened_at", "duration_ms", "cause", "options", "package", "result", "bodies"}
        if event.kind in {"message.delivered", "message.expired"}:
            drop |= {"reason"}  # which of the two parallel agents were still there depends on the moment
        fields = event.model_dump(mode="json", exclude=drop)
        kind = "settled" if "reason" in drop else event.kind
        found[f"{kind} {json.dumps(fields, sort_keys=True)}".replace(session, "S").replace(folder, "F")] += 1
    return found


def killed_somewhere(stage: Stage, chance: random.Random, total: int) -> None:
    """Run, kill at a random fact, and resume and kill until a resume ends by itself."""
    process, kills = stage.run(), chance.randint(1, 3)
    goal = chance.randint(5, total - 1)
    for _ in range(kills):
        with open_log(stage.home) as log:
            while log.head() < goal and process.poll() is None:
                log.wait(log.head(), 0.5)
        if chance.random() < 0.5:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(chance.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        records = stage.records()
        session = records[0].event.session or ""
        if any(isinstance(record.event, e.SessionEnded) for record in records):
            refused = stage.start("resume", session)
            assert "there is nothing to resume" in refused.communicate()[1]
            assert refused.returncode == 5
            return
        goal = records[-1].position + chance.randint(1, 12)
        process = stage.start("resume", session)
    out, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, err
    assert json.loads(out)["status"] == "completed"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    stage = Stage(tmp_path_factory.mktemp("undisturbed"))
    process = stage.run()
    _, err = process.communicate(timeout=WAIT_SECONDS)
    assert process.returncode == 0, err
    return stage.records()


def check(folder: Path, seed: int, undisturbed: list[Record]) -> None:
    stage = Stage(folder)
    killed_somewhere(stage, random.Random(seed), undisturbed[-1].position)  # noqa: S311 - picks moments
    records = stage.records()
    expected, got = told(undisturbed), told(records)
    assert got == expected, {"missing": expected - got, "too much": got - expected}
    events = [record.event for record in records]
    started = Counter(event.call for event in events if isinstance(event, e.ProcessStarted))
    assert all(count <= 4 for count in started.values())
    lines = stage.effects.read_text().split() if stage.effects.exists() else []
    assert len(lines) <= sum(started.values()) + 4, "an answered call was made again"
    for call in [record for record in records if isinstance(record.event, e.ToolReturned)]:
        later = [r for r in records if r.stream == f"process-{call.event.call}" and r.position > call.position]
        assert not later, "an answered call was made again"
    assert (stage.project / "app.py").read_text() == "bad good\n"
    assert (stage.project / "doc.md").read_text() == "d"
    assert not list((stage.home / "workspaces").iterdir())
    with open_log(stage.home) as log:
        assert log.verify().ok
    mark = f"ORCHESTRION_SESSION={events[0].session}".encode()
    alive = [p for p in Path("/proc").glob("[0-9]*/environ") if os.access(p, os.R_OK) and mark in _environ(p)]
    assert not alive


def _environ(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_conductor_is_resumed_to_the_same_end(tmp_path: Path, seed: int, undisturbed: list[Record]) -> None:
    check(tmp_path, seed, undisturbed)


def test_of_two_conductors_that_resume_one_session_at_once_one_does_and_the_other_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    process = stage.run()
    with open_log(stage.home) as log:
        while log.head() < 15 and process.poll() is None:
            log.wait(log.head(), 0.5)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    session = stage.records()[0].event.session or ""
    rivals = [stage.start("resume", session) for _ in range(2)]
    said = [(rival.communicate(timeout=WAIT_SECONDS)[1], rival.returncode) for rival in rivals]
    assert sorted(code for _, code in said) == [0, 5], said
    (refused,) = [text for text, code in said if code == 5]
    assert any(why in refused for why in ("another conductor has just taken", "is conducted by", "has ended")), refused
    events = [record.event for record in stage.records()]
    assert sum(isinstance(event, e.SessionEnded) for event in events) == 1
    runs = Counter(event.run for event in events if isinstance(event, e.AgentStarted))
    assert set(runs.values()) == {1}


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_hundred_killed_conductors_are_resumed_to_the_same_end(tmp_path: Path, undisturbed: list[Record]) -> None:
    for seed in range(100, 200):
        check(tmp_path / str(seed), seed, undisturbed)
