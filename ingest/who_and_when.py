"""Reads Who&When logs: what the agents of a failed team said, in order, and who made the mistake at which step.

In hand-crafted ones a role says whom it speaks to: `Orchestrator (-> WebSurfer)` hands work over, and the next word of
WebSurfer brings it back. There are no times; a message's id ends with its step.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.chats import HEAD, TAIL, ChatReader, head, name_of
from orchestrion.ingest.telling import ALL, HUMAN, objects, spoken
from orchestrion.ingest.values import mapping, text

_ROLE = re.compile(r"\s*(.+?)\s*\((?:->\s*(.+?)|(.+?))\s*\)\s*$")
SPEAKERS = frozenset({"user", "assistant"})


class WhoReader(ChatReader):
    """Reads one log."""

    product = "who-and-when"

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, tuple[str, str]] = {}
        """Work that is with an agent: the handoff, and who gave it."""

    def line(self, value: dict[str, Any]) -> str:
        """Tell the head, one step, or the verdict."""
        match value.get("type"):
            case "head":
                self.start(text(value.get("session")) or "who-and-when", request=text(value.get("question")))
                return HEAD
            case "tail" if self.session is not None:
                return self._judged(value)
        if self.session is None:
            return "no-session"
        self._step += 1
        said, role = spoken(value.get("content")), text(value.get("role")) or "none"
        name = text(value.get("name"))
        if role in SPEAKERS and name is not None:
            return self._spoke(name, said)
        return self._acted(role, said)

    def _spoke(self, name: str, said: str) -> str:
        """A word in a group that all of it hear."""
        self.run, self.agent = self.named(name), name
        self.say(self.step, "response", name, ALL, {"text": said, "step": self._step})
        return ""

    def _acted(self, role: str, said: str) -> str:
        """A step whose role says who speaks to whom."""
        routed = _ROLE.match(role)
        name, taker, aside = (routed[1], routed[2], routed[3]) if routed else (role, None, None)
        payload = {"text": said, "step": self._step}
        if name.lower() in (HUMAN, "user"):
            self.run, self.agent = f"{self.session}/main", "main"
            self.say(self.step, "prompt", HUMAN, ALL, payload)
            return ""
        self.run, self.agent = self.named(name), name
        if taker is not None:
            self._hand(name, taker, said, payload)
        elif aside is not None:
            self.say(self.step, "progress_update", name, ALL, {**payload, "status": aside})
        else:
            self._bring_back(name, payload)
        return ""

    def _hand(self, giver: str, taker: str, said: str, payload: dict[str, Any]) -> None:
        """Work for another agent."""
        run = self.named(taker)
        self.say(self.step, "task", giver, taker, payload, recipient_runs=(run,))
        self.hand_over(self.step, giver, taker, said, taker_run=run)
        self._held[taker] = (self.step, giver)

    def _bring_back(self, name: str, payload: dict[str, Any]) -> None:
        """What an agent answers to who gave it the work."""
        handoff, giver = self._held.pop(name, (None, ALL))
        self.say(self.step, "result" if handoff else "response", name, giver, payload, in_reply_to=handoff)
        if handoff is not None:
            self.tell(e.HandoffCompleted, handoff=handoff, taker=name)

    def _judged(self, value: dict[str, Any]) -> str:
        """What the people say who looked for the mistake."""
        blamed, step = text(value.get("mistake_agent")), value.get("mistake_step")
        correct = value.get("is_correct", value.get("is_corrected"))
        reason = f"{blamed} at step {step}: {value.get('mistake_reason')}" if blamed else None
        verdict = "correct" if correct is True else "incorrect"
        main = f"{self.session}/main"
        self.tell(e.OutcomeJudged, run=main, agent="main", subject=main, verdict=verdict, by=HUMAN, reason=reason)
        return TAIL


class WhoAndWhen:
    """The format of the logs of Who&When."""

    name = "who-and-when"
    parser = WhoReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:  # noqa: ARG002 - the port's
        """No lines are of this format."""
        return False

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The head with the question, the steps, and the verdict."""
        log = mapping(document)
        history = log.get("history")
        if not isinstance(history, list) or not {"question", "mistake_agent"} <= log.keys():
            return None
        steps = objects(history)
        name = name_of("who-and-when", steps[:3], log.get("question_ID"))
        verdict = {key: each for key, each in log.items() if key.startswith(("mistake_", "is_correct"))}
        return iter([head(name, question=log.get("question")), *steps, {**verdict, "type": TAIL}])

    def reader(self, companion: dict[str, Any] | None = None) -> WhoReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return WhoReader()
