"""Recommends by rules over the log: each rule names itself, says one sentence, and gives the events it rests on."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from orchestrion.tui.report.facts import ANSWERABLE, Call, Facts, Run
from orchestrion.tui.report.measures import end_of, stretches
from orchestrion.tui.report.model import Advice, Weight
from orchestrion.tui.report.words import lasting
from orchestrion.tui.work import OPEN, failed

BOTTLENECK_SHARE = 0.5
"""A run that works alone for so much of the working time, while others exist, is one."""
MIN_BOTTLENECK_RUNS = 3
MIN_SAVING_SECONDS = 1.0
"""Two runs side by side must have saved at least so much to be worth a sentence."""
COMPACTION = "acompact"
"""The agent name of runs in which Claude Code sums up its own context; they are nobody's work."""
MIN_REPEATS = 3
MIN_FAILURES = 3
FAILING_SHARE = 0.3
WRITING_TOOLS = frozenset({"Edit", "MultiEdit", "Write", "NotebookEdit", "apply_patch", "edit_file", "write_file"})
MAX_OF_A_RULE = 5
"""Of one rule no more than so many sentences, the first found; the last one says how many more there are."""


def advise(facts: Facts) -> tuple[Advice, ...]:
    """What the rules find in the session, in the order of the rules."""
    found: list[Advice] = []
    for rule in RULES:
        hits = list(rule(facts))
        found += hits[:MAX_OF_A_RULE]
        rest = hits[MAX_OF_A_RULE:]
        if rest:
            positions = tuple(sorted({position for hit in rest for position in hit.positions}))
            found.append(Advice(rest[0].rule, rest[0].weight, f"and {len(rest)} more of this kind", positions))
    return tuple(found)


def bottleneck(facts: Facts) -> Iterator[Advice]:
    """One run worked alone for most of the working time although the session had several."""
    alone: dict[str, timedelta] = defaultdict(timedelta)
    busy = timedelta()
    for stretch in stretches(facts):
        busy += stretch.length
        if len(stretch.working) == 1:
            alone[next(iter(stretch.working))] += stretch.length
    if len(facts.runs) < MIN_BOTTLENECK_RUNS or not busy:
        return
    for name, time in alone.items():
        run, share = facts.by_run[name], time / busy
        if share >= BOTTLENECK_SHARE:
            took = lasting(time / timedelta(milliseconds=1))
            what = f"{_name(run)} worked alone for {took}, {share:.0%} of the working time"
            text = f"{what}: split its task, or start others beside it"
            yield Advice("bottleneck", "high", text, run.positions)


def missed_parallelism(facts: Facts) -> Iterator[Advice]:
    """Two runs of one parent went one after the other, and nothing in the log went from the first to the second."""
    siblings: dict[str | None, list[tuple[datetime, datetime, Run]]] = defaultdict(list)
    for run in facts.runs:
        end = end_of(run, facts)
        if run.started_at is not None and end is not None:
            siblings[run.parent].append((run.started_at, end, run))
    for group in siblings.values():
        group.sort(key=lambda timed: timed[:2])
        for (start, end, one), (next_start, next_end, other) in pairwise(group):
            saved = min(end - start, next_end - next_start)
            if next_start < end or saved.total_seconds() < MIN_SAVING_SECONDS or facts.linked(one, other):
                continue
            if COMPACTION in (one.agent, other.agent):
                continue
            what = f"{_name(one)} and {_name(other)} ran one after the other though nothing went from one to the other"
            unless = ", unless who started them used the first's result for the second" if one.parent else ""
            text = (
                f"{what}: side by side they would have saved up to {lasting(saved / timedelta(milliseconds=1))}{unless}"
            )
            weight: Weight = "low" if one.parent else "medium"
            yield Advice("missed parallelism", weight, text, _merged(one.positions, other.positions))


def missed_handoff(facts: Facts) -> Iterator[Advice]:
    """A run named its next agent, or wrote a file that another run then used, and no handoff or message says so."""
    for run in facts.runs:
        for taker in run.next_agents:
            later = [other for other in facts.runs if other.agent == taker and _after(other, run)]
            if later and not any((h.giver, h.taker) == (run.agent, taker) for h in facts.handoffs):
                what = f"{_name(run)} named {taker} as next, which then started without a handoff"
                text = f"{what}: offer one with its context"
                yield Advice("missed handoff", "medium", text, _merged(run.positions, later[0].positions))
    yield from _shared_files(facts)


def _shared_files(facts: Facts) -> Iterator[Advice]:
    writers: dict[str, dict[str, Call]] = defaultdict(dict)
    seen: set[tuple[str, str]] = set()
    for used in facts.calls:
        if used.file is None or used.run not in facts.by_run:
            continue
        for name, wrote in writers[used.file].items():
            if name == used.run or (name, used.run) in seen:
                continue
            seen.add((name, used.run))
            giver, taker = facts.by_run[name], facts.by_run[used.run]
            if not facts.linked(giver, taker):
                what = f"{_name(taker)} worked on {used.file} after {_name(giver)} had written it"
                text = f"{what}, without a handoff or a message between them"
                yield Advice("missed handoff", "medium", text, _merged(wrote.positions, used.positions))
        if used.tool in WRITING_TOOLS:
            writers[used.file].setdefault(used.run, used)


def repeated_calls(facts: Facts) -> Iterator[Advice]:
    """One run called one tool several times with the very same parameters."""
    same: dict[tuple[str | None, str, str], list[Call]] = defaultdict(list)
    for call in facts.calls:
        if call.params is not None:
            same[call.run, call.tool, call.params].append(call)
    for (run, tool, _), calls in same.items():
        if len(calls) >= MIN_REPEATS:
            who = _name(facts.by_run[run]) if run in facts.by_run else "somebody"
            what = f"{who} called {tool} {len(calls)} times with the same parameters"
            text = f"{what}: keep the answer, or ask for what changed"
            yield Advice("repeated tool calls", "low", text, _merged(*(call.positions for call in calls)))


def failing_tool(facts: Facts) -> Iterator[Advice]:
    """A tool failed often."""
    by_tool: dict[str, list[Call]] = defaultdict(list)
    for call in facts.calls:
        by_tool[call.tool].append(call)
    for tool, calls in by_tool.items():
        bad = [call for call in calls if failed(call.status)]
        if len(bad) >= MIN_FAILURES and len(bad) / len(calls) >= FAILING_SHARE:
            what = f"{tool} failed in {len(bad)} of {len(calls)} calls"
            text = f"{what}: repair it, or take it from the agents that use it"
            yield Advice("failing tool", "high", text, _merged(*(call.positions for call in bad)))


def unanswered(facts: Facts) -> Iterator[Advice]:
    """A question got no reply, a handoff no answer, or a message never reached anybody."""
    answered = {message.in_reply_to for message in facts.messages}
    for message in facts.messages:
        what = f"{message.sender}'s {message.type} to {message.recipient}"
        if message.state == "expired":
            yield Advice("unanswered message", "high", f"{what} was never delivered (expired)", message.positions)
        elif message.state == "partly expired":
            yield Advice("unanswered message", "low", f"{what} did not reach everybody", message.positions)
        elif message.type in ANSWERABLE and message.message not in answered and facts.status not in OPEN:
            yield Advice("unanswered message", "medium", f"{what} got no reply", message.positions)
    for handoff in facts.handoffs:
        if handoff.status == "offered" and facts.status not in OPEN:
            text = f"{handoff.giver}'s handoff to {handoff.taker} was neither accepted nor rejected"
            yield Advice("unanswered message", "high", text, handoff.positions)


RULES = (bottleneck, missed_parallelism, missed_handoff, repeated_calls, failing_tool, unanswered)


def _name(run: Run) -> str:
    return run.agent or run.run


def _after(other: Run, run: Run) -> bool:
    return bool(other.started_at and run.ended_at and other.started_at >= run.ended_at)


def _merged(*positions: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({position for group in positions for position in group}))
