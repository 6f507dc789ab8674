"""The Python API's handoffs: work given to another agent with its context, judged when it is received."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrion.agents.handover import Handover
from orchestrion.cli.api_bus import CommunicationBus
from orchestrion.domain.events import HandoffOffered, RunStatus


class HandoffSystem:
    """Handoffs between the agents of a bus. `workspace` is where the files lie that packages name."""

    def __init__(self, bus: CommunicationBus, workspace: Path | None = None) -> None:
        self._bus, self._workspace = bus, workspace or Path.cwd()

    async def initiate_handoff(self, giver: str, taker: str, given: Mapping[str, Any]) -> HandoffOffered:
        """Offer work. The package is built from the log and enriched by `given` (see `Handover.offer`).

        Raises Refused (no task, or something a package has no place for), NotFound (taker), RuleBroken (giver).
        """
        run = self._bus.run_of(giver)
        return await self._bus.do(lambda: self._handover().offer(run, taker, given))

    async def receive_handoff(self, taker: str, handoff: HandoffOffered | str | None = None) -> dict[str, Any]:
        """Take an offer, the oldest if none is named: `{"handoff", "giver", "task", "package"}`.

        Raises NotFound if there is none; RuleBroken, saying why, if the package does not hold up against its schema,
        the log and the workspace: it is rejected then, and the giver is told as a task.
        """
        run = self._bus.run_of(taker)
        name = handoff.handoff if isinstance(handoff, HandoffOffered) else handoff
        return await self._bus.do(lambda: self._handover().receive(run, name))

    async def complete_handoff(self, taker: str, handoff: str, status: RunStatus = "completed") -> tuple[str, ...]:
        """The work has ended; files of the package that the taker used, as the log shows it."""
        run = self._bus.run_of(taker)
        return await self._bus.do(lambda: self._handover().complete(run, handoff, status))

    async def get_handoff_history(self) -> list[dict[str, Any]]:
        """Every handoff of the session, oldest first: who, to whom, what, and what became of it."""
        return await self._bus.do(self._handover().history)

    async def get_statistics(self) -> dict[str, Any]:
        """Counts: `handoffs`, `by_status`, `by_pair` (`giver → taker`)."""
        rows = await self.get_handoff_history()
        return {
            "handoffs": len(rows),
            "by_status": dict(Counter(row["status"] for row in rows)),
            "by_pair": dict(Counter(f"{row['giver']} → {row['taker']}" for row in rows)),
        }

    def _handover(self) -> Handover:
        return Handover(self._bus.post, self._workspace)
