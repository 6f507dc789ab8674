"""The Python API's learning: executions told by a program, what past runs teach, and discoveries shared with others."""

from collections.abc import Mapping
from typing import Any

from pydantic.alias_generators import to_snake

from orchestrion.agents.telling import Execution, tell_execution
from orchestrion.cli.api_bus import CommunicationBus
from orchestrion.cli.wiring import stored
from orchestrion.domain.errors import Refused
from orchestrion.domain.events import PatternDiscovered
from orchestrion.domain.payloads import checked, share
from orchestrion.domain.streams import new_id, witnessed

TASK_KEYS = {
    "task": "text", "text": "text", "task_type": "type", "type": "type", "complexity": "complexity", "files": "files",
    "technologies": "technologies", "technologies_used": "technologies",
}  # fmt: skip
"""What a query may say of a task, in our words and in the specification's, and what it is called in `Task`."""


class LearningSystem:
    """Learns from the log that `bus` writes to, and tells others through it. Keys may be camelCase or snake_case."""

    def __init__(self, bus: CommunicationBus) -> None:
        self._bus = bus

    async def record_agent_execution(self, agent: str, execution: Mapping[str, Any]) -> str:
        """Tell of a run that has ended; its id. What is not told stays unknown.

        `execution`: success (bool); as wanted `duration` (ms), `tool_sequence`, `task`, `files_modified`, `files_read`,
        `quality_score` (0 to 100), `requires_rework`, `reason` (of a failure), `session_id` (else the bus's own), or
        `run`: one that the log knows already, of which then only the judgement is kept. Raises Refused, NotFound.
        """
        given = _snake(execution)
        if unknown := sorted(given.keys() - Execution.model_fields.keys()):
            raise Refused(f"an execution has no {', '.join(unknown)}; it has: {', '.join(Execution.model_fields)}")
        told = Execution.of(given)
        return await self._bus.do(lambda: tell_execution(self._bus.log, self._bus.session, agent, told))

    async def query_learnings(
        self, agent: str, task: Mapping[str, Any] | None = None, *, limit: int | None = None, at: int | None = None
    ) -> dict[str, Any]:
        """What the newest `limit` runs of `agent` say about a task: its words, `task_type`, `complexity`, `files` …

        The keys of the specification (`docs/learning.md`), confidences in percent. Raises NotFound for an agent that
        the log does not know, Refused for a task with other keys.
        """
        from orchestrion.projections.learning import Task, query_learnings
        from orchestrion.projections.learning.executions import MAX_EXECUTIONS
        from orchestrion.projections.learning.similarity import LEVELS

        given = _snake(task or {})
        if unknown := sorted(given.keys() - TASK_KEYS.keys()):
            raise Refused(f"a task has no {', '.join(unknown)}; it has: {', '.join(TASK_KEYS)}")
        if given.get("complexity") not in {None, *LEVELS}:
            raise Refused(f"a task's complexity is one of {', '.join(LEVELS)}, not {given['complexity']!r}")
        named = {TASK_KEYS[key]: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
        wanted = Task(**named)  # type: ignore[arg-type]  # by name; complexity was checked
        most = MAX_EXECUTIONS if limit is None else limit

        def ask() -> dict[str, Any]:
            with stored(self._bus.log, self._bus.home) as store:
                return query_learnings(store, agent, wanted, at=at, limit=most)

        return await self._bus.do(ask)

    async def share_discovery(self, agent: str, discovery: Mapping[str, Any]) -> PatternDiscovered:
        """An agent of the bus noticed a pattern: a fact of the log, told to all others in one message.

        `discovery`: `pattern` (a name, or `{"name", "type"}`) and `confidence` (0 to 1, or percent above 1); as wanted
        `context`, `solution`, `evidence` (positions). Raises Refused, and RuleBroken for an agent of another bus.
        """
        given, run = _snake(discovery), self._bus.run_of(agent)
        pattern = given.get("pattern")
        named = _snake(pattern) if isinstance(pattern, Mapping) else {"name": pattern}
        payload = {
            "pattern": named.get("name"), "confidence": given.get("confidence"),
            **{key: given[key] for key in ("context", "solution") if given.get(key) is not None},
        }  # fmt: skip
        checked("pattern_discovered", payload)
        fact = PatternDiscovered(
            source="conductor", happened_at=self._bus.post.now(), session=self._bus.session, run=run, agent=agent,
            pattern=new_id("pat"), name=str(named["name"]), type=str(named.get("type") or "pattern"),
            context=_text(given.get("context")), solution=_text(given.get("solution")),
            confidence=share(given["confidence"]), evidence=tuple(given.get("evidence") or ()),
        )  # fmt: skip
        await self._bus.do(lambda: self._bus.log.observe([witnessed(fact)]))
        if await self._bus.do(lambda: self._bus.caught_up().exchange.others(run)):
            await self._bus.broadcast_message(agent, {"type": "pattern_discovered", "payload": payload})
        return fact


def _snake(given: Mapping[str, Any]) -> dict[str, Any]:
    return {to_snake(key): value for key, value in given.items()}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
