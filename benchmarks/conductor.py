"""What the conductor costs: its overhead an agent, commits aside, and agents side by side against one after the other.

Run: python benchmarks/conductor.py. Prints medians of five interleaved rounds of one run.

- overhead: the time of a session of N agents that do nothing in the conductor itself (runner without a child process,
  log in memory), divided by N, compared with the same on SQLite, whose difference is the commits.
- parallel: four agents that wait 0.5 s each in a child process, under max_parallel_agents 4 and 1. The ideal is a
  quarter of the sequential time.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from orchestrion.agents import AgentDefinition, Conductor, Limits
from orchestrion.agents.planner import Plan
from orchestrion.agents.roster import Roster, roster_of
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.agents.running import RUNNERS
from orchestrion.domain.events import PlannedTask
from orchestrion.domain.ports import Log
from orchestrion.eventstore import MemoryLog, open_log

ROUNDS = 5
AGENTS = 20
WAITERS = 4
WAIT_SECONDS = 0.5


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
    finally:
        RUNNERS["steps"] = real  # type: ignore[index]
    middle = {name: statistics.median(values) for name, values in found.items()}
    each = (middle["memory"] - middle["one agent"]) / (AGENTS - 1) * 1000
    commits = (middle["sqlite"] - middle["memory"]) / AGENTS * 1000
    print(f"overhead an agent, commits aside   {each:8.2f} ms   (goal: below 5 ms)")
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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        project.mkdir()
        (project / "app.py").write_text("x = 1\n")
        overhead(Path(name), project)
        side_by_side(Path(name), project)
