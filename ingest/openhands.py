"""Reads OpenHands events, of version 0 (action and observation) and 1 (named by `kind`), as lines or as an array.

The events do not name their session: it is named after the first one's id and time.
"""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from orchestrion.domain import events as e
from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader, kind_of, spoken
from orchestrion.ingest.values import count, mapping, moment, text

PLAIN_KINDS = frozenset({"SystemPromptEvent", "CondensationRequest", "TokenEvent", "LLMCompletionLogEvent"})
INCIDENTS = {"Condensation": "compaction", "PauseEvent": "interruption", "ConversationErrorEvent": "api_error"}
PLAIN_ACTIONS = frozenset({"system", "recall", "change_agent_state", "null", "condensation_request", "task_tracking"})
PLAIN_OBSERVATIONS = frozenset({"agent_state_changed", "null", "recall", "system"})
FIGURES = ("prompt_tokens", "completion_tokens", "cache_read_tokens", "cache_write_tokens")


class OpenHandsReader(SessionReader):
    """Reads the events of one conversation."""

    product = "openhands"

    def __init__(self) -> None:
        super().__init__()
        self._key = ""
        self._totals: dict[str, tuple[int, ...]] = {}

    def line(self, value: dict[str, Any]) -> str:
        """Tell one event."""
        if "timestamp" not in value or not value.keys() & {"kind", "action", "observation"}:
            return f"unknown:{kind_of(value, 'kind')}"
        self.at = moment(value.get("timestamp"))
        if self.session is None:
            first = hashlib.sha256(f"{value.get('id')}|{value.get('timestamp')}".encode()).hexdigest()
            self.begin(f"openhands-{first[:16]}")
        self._key = self.own(value.get("id"))
        if "kind" in value:
            return self._event(kind_of(value, "kind"), value)
        return self._action(value) if "action" in value else self._observation(value)

    def _event(self, kind: str, value: dict[str, Any]) -> str:
        """An event of version 1."""
        call = text(value.get("tool_call_id"))
        match kind:
            case "MessageEvent":
                message = mapping(value.get("llm_message"))
                return self._message(value.get("source") == "user", spoken(message.get("content")))
            case "ActionEvent" if call is not None:
                self._thought(spoken(value.get("thought")))
                self.call(call, text(value.get("tool_name")) or "", value.get("action"))
            case "ObservationEvent" if call is not None:
                seen = mapping(value.get("observation"))
                self._answered(call, seen, spoken(seen.get("content")))
            case "AgentErrorEvent" | "UserRejectObservation" if call is not None:
                denied = kind == "UserRejectObservation"
                said = text(value.get("error")) or text(value.get("rejection_reason")) or kind
                self.answer(call, "denied" if denied else "error", said)
            case "ConversationStateUpdateEvent":
                return self._state(value)
            case _ if kind in INCIDENTS:
                self.incident(INCIDENTS[kind], {n: each for n, each in value.items() if n != "kind"}, self._key)
            case _:
                return kind if kind in PLAIN_KINDS else f"unknown:{kind}"
        return ""

    def _message(self, person: bool, said: str) -> str:
        if not said.strip():
            return "empty-message"
        if person:
            self.say(self._key, "prompt", HUMAN, MAIN, said)
        else:
            self.say(self._key, "response", MAIN, HUMAN, said)
        return ""

    def _thought(self, said: str) -> None:
        """What the agent says before it acts."""
        if said.strip():
            self.say(f"{self._key}:thought", "response", MAIN, HUMAN, said)

    def _answered(self, call: str, seen: dict[str, Any], said: str) -> None:
        code = seen.get("exit_code", mapping(seen.get("metadata")).get("exit_code"))
        code = code if isinstance(code, int) and 0 <= code < 2**31 else None  # -1: none is known
        status: e.CallStatus = "error" if seen.get("is_error") is True or code else "ok"
        self.answer(call, "timed_out" if seen.get("timeout") is True else status, said, exit_code=code)

    def _state(self, value: dict[str, Any]) -> str:
        """What the models took so far; prompt tokens include those from the cache."""
        if value.get("key") != "stats":
            return f"state/{text(value.get('key')) or 'none'}"
        for name, metrics in mapping(mapping(value.get("value")).get("usage_to_metrics")).items():
            total = mapping(mapping(metrics).get("accumulated_token_usage"))
            now = tuple(count(total.get(figure)) for figure in FIGURES)
            before = self._totals.get(name, (0,) * len(FIGURES))
            grown = [max(0, new - old) for new, old in zip(now, before, strict=True)]
            self._totals[name] = tuple(map(max, now, before))
            if any(grown):
                given, out, cached, written = grown
                figures = {"cache_read_tokens": cached, "cache_write_tokens": written, "output_tokens": out}
                figures["input_tokens"] = max(0, given - cached - written)
                model = text(mapping(metrics).get("model_name"))
                self.tell(e.UsageRecorded, request_id=f"{self._key}:{name}", model=model, **figures)
        return "duplicate"

    def _action(self, value: dict[str, Any]) -> str:
        """An action of version 0."""
        action, args = kind_of(value, "action"), mapping(value.get("args"))
        if action in PLAIN_ACTIONS:
            return f"action/{action}"
        if action == "message":
            return self._message(value.get("source") == "user", spoken(args.get("content")))
        if action == "condensation":
            self.incident("compaction", args, self._key)
            return ""
        self._thought(spoken(args.get("thought")))
        cause = self.call(self._key, text(args.get("name")) or action, args)
        if action == "delegate":
            taker = text(args.get("agent")) or "agent"
            self.hand_over(self._key, MAIN, taker, spoken(mapping(args.get("inputs")).get("task")), cause=cause)
        return ""

    def _observation(self, value: dict[str, Any]) -> str:
        """An observation of version 0; its cause is the action that it answers."""
        kind, cause = kind_of(value, "observation"), value.get("cause")
        if kind in PLAIN_OBSERVATIONS or cause is None:
            return f"observation/{kind}"
        extras = mapping(value.get("extras"))
        seen = {**extras, "is_error": kind == "error" or extras.get("error") is True}
        if kind == "user_rejected":
            self.answer(self.own(cause), "denied", spoken(value.get("content")))
        else:
            self._answered(self.own(cause), seen, spoken(value.get("content")))
        return ""


class OpenHands:
    """The format of the events of OpenHands."""

    name = "openhands"
    parser = OpenHandsReader.parser
    usual_place: Path | None = None

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether the first lines are events."""
        return bool(values) and all(_is_event(value) for value in values)

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """The events of an array, or of a file that holds one."""
        events = document if isinstance(document, list) else [document]
        return iter(events) if self.recognises(events[:5]) else None

    def reader(self, companion: dict[str, Any] | None = None) -> OpenHandsReader:  # noqa: ARG002 - the port's
        """A reader for one file."""
        return OpenHandsReader()


def _is_event(value: Any) -> bool:
    keys = mapping(value).keys()
    return {"id", "timestamp", "source"} <= keys and bool(keys & {"kind", "action", "observation"})
