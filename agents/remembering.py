"""When the memory bank is used: an agent is told what earlier sessions left for it, and a session leaves its own."""

from dataclasses import replace

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.desk import RunDesk
from orchestrion.agents.exchange import CONDUCTOR
from orchestrion.agents.mcp.memory import keep, memory_server, recall
from orchestrion.agents.opening import PLAN_VERSION
from orchestrion.agents.runner import Lost, Work
from orchestrion.agents.stage import Stage, Turn
from orchestrion.domain import events as e
from orchestrion.domain.bodies import whole
from orchestrion.domain.spending import Stopped

CONTEXT = "memory"
"""Under this name in what is handed to an agent."""


def memory_of(stage: Stage) -> str | None:
    """The memory server that the session uses, if it is to remember."""
    return memory_server(stage.servers.servers) if stage.mcp.remember else None


async def remembered(stage: Stage, work: Work, desk: RunDesk) -> Work:
    """`work` with what earlier sessions left for its agent. A `steps` agent has no use for it."""
    server = memory_of(stage)
    if server is None or work.agent.runner in {None, "steps"}:
        return work
    text = await recall(stage.servers, server, work.agent.name, desk)
    return work if text is None else replace(work, context={**work.context, CONTEXT: text})


async def leave(stage: Stage) -> None:
    """Keep what this session discovered and handed over; what prevents it is an incident, for the log has it anyway."""
    server = memory_of(stage)
    if server is None:
        return
    journal = stage.journal
    facts = [whole(fact, journal.log.blob) for fact in journal.facts(stage.session)]
    turn = Turn(AgentDefinition(name=CONDUCTOR), stage.conductor, "keep what was learned", 0)
    try:
        await keep(stage.servers, server, facts, stage.desk(turn, f"session-{stage.session}@{PLAN_VERSION}"))
    except (Stopped, Lost) as stopped:
        event = e.IncidentObserved(
            source="conductor", happened_at=journal.now(), session=stage.session,
            incident=f"{stage.session}/memory", type="memory_not_kept", detail={"server": server, "why": str(stopped)},
        )  # fmt: skip
        journal.write([event])
