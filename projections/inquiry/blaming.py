"""Names the agent and the step that a failed conversation most likely went wrong at, by rules that can be read here.

They take it that it failed: whether it did is for `outcomes.py` to say, and for whoever asks to mind.

The rules look at what was said, in order, and at nothing else; no model is asked. How often they hit is measured beside
trivial baselines by `orchestrion bench learning` (docs/learning.md).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrion.projections.store import Store

_SPOKEN = """SELECT position, sender, CAST(payload->>'$.step' AS BIGINT) AS step, payload->>'$.text' AS said
FROM messages WHERE session = $session AND type <> 'prompt' ORDER BY position"""

_INVENTED = re.compile(
    r"\b(assum(?:e|ed|ing)|simulat(?:e|ed|ing)|hypothetical|mock|placeholder|dummy|fabricat\w+|sample data|made[- ]up"
    r"|for (?:the purpose|demonstration)|approximat(?:e|ed|ely) based)\b",
    re.IGNORECASE,
)
_BROKEN = re.compile(
    r"exitcode: [1-9]|execution failed|Traceback \(most recent call last\)|\b\w+Error\b:", re.IGNORECASE
)
_CODE = re.compile(r"```(?:python|sh|bash)")
_ANSWERED = re.compile(r"\bTERMINATE\b|final answer|the (?:correct )?answer is", re.IGNORECASE)
MACHINES = frozenset({"computer_terminal", "computerterminal", "terminal", "tool"})
"""Speakers that only run what others wrote."""
MANAGERS = frozenset({"orchestrator", "manager", "human", "user", "main", "conductor"})


@dataclass(frozen=True, slots=True)
class Said:
    """One step of a conversation; `step` counts as its log does."""

    step: int
    agent: str
    text: str
    position: int


@dataclass(frozen=True, slots=True)
class Blame:
    """Who and where, by which rule, and the position that it rests on."""

    agent: str
    step: int
    rule: str
    position: int


def said_in(store: Store, session: str, *, at: int | None = None) -> list[Said]:
    """What was said in `session`, step by step; a log without steps of its own is counted by message."""
    rows = store.query(_SPOKEN, {"session": session}, at=at).rows
    return [
        Said(number if step is None else step, str(sender), text or "", position)
        for number, (position, sender, step, text) in enumerate(rows)
    ]


def blame(steps: Sequence[Said]) -> Blame | None:
    """The first rule that fits: invented facts, code that broke and was not mended, the answer nobody checked."""
    for rule in (_invented, _broken, _unchecked):
        found = rule(steps)
        if found is not None:
            return found
    return None


def first_speaker(steps: Sequence[Said]) -> Blame | None:
    """A baseline: whoever spoke first."""
    speakers = _agents(steps)
    return _blame(speakers[0], "first speaker") if speakers else None


def last_speaker(steps: Sequence[Said]) -> Blame | None:
    """A baseline: whoever spoke last."""
    speakers = _agents(steps)
    return _blame(speakers[-1], "last speaker") if speakers else None


def most_said(steps: Sequence[Said]) -> Blame | None:
    """A baseline: whoever spoke most often, at its first step."""
    speakers = _agents(steps)
    if not speakers:
        return None
    most = Counter(each.agent for each in speakers).most_common(1)[0][0]
    return _blame(next(each for each in speakers if each.agent == most), "spoke most")


def by_chance(steps: Sequence[Said], agent: str, step: int) -> tuple[float, float]:
    """How often a speaker, and a step, drawn at random would be `agent` and `step`."""
    speakers = _agents(steps)
    names = {each.agent for each in speakers}
    right_step = sum(each.step == step for each in speakers)
    return (1 / len(names) if agent in names else 0.0, right_step / len(speakers)) if speakers else (0.0, 0.0)


def _invented(steps: Sequence[Said]) -> Blame | None:
    found = next((each for each in _workers(steps) if _INVENTED.search(each.text)), None)
    return _blame(found, "facts were assumed or invented") if found else None


def _broken(steps: Sequence[Said]) -> Blame | None:
    """The last code that broke and that no later run of code made good."""
    author: Said | None = None
    broke: Said | None = None
    for each in steps:
        if each.agent.lower() in MACHINES or _BROKEN.search(each.text):
            broke = author if _BROKEN.search(each.text) else None
        elif _CODE.search(each.text):
            author = each
    return _blame(broke, "its code broke and was not mended") if broke else None


def _unchecked(steps: Sequence[Said]) -> Blame | None:
    """Whoever first gave the answer that stood at the end."""
    workers = _workers(steps)
    found = next((each for each in workers if _ANSWERED.search(each.text)), workers[-1] if workers else None)
    return _blame(found, "it gave the answer that stood") if found else None


def _agents(steps: Sequence[Said]) -> list[Said]:
    return [each for each in steps if each.agent.lower() not in MACHINES]


def _workers(steps: Sequence[Said]) -> list[Said]:
    """Who does the work, neither machines nor whoever hands it out; all but machines where that is nobody."""
    speakers = _agents(steps)
    return [each for each in speakers if each.agent.lower() not in MANAGERS] or speakers


def _blame(said: Said, rule: str) -> Blame:
    return Blame(said.agent, said.step, rule, said.position)
