"""Calls somebody in for a run that asks its conductor for help: a new run of an able agent, its result the answer.

This takes a high urgency (see `assistance`). The helper works where the asker works, on the asker's place among the
agents at work, and is stopped when the asker has ended. A resumed conductor goes through the requests again: what was
answered is found in the log.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from orchestrion.agents.bus import Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.runner import Outcome
from orchestrion.agents.running import Running
from orchestrion.agents.stage import HELP, Stage, Turn
from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import MessageDelivered, MessageSent

LOOK_SECONDS = 0.05
"""Between two looks into the conductor's inbox."""
ASKED_LETTERS = 2_000
"""Of what is asked, in the helper's task; the whole is in the message."""


class Assisting:
    """The conductor's ear: takes what is said to it, and lets helpers work. `phase` is the one under way."""

    def __init__(self, stage: Stage, running: Running) -> None:
        self._stage, self._running = stage, running
        self._helping: dict[str, list[asyncio.Task[None]]] = {}
        self.phase = 1

    async def serve(self) -> None:
        """Take and serve until cancelled; helpers that are at work then are stopped."""
        async with asyncio.TaskGroup() as group:
            for request in self._earlier():
                self._begin(group, request)
            while True:
                for message in self._stage.bus.take(self._stage.conductor):
                    if message.type == HELP:
                        self._begin(group, message)
                self._stage.journal.hear(self._stage.session)
                await asyncio.sleep(LOOK_SECONDS)

    def last_words(self) -> None:
        """Take what is left in the conductor's inbox; nobody can be helped any more."""
        self._stage.bus.take(self._stage.conductor)
        self._stage.journal.hear(self._stage.session)

    async def ended(self, run: str) -> None:
        """`run` needs no help any more."""
        tasks = self._helping.pop(run, [])
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _earlier(self) -> list[MessageSent]:
        """What was asked of a conductor before this one, oldest first."""
        past, here = self._stage.journal.all_past(), self._stage.conductor
        got = {fact.message for fact in past if isinstance(fact, MessageDelivered) and fact.run == here}
        asked = [f for f in past if isinstance(f, MessageSent) and f.type == HELP and f.message in got]
        return sorted(asked, key=lambda request: str(request.happened_at))

    def _begin(self, group: asyncio.TaskGroup, request: MessageSent) -> None:
        task = group.create_task(self._help(request))
        self._helping.setdefault(request.run or request.sender, []).append(task)

    async def _help(self, request: MessageSent) -> None:
        stage, asker = self._stage, request.run or request.sender
        asked = request.payload if isinstance(request.payload, dict) else {}
        helper = self._able(str(asked.get("capability")), request.sender)
        if helper is None:
            self._answer(stage.conductor, request, f"nobody in the team can help: {asked.get('capability')}")
            return
        run = stage.run_for(helper.name, f"message-{request.message}@1", stage.journal.all_past())
        turn = Turn(
            helper, run, _task(request, asked), self.phase, parent=request.run, folder=self._folder(asker),
            context={HELP: asked},
        )  # fmt: skip
        stage.bus.join(run, helper.name)
        try:
            await self._work(turn, request)
        finally:
            stage.bus.leave(run, "its run has ended")

    async def _work(self, turn: Turn, request: MessageSent) -> None:
        stage = self._stage
        cause = f"message-{request.message}@1"
        started = stage.start(await stage.expect(turn, cause), cause)
        if stage.take_over(turn):
            return
        if stopped := stage.budget.stopped():
            outcome = stage.limit(turn, stopped)
        else:
            outcome = (await self._running.run(turn, started, None)).outcome
        self._answer(turn.run, request, _said(outcome), outcome, cause=started)
        stage.end(turn, outcome)

    def _answer(
        self, sender: str, request: MessageSent, text: str, outcome: Outcome | None = None, cause: str | None = None
    ) -> None:
        payload: dict[str, Any] = {"text": text}
        if outcome is not None:
            payload |= {"status": outcome.status, "outputs": outcome.outputs}
            payload |= {"findings": [finding.as_payload() for finding in outcome.findings]} if outcome.findings else {}
        try:
            self._stage.bus.reply(sender, request, Draft("response", payload), cause=cause)
        except NotFound:
            return  # who asked has ended meanwhile; the helper's run says what came of it

    def _able(self, capability: str, asker: str) -> AgentDefinition | None:
        able = self._stage.roster.able(capability)
        return next((agent for agent in able if agent.runner and agent.name != asker), None)

    def _folder(self, asker: str) -> Path | None:
        """The asker's own working copy, if it has one."""
        tree = self._stage.place.folder / "trees" / asker.rpartition("/")[2] / "work"
        return tree if tree.is_dir() else None


def _task(request: MessageSent, asked: dict[str, Any]) -> str:
    context = asked.get("context")
    said = context if isinstance(context, str) else json.dumps(context, ensure_ascii=False, default=str)
    return f"Help {request.sender} ({asked.get('capability')}): {said[:ASKED_LETTERS]}"


def _said(outcome: Outcome) -> str:
    return (
        outcome.summary if outcome.status == "completed" else f"it could not help ({outcome.status}): {outcome.reason}"
    )
