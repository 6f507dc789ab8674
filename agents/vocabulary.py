"""Which words of a request call for which agent, by the vocabularies in the agents' own files.

Signals suffice alone. An action (a verb) calls for its agent only with one of its objects within reach, so that
"write documentation for the API" is no work on the API. The longest phrase wins: in "SQL injection" there is no SQL.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.words import Word, stem, words

Role = Literal["signal", "action", "object"]
Phrase = tuple[str, ...]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


ENDS_REACH = _set(
    "for of in on about at against into to from inside within across under over by that which so because when where "
    "while after before using via during behind"
)
"""Words after which a verb that has found its object acts on nothing more."""
RENEWS_REACH = _set("with plus including alongside along together")
"""Words after which it acts on more; "and" and commas do so only if the preposition has had no noun yet."""
LEADS_VERB = _set("and then to please also or must should can could we need you i let lets")
"""A word that may be noun or verb is a verb at the beginning and after one of these."""
MAX_BEFORE_NOUN = 1
"""Words before the first noun of a request without a verb: "New endpoint with a UI"."""
NEGATES = _set("without skip omit excluding except")
NEGATION_REACH = 3
"""Words between "without" and what it takes out, at most."""
GENERIC_NAMES = frozenset(stem(w) for w in _set("agent expert specialist pro engineer developer assistant helper"))


@dataclass(frozen=True, slots=True)
class Match:
    """A phrase of `agent`'s vocabulary found at words `start` to `end` (excluded)."""

    agent: str
    role: Role
    start: int
    end: int

    def within(self, other: "Match") -> bool:
        """Whether `other` is a longer match around this one."""
        return other.start <= self.start and self.end <= other.end and other.end - other.start > self.end - self.start


@dataclass
class Call:
    """What a request says about one agent."""

    matched: list[str] = field(default_factory=list)
    excluded: bool = False


def calls(request: str, agents: Iterable[AgentDefinition]) -> dict[str, Call]:
    """The agents that `request` calls for or excludes, with the words that did."""
    team, said = list(agents), words(request)
    absorbing = {agent.name for agent in team if agent.vocabulary.absorbs}
    found = _without_absorbed(_longest(_matches(said, team)), said, absorbing)
    found, excluded = _without_negated(found, said, {agent.name for agent in team if agent.skippable})
    chosen = [m for m in found if m.role == "signal"] + list(_acting(found, said))
    result = {name: Call(excluded=True) for name in excluded}
    for match in sorted(set(chosen), key=lambda m: (m.start, m.end)):
        text = " ".join(word.text for word in said[match.start : match.end])
        call = result.setdefault(match.agent, Call())
        if text.lower() not in map(str.lower, call.matched):
            call.matched.append(text)
        call.excluded = False
    for agent in team:
        if agent.name not in result and (present := _by_name(agent, said)):
            result[agent.name] = Call(present)
    return result


def phrases(agent: AgentDefinition) -> Iterator[tuple[Role, Phrase]]:
    """Every phrase of `agent`'s vocabulary with its role, synonyms filled in."""
    vocabulary = agent.vocabulary
    listed: tuple[tuple[Role, Sequence[str]], ...] = (
        ("signal", (*vocabulary.signals, *agent.keywords)),
        ("action", vocabulary.actions),
        ("object", vocabulary.objects),
    )
    for role, entries in listed:
        for entry in entries:
            for phrase in itertools.product(*(_alternatives(part, agent) for part in entry.split())):
                yield role, tuple(itertools.chain.from_iterable(phrase))


def _alternatives(part: str, agent: AgentDefinition) -> list[Phrase]:
    if not (part.startswith("<") and part.endswith(">")):
        return [tuple(word.stem for word in words(part))]
    return [tuple(word.stem for word in words(entry)) for entry in agent.vocabulary.synonyms[part[1:-1]]]


def _matches(said: Sequence[Word], team: Iterable[AgentDefinition]) -> list[Match]:
    """Every phrase of the team in `said`."""
    stems = tuple(word.stem for word in said)
    places: dict[str, list[int]] = {}
    for at, each in enumerate(stems):
        places.setdefault(each, []).append(at)
    return [
        Match(agent.name, role, start, start + len(phrase))
        for agent in team
        for role, phrase in set(phrases(agent))
        for start in (places.get(phrase[0], ()) if phrase else ())
        if stems[start : start + len(phrase)] == phrase
    ]


def _by_word(found: Iterable[Match]) -> dict[int, list[Match]]:
    """The matches that cover each word."""
    covering: dict[int, list[Match]] = {}
    for match in found:
        for at in range(match.start, match.end):
            covering.setdefault(at, []).append(match)
    return covering


def _longest(found: list[Match]) -> list[Match]:
    covering = _by_word(found)
    return [match for match in found if not any(match.within(other) for other in covering[match.start])]


def _without_absorbed(found: list[Match], said: Sequence[Word], absorbing: set[str]) -> list[Match]:
    """`found` without the nouns that stand directly before an absorbing word: its subject, not work of their own."""
    gone: set[Match] = set()
    covering = _by_word(found)
    for head in (m for m in found if m.agent in absorbing and m.role != "action"):
        edge = head.start
        while edge and not said[edge].mark:
            before = covering.get(edge - 1, [])
            subject = {m for m in before if m.role != "action" and m.end == edge and m.agent != head.agent}
            if not subject or _is_verb(before, said):
                break
            gone |= subject
            edge = min(m.start for m in subject)
    return [match for match in found if match not in gone]


def _without_negated(found: list[Match], said: Sequence[Word], skippable: set[str]) -> tuple[list[Match], set[str]]:
    """`found` without what "without …" takes out, and the agents taken out."""
    kept, excluded = [], set()
    for match in found:
        before = said[max(0, match.start - NEGATION_REACH) : match.start]
        if match.agent in skippable and any(word.text.lower() in NEGATES for word in before):
            excluded.add(match.agent)
        else:
            kept.append(match)
    return kept, excluded - {match.agent for match in kept}


def _acting(found: list[Match], said: Sequence[Word]) -> Iterator[Match]:
    """Actions with an object within reach, and the object; in a request that begins with a noun, objects alone do."""
    covering = _by_word(found)
    as_verb = {at: _is_verb(here, said) for at, here in covering.items()}
    verbs = sorted({(m.start, m.end) for m in found if m.role == "action" and as_verb[m.start]})
    nouns = [m for m in found if m.role != "action" and not as_verb[m.start]]
    begins = {at: [m for m in here if m.start == at] for at, here in _by_word(nouns).items()}
    if not verbs and nouns and min(m.start for m in nouns) <= MAX_BEFORE_NOUN:
        yield from (m for m in nouns if m.role == "object")
    starts = {start for start, _ in verbs}
    for start, end in verbs:
        reach = _reach(end, said, begins, starts)
        if not reach:
            reach = [m for m in nouns if m.end <= start] or [m for m in nouns if m.start >= end]
        for action in (m for m in covering[start] if m.role == "action" and (m.start, m.end) == (start, end)):
            objects = [m for m in reach if m.agent == action.agent]
            if objects:
                yield action
                yield from objects


def _is_verb(here: list[Match], said: Sequence[Word]) -> bool:
    """Whether a word, covered by the matches `here`, acts: verbs do, and what may be both where a verb may stand."""
    if not any(match.role == "action" for match in here):
        return False
    if all(match.role == "action" for match in here):
        return True
    first = min(match.start for match in here)
    return first == 0 or bool(said[first].mark) or said[first - 1].text.lower() in LEADS_VERB


def _reach(start: int, said: Sequence[Word], begins: Mapping[int, list[Match]], verbs: set[int]) -> list[Match]:
    """The nouns a verb before `start` acts on: up to the next verb, the sentence's end, or a preposition."""
    reach: list[Match] = []
    held, told_since = False, False
    for at in range(start, len(said)):
        word = said[at]
        if at in verbs or word.mark in {".", ";", "!", "?"}:
            break
        here = begins.get(at, [])
        if word.text.lower() in ENDS_REACH and reach and not here:
            held, told_since = True, False
        listing = word.text.lower() == "and" or word.mark == ","
        if held and (word.text.lower() in RENEWS_REACH or (listing and not told_since)):
            held = False
        if here and held:
            told_since = True
        elif here:
            reach += here
    return reach


def _by_name(agent: AgentDefinition, said: Sequence[Word]) -> list[str]:
    """For agents without a vocabulary: the words of its name or of one capability, if the request has them all."""
    if agent.vocabulary != type(agent.vocabulary)() or agent.keywords:
        return []
    by_stem = {word.stem: word.text for word in said}
    for name in (agent.name, *agent.capabilities):
        stems = [word.stem for word in words(name)]
        telling = [each for each in stems if each not in GENERIC_NAMES] or stems
        if telling and all(each in by_stem for each in telling):
            return [by_stem[each] for each in telling]
    return []
