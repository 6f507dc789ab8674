"""Reads tau-bench runs: results with a trajectory of chat messages and a reward, or conversations as plain text."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.chats import HEAD, TAIL, ChatReader, head, is_chat, name_of, outcome_of
from orchestrion.ingest.telling import objects
from orchestrion.ingest.values import mapping, text

DISPLAY = "messages_display"
NOTHING = "None"
"""What stands for a message without text: a call of a tool that the text does not name."""

_TURN = re.compile(r"^(user|assistant|tool): ", re.MULTILINE)


class TauReader(ChatReader):
    """Reads the runs of one file, one after the other."""

    product = "tau-bench"

    def line(self, value: dict[str, Any]) -> str:
        """Tell a run's head, one message, its reward, or a whole conversation."""
        if (display := text(value.get(DISPLAY))) is not None:
            return self._displayed(display)
        match value.get("type"):
            case "head":
                self.start(text(value.get("session")) or "tau-bench", project=text(value.get("task")))
                return HEAD
            case "tail" if self.session is not None:
                judged = outcome_of(value.get("reward"))
                self.tell(e.OutcomeJudged, subject=f"{self.run}", by="tau-bench", **judged)
                return TAIL
        return super().line(value)

    def _displayed(self, display: str) -> str:
        """A conversation as text. Calls are not shown in it: of a tool only that it answered, so none is told."""
        pieces = _TURN.split(display)[1:]
        messages = [
            {"role": role, "content": said.strip()} for role, said in zip(pieces[::2], pieces[1::2], strict=True)
        ]
        if not messages:
            return "empty-message"
        self.start(name_of("tau-bench", messages, display))
        for message in messages:
            self._step += 1
            if message["role"] == "user":
                self.asked(message["content"])
            elif message["role"] == "assistant" and message["content"] != NOTHING:
                self.answered(message)
            elif message["role"] == "tool":
                self.say(self.step, "context_share", "tool", "main", message["content"])
        return ""


class TauBench:
    """The format of the results of tau-bench."""

    name = "tau-bench"
    parser = TauReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first line is a conversation."""
        return any(DISPLAY in each for each in objects(values[:1]))

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """Each run's head, its messages, and its reward."""
        if not isinstance(document, list) or not document or not all(_is_run(each) for each in document[:5]):
            return None
        return (part for run in objects(document) for part in _parts(run))

    def reader(self, companion: dict[str, Any] | None = None) -> TauReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return TauReader()


def _is_run(value: Any) -> bool:
    return {"task_id", "traj"} <= mapping(value).keys() and is_chat(mapping(value).get("traj"))


def _parts(run: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One run, part by part."""
    messages = run.get("traj")
    messages = objects(messages) if isinstance(messages, list) else []
    name = name_of("tau-bench", messages, run.get("task_id"), run.get("trial"))
    yield head(name, task=f"task {run.get('task_id')}, trial {run.get('trial')}")
    yield from messages
    yield {"type": TAIL, "reward": run.get("reward"), "info": run.get("info")}
