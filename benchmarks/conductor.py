"""What the conductor costs: its overhead an agent, commits aside, and agents side by side against one after the other.

Run: python benchmarks/conductor.py. Prints medians of five interleaved rounds of one run.

- overhead: the time of a session of N agents that do nothing in the conductor itself (runner without a child process,
  log in memory), divided by N, compared with the same on SQLite, whose difference is the commits.
- processor time: the same overhead counted in the conductor's own processor time, which other work on the machine does
  not lengthen.
- built-in: those of the built-in team that only read (auditor, reviewer, tests, documentation) on the example
  repository, in one phase, side by side and one after the other. The ideal is the longest of them alone, or all of them
  together shared among the cores, whichever is longer.
- parallel: four agents that wait 0.5 s each in a child process, under max_parallel_agents 4 and 1. The ideal is a
  quarter of the sequential time.
"""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

from orchestrion.agents import AgentDefinition, Conductor, Limits, example_repository, load_roster
from orchestrion.agents.planner import Plan
from orchestrion.agents.roster import Roster, roster_of
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.agents.running import RUNNERS
from orchestrion.domain.events import AgentCompleted, AgentStarted, PlannedTask
from orchestrion.domain.ports import Log
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog, open_log

ROUNDS = 5
AGENTS = 20
WAITERS = 4
WAIT_SECONDS = 0.5
READERS = ("security-auditor", "code-reviewer", "test-suite-developer", "docs-writer")
BUILT_IN_ROUNDS = 3


class Idle:
    """A runner that calls one tool which answers at once."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        """See `Runner`."""
        desk.take()
        call = desk.called("nothing", {"run": work.run})
        desk.returned(call, "ok")
        return Outcome(summary="did nothing")


def team(count: int, script: str) -> tuple[Roster, Plan]:
    """So many agents of one phase, each running `script`."""
    step = {"name": "step", "run": [sys.executable, "-S", "-c", script]}
    agents = [
        AgentDefinition.model_validate({"name": f"a{n}", "runner": "steps", "steps": [step]}) for n in range(count)
    ]
    tasks = tuple(PlannedTask(id=f"t{n}", agent=agent.name, task="work") for n, agent in enumerate(agents))
    roster = roster_of(agents)
    return roster, Plan("work", tasks, (tuple(roster.agents),), "benchmark")


def processor(log: Log, home: Path, workspace: Path, work: tuple[Roster, Plan]) -> float:
    """Processor seconds of this process for one session of agents that start no process."""
    begun = time.process_time()
    seconds(log, home, workspace, work, 5)
    return time.process_time() - begun


def seconds(log: Log, home: Path, workspace: Path, work: tuple[Roster, Plan], parallel: int) -> float:
    """How long one session takes."""
    roster, plan = work
    conductor = Conductor(log, home=home, limits=Limits(max_parallel_agents=parallel))
    begun = time.perf_counter()
    result = asyncio.run(conductor.execute("work", workspace, roster, plan=plan))
    taken = time.perf_counter() - begun
    assert result.status == "completed", result.reason
    return taken


def overhead(folder: Path, workspace: Path) -> None:
    """Print the milliseconds an agent costs."""
    real = RUNNERS["steps"]
    RUNNERS["steps"] = Idle()  # type: ignore[index]  # the table is a dict; only here is another runner wanted
    found: dict[str, list[float]] = {"memory": [], "sqlite": [], "one agent": []}
    try:
        many, one = team(AGENTS, ""), team(1, "")
        for n in range(ROUNDS):
            with MemoryLog() as log:
                found["memory"].append(seconds(log, folder / f"m{n}", workspace, many, 5))
            with MemoryLog() as log:
                found["one agent"].append(seconds(log, folder / f"o{n}", workspace, one, 5))
            with open_log(folder / f"s{n}") as log:
                found["sqlite"].append(seconds(log, folder / f"s{n}", workspace, many, 5))
            for name, work in (("cpu many", many), ("cpu one", one)):
                with MemoryLog() as log:
                    found.setdefault(name, []).append(processor(log, folder / f"{name}{n}", workspace, work))
    finally:
        RUNNERS["steps"] = real  # type: ignore[index]
    middle = {name: statistics.median(values) for name, values in found.items()}
    each = (middle["memory"] - middle["one agent"]) / (AGENTS - 1) * 1000
    commits = (middle["sqlite"] - middle["memory"]) / AGENTS * 1000
    print(f"overhead an agent, commits aside   {each:8.2f} ms   (goal: below 5 ms)")
    own = (middle["cpu many"] - middle["cpu one"]) / (AGENTS - 1) * 1000
    print(f"of it the processor's own time     {own:8.2f} ms")
    print(f"its commits on SQLite              {commits:8.2f} ms   (seven facts an agent)")
    print(f"a session of one agent             {middle['one agent'] * 1000:8.2f} ms   (with its working copy)")


def side_by_side(folder: Path, workspace: Path) -> None:
    """Print how close parallel agents come to the ideal."""
    work = team(WAITERS, f"import time; time.sleep({WAIT_SECONDS})")
    found: dict[int, list[float]] = {WAITERS: [], 1: []}
    for n in range(ROUNDS):
        for parallel, times in found.items():
            home = folder / f"p{parallel}-{n}"
            with open_log(home) as log:
                times.append(seconds(log, home, workspace, work, parallel))
    together, after = statistics.median(found[WAITERS]), statistics.median(found[1])
    ideal = after / WAITERS
    print(f"{WAITERS} agents one after the other        {after * 1000:8.0f} ms")
    share = f"({ideal / together:.0%} of the ideal; goal 85 %)"
    print(f"{WAITERS} agents side by side               {together * 1000:8.0f} ms   {share}")


def built_in(folder: Path) -> None:
    """Print how close the built-in team's independent agents come to the ideal."""
    project = Path(shutil.copytree(example_repository(), folder / "example"))
    roster = load_roster(project)
    tasks = tuple(PlannedTask(id=name, agent=name, task="look") for name in READERS)
    work = roster, Plan("look", tasks, (READERS,), "benchmark")
    together: list[float] = []
    alone: dict[str, list[float]] = {name: [] for name in READERS}
    for n in range(BUILT_IN_ROUNDS):
        for parallel in (len(READERS), 1):
            home = folder / f"b{parallel}-{n}"
            with open_log(home) as log:
                seconds(log, home, project, work, parallel)
                ends = [r.event for r in log.read() if isinstance(r, Record) and isinstance(r.event, AgentCompleted)]
                starts = [r.event for r in log.read() if isinstance(r, Record) and isinstance(r.event, AgentStarted)]
            if parallel == 1:
                for end in ends:
                    alone[end.agent or ""].append((end.duration_ms or 0) / 1000)
            else:
                first, last = min(s.happened_at for s in starts), max(end.happened_at for end in ends)
                together.append((last - first).total_seconds())
    each = [statistics.median(times) for times in alone.values()]
    ideal = max(*each, sum(each) / (os.cpu_count() or 1))
    span = statistics.median(together)
    print(f"built-in, one after the other      {sum(each) * 1000:8.0f} ms   (longest {max(each) * 1000:.0f} ms)")
    share = f"({ideal / span:.0%} of the ideal on {os.cpu_count()} cores; goal 85 %)"
    print(f"built-in, side by side             {span * 1000:8.0f} ms   {share}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        project.mkdir()
        (project / "app.py").write_text("x = 1\n")
        overhead(Path(name), project)
        side_by_side(Path(name), project)
        built_in(Path(name))
