"""Reads what many benchmarks write: a list of chat messages as a model's interface has them, without times or ids.

Such a document has no identity of its own. Its session is named after all that stands up to the model's first answer,
so that a trajectory which grows stays the same session, and two runs of one task are two.
"""

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from orchestrion.ingest.telling import HUMAN, MAIN, SessionReader, kind_of, objects, spoken
from orchestrion.ingest.values import mapping, text

HEAD = "head"
TAIL = "tail"
ANSWERING = frozenset({"assistant", "agent", "ai"})


def is_chat(values: Any) -> bool:
    """Whether `values` is a list that begins with chat messages."""
    return isinstance(values, list) and bool(values) and all(_is_message(value) for value in values[:5])


def _is_message(value: Any) -> bool:
    return isinstance(mapping(value).get("role"), str) and bool(mapping(value).keys() & {"content", "tool_calls"})


def name_of(product: str, messages: Sequence[Any], *more: Any) -> str:
    """The name of the session that begins with `messages`; `more` is what else tells it from others."""
    until = next((at for at, each in enumerate(messages) if kind_of(mapping(each), "role") in ANSWERING), len(messages))
    first = [*more, *messages[: until + 1]]
    try:
        said = orjson.dumps(first, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # what strict JSON cannot say
        said = repr(first).encode("utf-8", "backslashreplace")
    return f"{product}-{hashlib.sha256(said).hexdigest()[:16]}"


def outcome_of(reward: Any) -> dict[str, Any]:
    """A verdict and a quality out of 100, as a reward from 0 to 1 says it."""
    if isinstance(reward, bool) or not isinstance(reward, int | float) or not 0 <= reward <= 1:
        return {"verdict": str(reward)}
    return {"verdict": "passed" if reward == 1 else "failed", "quality": round(100 * reward)}


class ChatReader(SessionReader):
    """Reads chat messages; calls and answers are told by their ids, or by their order where they have none."""

    def __init__(self) -> None:
        super().__init__()
        self._open: deque[str] = deque()
        self._step = 0

    def start(self, session: str, **known: Any) -> None:
        """Begin a session; its messages are counted from 0."""
        self.begin(session, **known)
        self._open.clear()
        self._step = -1

    def line(self, value: dict[str, Any]) -> str:
        """Tell one message."""
        if self.session is None:
            return "no-session"
        self._step += 1
        match kind_of(value, "role"):
            case "user" | "human":
                return self.asked(spoken(value.get("content")))
            case role if role in ANSWERING:
                return self.answered(value)
            case "tool" | "function":
                return self.returned(value)
            case "system" | "developer":
                return "system-prompt"
            case role:
                return f"unknown:role/{role}"

    @property
    def step(self) -> str:
        """The id of the message at hand."""
        return self.own(self._step)

    def asked(self, said: str) -> str:
        """What the person, or who plays one, says."""
        if not said.strip():
            return "empty-message"
        self.say(self.step, "prompt", HUMAN, MAIN, said)
        return ""

    def answered(self, value: dict[str, Any]) -> str:
        """What the model says and calls."""
        if (said := spoken(value.get("content"))).strip():
            self.say(self.step, "response", MAIN, HUMAN, said)
        calls = value.get("tool_calls")
        for index, each in enumerate(objects(calls if isinstance(calls, list) else [])):
            function = mapping(each.get("function"))
            given = text(each.get("id"))
            self.ask(self.own(given) if given else f"{self.step}:{index}", function)
        return "empty-message"

    def ask(self, call: str, function: dict[str, Any]) -> None:
        """Tell a call of a function, whose arguments are JSON in a string."""
        arguments = function.get("arguments")
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                arguments = {"input": arguments}
        self.call(call, text(function.get("name")) or "", arguments)
        self._open.append(call)

    def returned(self, value: dict[str, Any]) -> str:
        """What a tool answered: the call that it names, else the first without an answer."""
        names = value.get("tool_call_ids")
        given = text(value.get("tool_call_id")) or (text(names[0]) if isinstance(names, list) and names else None)
        call = self.own(given) if given else self.waiting()
        if call is None:
            return "return-without-call"
        if call in self._open:
            self._open.remove(call)
        said = spoken(value.get("content"))
        self.answer(call, "error" if said.startswith("Error") else "ok", said)
        return ""

    def waiting(self) -> str | None:
        """The first call without an answer, which is now taken; None if there is none."""
        return self._open.popleft() if self._open else None


def head(session: str, **known: Any) -> dict[str, Any]:
    """The part of a document that begins a session."""
    return {"type": HEAD, "session": session, **known}


def without(value: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """`value` without some of its fields."""
    return {name: each for name, each in value.items() if name not in set(names)}
