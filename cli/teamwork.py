"""Runs a team for the command line: the commentary as it happens, then the outcome and the diff."""

import asyncio
import math
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrion.cli import exits
from orchestrion.cli.advising import learnt, router, seed_of
from orchestrion.cli.commentary import Narrator
from orchestrion.cli.options import Format
from orchestrion.cli.plain import lasting
from orchestrion.cli.settings import Settings, seconds_of
from orchestrion.cli.show import Sheet, answer, out, say
from orchestrion.cli.wiring import Home, prices_of, written_log
from orchestrion.domain.errors import BadDefinition, Interrupted, NotFound, Refused
from orchestrion.domain.inert import inert

if TYPE_CHECKING:
    from orchestrion.agents import ExecutionResult, Limits, Plan, Roster
    from orchestrion.agents.exchange import Talk
    from orchestrion.agents.mcp.config import McpUse
    from orchestrion.agents.minds import Minds
    from orchestrion.domain.events import Event

AGENT_COLUMNS = ("agent", "status", "duration_ms", "files_modified", "summary", "reason", "remedy")
MEMORY_SWITCHES = ("memory_bank", "memory")
"""A memory server that is switched on is used, unless `learning.mcp_integration` says otherwise."""
PLANNERS = ("vocabulary", "llm")
PLAN_COLUMNS = ("phase", "id", "agent", "task", "depends_on", "matched")


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done, where, and by whom; `agent` alone if one is named."""

    request: str
    workspace: Path
    team: Path | None = None
    agent: str | None = None
    apply: bool = False
    words: list[str] | None = None
    """The arguments of a slash command where they were given one by one."""
    at: int | None = None
    """The position up to which past runs are looked at for the plan; None: all of them."""


def milliseconds(seconds: float | None, option: str) -> int | None:
    """What an option of that name says in milliseconds. Raises Refused for what is no time."""
    if seconds is None:
        return None
    if not math.isfinite(seconds):
        raise Refused(f"{option} takes a number of seconds, and {seconds} is none; without it the usual limit holds")
    return round(seconds * 1000)


def ordered(
    request: list[str], workspace: Path, team: Path | None = None, agent: str | None = None, apply: bool = False
) -> Order:
    """The order that the words of a command line give."""
    words = request[1:] if len(request) > 1 else None
    return Order(" ".join(request), workspace, team, agent, apply, words)


def work(home: Home, order: Order, settings: Settings, form: Format) -> int:
    """Let the team work, telling it on standard error; show the outcome; the exit code. Raises as `carry_out` does."""
    return show_result(carry_out(home, order, settings), form)


def show_result(result: "ExecutionResult", form: Format) -> int:
    """Show how a session went: its agents, its diff, its end; the exit code."""
    report = result.as_json()
    sheet = Sheet(AGENT_COLUMNS, [[agent.get(name) for name in AGENT_COLUMNS] for agent in report["agents"]])
    answer(report, form, sheet=sheet)
    if result.diff and form is not Format.json:
        (out if form is Format.table else say)("\n" + inert(result.diff.rstrip("\n")))
    reason = f": {result.reason}" if result.reason else ""
    say(f"Session {result.session} {result.status} in {lasting(result.duration_ms)}{reason}")
    if result.diff and result.applied is None:
        say("The workspace is as it was; --apply brings such changes back.")
    say(f"More: orchestrion report {result.session}")
    return exits.OK if result.success else exits.NOT_COMPLETED


def carry_out(home: Home, order: Order, settings: Settings) -> "ExecutionResult":
    """Plan the order, run it with a live commentary, and give back how it went.

    Raises NotFound, BadDefinition, BadPlan and CannotRun before the log is touched; Interrupted when it is stopped.
    """
    from orchestrion.agents import Conductor
    from orchestrion.agents.mcp.config import load_servers
    from orchestrion.agents.running import check_runnable

    roster, plan = planned(home, order, settings)
    mcp, minds = mcp_use(settings), minds_of(settings)
    check_runnable(plan, roster, load_servers(order.workspace, mcp.switches), minds)
    python = settings["orchestration.python"]
    narrator = Narrator()
    observer = telling(narrator) if settings["orchestration.dashboard_enabled"] else None
    with written_log(home) as (log, _), learnt(log, home, settings) as known:
        conductor = Conductor(
            log,
            home=home.path,
            limits=limits_of(settings),
            python=Path(python) if python else None,
            mcp=mcp,
            prices=prices_of(home),
            learnt=known,
            minds=minds,
            talk=talk_of(settings),
        )
        execution = conductor.execute(
            order.request, order.workspace, roster, plan=plan, apply=order.apply, observer=observer
        )
        result = asyncio.run(until_stopped(execution))
    if observer is not None:
        for line in narrator.total(result.duration_ms):
            say(line)
    return result


def planned(home: Home, order: Order, settings: Settings) -> "tuple[Roster, Plan]":
    """Who is there, and the plan that follows from the order. Raises BadPlan, BadDefinition, NotFound, CannotRun.

    The planner `llm` lets a model plan what is no command and for no single agent, and falls back to the other.
    """
    from orchestrion.agents.commanding import as_command, plan_request
    from orchestrion.agents.minds import check_there

    folder = project_folder(order.workspace)
    planner = settings["orchestration.planner"]
    if planner not in PLANNERS:
        raise BadDefinition(f"orchestration.planner is {planner!r}; there are: {', '.join(PLANNERS)}")
    if planner == PLANNERS[0] or order.agent is not None or as_command(order.request):
        return plan_request(order.request, folder, team=order.team, agent=order.agent, words=order.words,
                            router=router(home, settings, order.at), seed=seed_of(order.request))  # fmt: skip
    minds = minds_of(settings)
    model = minds.chosen or minds.default
    check_there(model)
    from orchestrion.agents import load_roster, make_plan
    from orchestrion.agents.thinking.planning import plan_or_fall_back

    roster = load_roster(folder, team=order.team).as_taking_part(minds)
    limits, seed = limits_of(settings), seed_of(order.request)

    def by_words() -> "Plan":
        return make_plan(order.request, roster, router(home, settings, order.at), seed=seed)

    return roster, asyncio.run(plan_or_fall_back(order.request, roster, model, minds.url, limits, other=by_words))


def minds_of(settings: Settings) -> "Minds":
    """Which models agents think with: the option before the agents' own, what is configured after them."""
    from orchestrion.agents.minds import Minds

    model, url = settings.values["orchestration.model"], settings["orchestration.model_url"]
    return Minds(model.value, None, url) if model.origin == "option" else Minds(None, model.value, url)


def show_plan(home: Home, order: Order, settings: Settings, form: Format) -> None:
    """Show who would do what after whom. Raises as `planned` does."""
    made = planned(home, order, settings)[1].as_json()
    phase_of = {agent: number for number, phase in enumerate(made["phases"], 1) for agent in phase}
    rows = [
        (phase_of[t["agent"]], t["id"], t["agent"], t["task"], ", ".join(t["depends_on"]), ", ".join(t["matched"]))
        for t in made["tasks"]
    ]
    answer(made, form, sheet=Sheet(PLAN_COLUMNS, rows))
    for task in made["tasks"]:
        if "rationale" in task:
            say(f"Chosen: {task['rationale']}")
    say("Phases: " + " → ".join(" ∥ ".join(phase) for phase in made["phases"]))
    if made.get("rationale"):
        say(f"Why: {inert(made['rationale'])}")


def project_folder(path: Path) -> Path:
    """`path` if it is a folder. Raises NotFound."""
    if not path.is_dir():
        raise NotFound(f"there is no folder {path} to work on; name one with --workspace")
    return path


def mcp_use(settings: Settings) -> "McpUse":
    """How the settings say that MCP servers are used."""
    from orchestrion.agents.mcp.config import McpUse

    switches = {
        name.removeprefix("mcp."): (held.value, held.origin)
        for name, held in settings.values.items()
        if name.startswith("mcp.")
    }
    asked = settings.values["learning.mcp_integration"]
    on, _ = next((held for name, held in switches.items() if name.replace("-", "_") in MEMORY_SWITCHES), (False, ""))
    return McpUse(switches, settings["communication.mcp_sharing"], on if asked.origin == "default" else asked.value)


def limits_of(settings: Settings) -> "Limits":
    """The bounds of a session that `settings` set."""
    from orchestrion.agents import Limits

    same = (
        "max_parallel_agents", "agent_tool_calls", "session_tool_calls", "agent_tokens", "session_tokens",
        "agent_cost", "session_cost", "loop_calls", "retries", "reworks",
    )  # fmt: skip
    in_ms = {
        "agent_seconds": "agent_timeout", "session_seconds": "session_timeout", "retry_seconds": "retry_wait",
        "model_seconds": "model_timeout", "approval_seconds": "approval_timeout",
    }  # fmt: skip
    given = {name: settings[f"orchestration.{name}"] for name in same}
    times = {name: settings[f"orchestration.{key}"] for name, key in in_ms.items()}
    return Limits(**given, **{name: ms / 1000 for name, ms in times.items() if ms is not None})


def talk_of(settings: Settings) -> "Talk":
    """What agents may say to each other, as `settings` have it."""
    from orchestrion.agents.exchange import Talk

    return Talk(
        settings["orchestration.enable_communication"],
        settings["communication.broadcast_enabled"],
        seconds_of(settings["communication.message_retention"]),
    )


def telling(narrator: Narrator) -> "Callable[[Event], None]":
    """An observer that says each event as the narrator tells it."""

    def tell(event: "Event") -> None:
        for line in narrator.event(event):
            say(line)

    return tell


async def until_stopped(execution: "Coroutine[Any, Any, ExecutionResult]") -> "ExecutionResult":
    """`execution`, stopped in order (its processes ended, its end recorded) also when we are told to terminate."""
    task = asyncio.ensure_future(execution)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        current = asyncio.current_task()
        if current is not None and current.cancelling():  # by Ctrl-C: asyncio.run turns it into KeyboardInterrupt
            raise
        raise Interrupted("stopped by a signal; what was done until then is in the log") from None
