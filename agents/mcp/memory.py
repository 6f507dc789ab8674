"""The memory bank: patterns and handed-over context, kept in a memory server for later sessions and other tools.

Our log stays the truth: what is kept there is read from it, once more redacted, and can be made again from it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from orchestrion.agents.calling import Answer
from orchestrion.agents.mcp.config import MEMORY, Servers
from orchestrion.agents.mcp.servers import ServerPool
from orchestrion.agents.mcp.tools import RemoteTool
from orchestrion.agents.runner import Desk
from orchestrion.domain import events as e

MAX_KEPT = 200
"""Things of one session."""
LINE_CHARACTERS = 500
RECALLED_CHARACTERS = 8_000
"""Of what an agent is told from earlier sessions."""
PATTERN, HANDOFF, AGENT = "pattern", "handoff", "agent"
SPELLINGS = (MEMORY, "memory", "memory_bank")


@dataclass
class Entity:
    """One thing in the memory server's graph."""

    name: str
    type: str
    observations: list[str] = field(default_factory=list)


def memory_server(servers: Servers) -> str | None:
    """The name of the workspace's memory server, if it has one."""
    return next((name for name in SPELLINGS if name in servers), None)


async def keep(pool: ServerPool, server: str, facts: Iterable[e.Event], desk: Desk) -> None:
    """Store what was discovered and handed over in `facts`; each call is a fact of the desk's run."""
    entities, relations = graph_of(facts)
    if not entities:
        return
    created = [{"name": each.name, "entityType": each.type, "observations": []} for each in entities]
    seen = [{"entityName": each.name, "contents": each.observations} for each in entities if each.observations]
    calls = (
        ("create_entities", {"entities": created}),
        ("add_observations", {"observations": seen}),
        (
            "create_relations",
            {"relations": [dict(zip(("from", "relationType", "to"), each, strict=True)) for each in relations]},
        ),
    )
    for tool, params in calls:
        if any(params.values()) and (await _call(pool, server, tool, params, desk)).status != "ok":
            return  # the fact says why; the next session keeps its own


async def recall(pool: ServerPool, server: str, agent: str, desk: Desk) -> str | None:
    """What earlier sessions left that speaks of `agent`, as text; None where there is nothing, or no answer."""
    answer = await _call(pool, server, "search_nodes", {"query": agent}, desk)
    graph = answer.result.get("structured")
    if answer.status != "ok" or not isinstance(graph, dict):
        return None
    lines = [
        f"{each.get('name')} ({each.get('entityType')}): {'; '.join(map(str, each.get('observations') or ()))}"
        for each in graph.get("entities") or ()
        if isinstance(each, dict) and each.get("entityType") != AGENT
    ]
    return "\n".join(lines)[:RECALLED_CHARACTERS] or None


def graph_of(facts: Iterable[e.Event]) -> tuple[list[Entity], list[tuple[str, str, str]]]:
    """What is worth keeping of a session: entities, and relations (from, what, to). The same facts give the same."""
    entities: dict[str, Entity] = {}
    relations: dict[tuple[str, str, str], None] = {}
    for fact in facts:
        for entity, related in _things(fact):
            held = entities.setdefault(entity.name, Entity(entity.name, entity.type))
            held.observations += [line for line in entity.observations if line not in held.observations]
            relations |= dict.fromkeys(related)
            for name in {end for start, _, stop in related for end in (start, stop)} - {entity.name}:
                entities.setdefault(name, Entity(name, AGENT))
    return list(entities.values())[:MAX_KEPT], list(relations)[:MAX_KEPT]


def _things(fact: e.Event) -> Iterator[tuple[Entity, list[tuple[str, str, str]]]]:
    match fact:
        case e.PatternDiscovered(name=name, agent=agent):
            said = [f"{fact.type}, {fact.confidence:.0%} sure, session {fact.session}"]
            said += [f"context: {fact.context}"] if fact.context else []
            said += [f"solution: {fact.solution}"] if fact.solution else []
            said += [f"discovered by {agent}"] if agent else []
            entity = Entity(f"pattern:{name}"[:LINE_CHARACTERS], PATTERN, _short(said))
            yield entity, [(agent, "discovered", entity.name)] if agent else []
        case e.HandoffOffered(package=package) if isinstance(package, dict):
            context = package.get("executionContext") or {}
            said = [f"{fact.giver} hands to {fact.taker}: {fact.task}"]
            for part in ("decisions", "warnings", "discoveries"):
                said += [f"{part}: {line}" for line in context.get(part) or ()]
            entity = Entity(f"handoff:{fact.handoff}", HANDOFF, _short(said))
            yield entity, [(fact.giver, "hands over", entity.name), (entity.name, "goes to", fact.taker)]
        case _:
            return


async def _call(pool: ServerPool, server: str, tool: str, params: dict[str, Any], desk: Desk) -> Answer:
    # The server says that its writing tools are not idempotent; in truth it keeps one of what is the same.
    return await pool.call(RemoteTool(server, tool, idempotent=True), params, desk)


def _short(lines: list[str]) -> list[str]:
    return [" ".join(line.split())[:LINE_CHARACTERS] for line in lines[:50]]
