"""Which log records of OpenTelemetry are facts: what models answered, how they were judged; the rest has a rule."""

from hashlib import sha256
from typing import Any

from orchestrion.ingest.span_reader import SpanReader
from orchestrion.ingest.spans import OF_CLAUDE_CODE, figure, moment_of
from orchestrion.ingest.telling import MAIN, spoken
from orchestrion.ingest.values import mapping, text

LOG, METRIC = "log", "metric"
GENAI = "gen_ai."
CHOICE = "gen_ai.choice"
_REPEATED = (".system.message", ".user.message", ".assistant.message", ".tool.message")
"""Each request to a model repeats these: the whole history so far."""


def rule_of(record: dict[str, Any]) -> str | None:
    """The rule by which a record is ignored; None if it is a fact."""
    if record.get("type") == METRIC:
        return "metric"
    name = name_of(record)
    if name.startswith(OF_CLAUDE_CODE) or str(record.get("body")).startswith(OF_CLAUDE_CODE):
        return "claude-code"
    if name.startswith(GENAI) and name.endswith(_REPEATED):
        return "repeated-history"
    if name.startswith(GENAI) and text(record.get("trace")) and text(record.get("span")):
        return None
    return "log"


def name_of(record: dict[str, Any]) -> str:
    """The event's name: a field of its own since 2025, an attribute before."""
    return text(record.get("event")) or text(mapping(record.get("attributes")).get("event.name")) or ""


class RecordReader(SpanReader):
    """Reads spans, and log records beside them."""

    def line(self, value: dict[str, Any]) -> str:
        """Tell one span or one record."""
        if value.get("type") not in (LOG, METRIC):
            return super().line(value)
        rule = rule_of(value)
        if rule is None:
            self._record(value)
        return rule or ""

    def _record(self, value: dict[str, Any]) -> None:
        """A choice is what a model answered; all else of the GenAI conventions is kept as it is."""
        trace, span, name = str(value["trace"]), str(value["span"]), name_of(value)
        self.at = None
        self.begin(trace)
        self.at = moment_of(figure(value.get("at")) or None)
        self.run, self.agent = None, None
        body, attributes = value.get("body"), mapping(value.get("attributes"))
        answer = spoken(mapping(mapping(body).get("message")).get("content")) if name == CHOICE else ""
        content = sha256(repr((name, value.get("at"), body, attributes)).encode("utf-8", "replace")).hexdigest()[:16]
        key = f"{trace}:{span}:{content}"
        if answer:
            self.say(key, "response", MAIN, "all", answer)
        else:
            self.incident(f"log:{name}", {"span": span, "body": body, "attributes": attributes}, key)
