"""One thing opened over the list it stood in: an event, a run, a call, a message, a handoff or a pattern."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult

from orchestrion.tui import figures
from orchestrion.tui.asking import Answered, Question
from orchestrion.tui.columns import Evidence, Rests, Row, events_of
from orchestrion.tui.commentary import said
from orchestrion.tui.questions import question
from orchestrion.tui.screens.view import View
from orchestrion.tui.whole import Whole
from orchestrion.tui.widgets.document import Document, Part, value_parts

EVIDENCE = "Evidence: positions in the log"
_ENDS = events_of("start and end", "run = $run AND kind LIKE 'agent.%'", "run")
_SPENT = events_of("tokens", "run = $run AND kind = 'usage.recorded'", "run")
_CALLED = events_of("this call", "data->>'$.call' = $call AND kind LIKE 'tool.%'", "call")
_SPEAKS = "data->>'$.pattern' = $pattern AND kind = 'pattern.{word}'"
RUN: Mapping[str, Rests] = {
    **dict.fromkeys(("started_at", "ended_at", "duration_ms", "status"), _ENDS),
    "tool_calls": events_of("tool calls", "run = $run AND kind LIKE 'tool.%'", "run"),
    "messages": events_of("messages", "run = $run AND kind = 'message.sent'", "run"),
    **dict.fromkeys(("own_input_tokens", "own_output_tokens", "own_cache_read_tokens", "own_cache_write_tokens",
                     "own_cost_microdollars", "unpriced_requests"), _SPENT),
}  # fmt: skip
"""The events behind figures of a run, by their names; those of a call, and of a pattern, alike."""
CALL: Mapping[str, Rests] = dict.fromkeys(
    ("started_at", "ended_at", "duration_ms", "status", "exit_code", "position"), _CALLED
)
PATTERN: Mapping[str, Rests] = {
    "confidence": events_of("the discovery", _SPEAKS.format(word="discovered"), "pattern"),
    "confirmations": events_of("what confirms it", _SPEAKS.format(word="confirmed"), "pattern"),
    "contradictions": events_of("what contradicts it", _SPEAKS.format(word="contradicted"), "pattern"),
}


class Opened(View):
    """A document made from the answers to a few questions."""

    AUTO_FOCUS = "Document"
    told_by: ClassVar[str] = ""
    """The condition on the events that tell of it, if they may have large fields."""

    def __init__(self, name: str, title: str, **params: object) -> None:
        super().__init__()
        self.asked, self.titled, self.params = name, title, params
        self.answered: Mapping[str, Answered] = {}

    def body(self) -> ComposeResult:
        yield Document()

    def questions(self) -> list[Question]:
        finish = Whole(self.told_by, self.params, self.dashboard.feed.blob) if self.told_by else None
        return [Question("it", question(self.asked), self.params, finish=finish)]

    def draw(self, answered: Mapping[str, Answered]) -> None:
        if answered == self.answered:
            return  # the same again: leave the reader's folds and place alone
        self.answered = answered
        found = answered["it"].dicts()
        parts = self.parts(found[0]) if found else [Part("Not there", "text", self.missing())]
        self.call_later(self.query_one(Document).show, parts)

    def missing(self) -> str:
        """What to say where the question has no answer."""
        at = self.dashboard.at
        return f"The log did not know it yet at position {at:,}." if at is not None else "The log does not know it."

    def parts(self, row: Row) -> list[Part]:
        """What to show of the row."""
        raise NotImplementedError

    def subject(self) -> str:
        return self.titled


class OpenedEvent(Opened):
    """An event, as it stands in the log."""

    told_by = "position = $position"

    def __init__(self, position: int) -> None:
        super().__init__("event", f"event at position {position:,}", position=position)

    def parts(self, row: Row) -> list[Part]:
        return [Part(figures.text(row["kind"]), "facts", facts(row, but=("data",))), *value_parts("Data", row["data"])]


class OpenedRun(Opened):
    """A run: its task, its end and what it put out."""

    told_by = "run = $run AND kind LIKE 'agent.%'"

    def __init__(self, row: Row) -> None:
        super().__init__("run", f"run {row['run']}", run=row["run"])

    def questions(self) -> list[Question]:
        return [*super().questions(), Question("estimate", question("estimate"), self.params)]

    def parts(self, row: Row) -> list[Part]:
        told = ("task", "summary", "reason", "remedy", "outputs", "files_modified")
        its = Part(figures.text(row["agent"]), "facts", facts(row, but=told), behind(row, RUN))
        parts = [its, self._expected()]
        for name in told:
            parts += value_parts(name.replace("_", " ").capitalize(), row[name])
        return parts

    def _expected(self) -> Part:
        heading = "Expected before it ran"
        for row in self.answered["estimate"].dicts():
            told = {
                "duration": figures.interval(row["duration_ms_low"], row["duration_ms"], row["duration_ms_high"]),
                "tokens": figures.tokens(row["tokens"]),
                "chance of success": figures.percent(row["chance"]),
                "told at position": figures.count(row["position"]),
                EVIDENCE: places(row["evidence"]),
            }
            return Part(heading, "facts", told, _rests_of_estimate(row))
        return Part(heading, "text", "unknown: no estimate of it is in the log.")


class OpenedCall(Opened):
    """A tool call: its parameters, what it changed, and its result."""

    told_by = "\"call\" = $call AND kind LIKE 'tool.%'"

    def __init__(self, call: str) -> None:
        super().__init__("call", f"call {call}", call=call)

    def parts(self, row: Row) -> list[Part]:
        return [
            Part(figures.text(row["tool"]), "facts", facts(row, but=("params", "result", "error")), behind(row, CALL)),
            *value_parts("Parameters", row["params"]),
            *value_parts("Result", row["result"]),
        ]


class OpenedMessage(Opened):
    """A message: its payload, who got it, and the thread it stands in."""

    told_by = "message = $message AND kind = 'message.sent'"

    def __init__(self, message: str, session: str | None) -> None:
        super().__init__("message", f"message {message}", message=message)
        self.session = session

    def questions(self) -> list[Question]:
        its = {"message": self.params["message"]}
        return [
            *super().questions(),
            Question("deliveries", question("deliveries"), its),
            Question("thread", question("thread"), {**its, "session": self.session}),
        ]

    def parts(self, row: Row) -> list[Part]:
        got = "\n".join(
            f"{figures.text(each['recipient'])} ({figures.text(each['run'])}): {figures.text(each['state'])}"
            for each in self.answered["deliveries"].dicts()
        )
        thread = "\n".join(_turn(each, row["message"]) for each in self.answered["thread"].dicts())
        who = f"{figures.text(row['sender'])} → {figures.text(row['recipient'])}: {figures.text(row['type'])}"
        return [
            Part(who, "facts", facts(row, but=("payload",))),
            *value_parts("Payload", row["payload"]),
            Part("Deliveries", "text", got or "Nobody is known to have got it."),
            Part("Thread", "text", thread),
        ]


class OpenedHandoff(Opened):
    """A handoff: its package, what was wrong with it, and what of it was used."""

    told_by = "handoff = $handoff AND kind LIKE 'handoff.%'"

    def __init__(self, handoff: str) -> None:
        super().__init__("handoff", f"handoff {handoff}", handoff=handoff)

    def parts(self, row: Row) -> list[Part]:
        told = ("package", "problems", "used")
        title = f"{figures.text(row['giver'])} → {figures.text(row['taker'])}"
        problems = row["problems"] or []
        return [
            Part(title, "facts", facts(row, but=told)),
            Part("Problems", "text", "\n".join(f"✗ {problem}" for problem in problems) or "none known"),
            Part("Used of it", "text", "\n".join(row["used"] or []) or figures.UNKNOWN),
            *value_parts("Package", row["package"]),
        ]


class OpenedPattern(Opened):
    """A pattern, with what it rests on."""

    def __init__(self, pattern: str) -> None:
        super().__init__("pattern", f"pattern {pattern}", pattern=pattern)

    def parts(self, row: Row) -> list[Part]:
        told = ("context", "solution", "evidence")
        parts = [Part(figures.text(row["name"]), "facts", facts(row, but=told), behind(row, PATTERN))]
        parts += value_parts("Context", row["context"]) + value_parts("Solution", row["solution"])
        if not row["evidence"]:
            return [*parts, Part(EVIDENCE, "text", places(None))]
        return [*parts, Part(EVIDENCE, "positions", row["evidence"])]


def _rests_of_estimate(row: Row) -> dict[str, Evidence]:
    rests = {"told at position": Evidence("the estimate", "position = $position", {"position": row["position"]})}
    if row["evidence"]:
        these = {"positions": row["evidence"]}
        rests[EVIDENCE] = Evidence("the evidence of the estimate", "list_contains($positions, position)", these)
    return rests


def places(positions: Sequence[int] | None) -> str:
    """Positions in the log, on one line."""
    return ", ".join(f"{position:,}" for position in positions or ()) or "none named"


def facts(row: Row, *, but: Sequence[str]) -> dict[str, Any]:
    """The columns of a row that are short enough for a line each."""
    return {name: value for name, value in row.items() if name not in but}


def behind(row: Row, rests: Mapping[str, Rests]) -> dict[str, Evidence]:
    """The events that figures of a row rest on."""
    return {name: of(row) for name, of in rests.items()}


def _turn(row: Row, here: str) -> str:
    mark = "▶" if row["message"] == here else " "
    who = f"{figures.text(row['sender'])} → {figures.text(row['recipient'])}"
    return f"{mark} {figures.clock(row['happened_at'])} {who} {figures.text(row['type'])}: {said(row['payload'])}"
