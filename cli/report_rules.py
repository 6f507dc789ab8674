"""Recommendations by rules over the log: each says what was seen and names the positions it rests on."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]

FAILURES_TOLD, FAILURE_SHARE_TOLD = 2, 0.3
REPEATS_TOLD = 3
BOTTLENECK_SHARE = 0.6
MAX_EVIDENCE = 20
"""Positions named a recommendation; `of` tells how many there are."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One session's rows, and where in the log each subject's facts stand."""

    runs: list[Row]
    calls: list[Row]
    messages: list[Row]
    handoffs: list[Row]
    tasks: list[Row]
    places: Mapping[tuple[str, str], list[int]]
    """(kind, subject) to positions."""

    def at(self, subject: str, *kinds: str) -> list[int]:
        return sorted(position for kind in kinds for position in self.places.get((kind, subject), []))


def recommendations(seen: Seen) -> list[Row]:
    """What to do better, as {rule, priority, text, evidence, of}: `evidence` are positions in the log."""
    return [
        {"rule": rule, "priority": priority, "text": text, "evidence": evidence[:MAX_EVIDENCE], "of": len(evidence)}
        for rule, priority, look in RULES
        for text, evidence in look(seen)
    ]


Look = Callable[[Seen], Iterator[tuple[str, list[int]]]]


def _failed_runs(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    for run in seen.runs:
        if evidence := seen.at(run["run"], "agent.failed"):
            yield f"{run['agent']} ended as {run['status']}: see its reason before the next run", evidence


def _failing_tools(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    by_tool: dict[str, list[Row]] = defaultdict(list)
    for call in seen.calls:
        by_tool[call["tool"]].append(call)
    for tool, calls in by_tool.items():
        failed = [call for call in calls if call["status"] in {"error", "timed_out"}]
        if len(failed) >= FAILURES_TOLD and len(failed) >= FAILURE_SHARE_TOLD * len(calls):
            evidence = [p for call in failed for p in seen.at(call["call"], "tool.returned")]
            yield f"{tool} failed in {len(failed)} of {len(calls)} calls: look at its errors", evidence


def _repeated_calls(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    same: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for call in seen.calls:
        if call["params"] is not None:
            same[call["run"], call["tool"], json.dumps(call["params"], sort_keys=True)].append(call)
    for (_, tool, _), calls in same.items():
        if len(calls) >= REPEATS_TOLD:
            evidence = [p for call in calls for p in seen.at(call["call"], "tool.called")]
            yield f"{calls[0]['agent']} called {tool} {len(calls)} times with equal parameters", evidence


def _unanswered_calls(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    open_calls = [call for call in seen.calls if call["status"] == "unresolved"]
    if open_calls:
        evidence = [p for call in open_calls for p in seen.at(call["call"], "tool.called")]
        yield f"{len(open_calls)} tool calls never got an answer: their effect is unknown", evidence


def _bottleneck(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    parents = {run["parent_run"] for run in seen.runs}
    timed = [run for run in seen.runs if run["run"] not in parents and run["duration_ms"]]
    starts = [run["started_at"] for run in timed if run["started_at"]]
    ends = [run["ended_at"] for run in timed if run["ended_at"]]
    if len(timed) < 2 or not starts or not ends:
        return
    whole = (max(ends) - min(starts)).total_seconds() * 1000
    longest = max(timed, key=lambda run: run["duration_ms"])
    if whole > 0 and longest["duration_ms"] >= BOTTLENECK_SHARE * whole:
        share = min(1.0, longest["duration_ms"] / whole)
        evidence = seen.at(longest["run"], "agent.started", "agent.completed", "agent.failed")
        yield f"{longest['agent']} took {share:.0%} of the time that all runs took: speed it up or split it", evidence


def _missed_parallelism(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    """Tasks that the plan left independent of each other, but that ran one after the other."""
    needs = {task["id"]: set(task.get("depends_on") or ()) for task in seen.tasks}
    for _ in needs:  # as many rounds as tasks close the relation
        for wanted in needs.values():
            wanted |= {further for name in tuple(wanted) for further in needs.get(name, ())}
    by_agent = {run["agent"]: run for run in seen.runs if run["started_at"] and run["ended_at"]}
    timed = [(task["id"], by_agent[task["agent"]]) for task in seen.tasks if task["agent"] in by_agent]
    for i, (first, a) in enumerate(timed):
        for second, b in timed[i + 1 :]:
            independent = first not in needs[second] and second not in needs[first]
            if independent and (a["ended_at"] <= b["started_at"] or b["ended_at"] <= a["started_at"]):
                evidence = [*seen.at(a["run"], "agent.started"), *seen.at(b["run"], "agent.started")]
                yield (
                    f"{a['agent']} and {b['agent']} do not depend on each other, but ran one after the other",
                    evidence,
                )


def _unanswered_validation(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    answers = [m for m in seen.messages if m["type"] == "validation_result"]
    for asked in seen.messages:
        if asked["type"] != "validation_request":
            continue
        if not any(_answers(answer, asked) for answer in answers):
            who = f"{asked['sender']} asked {asked['recipient']}"
            yield f"{who} for validation and got no result: ask again or check by hand", [asked["position"]]


def _answers(answer: Row, asked: Row) -> bool:
    if answer["in_reply_to"] is not None:
        return bool(answer["in_reply_to"] == asked["message"])
    return bool(answer["recipient"] == asked["sender"] and answer["position"] > asked["position"])


def _rejected_handoffs(seen: Seen) -> Iterator[tuple[str, list[int]]]:
    for handoff in seen.handoffs:
        if evidence := seen.at(handoff["handoff"], "handoff.rejected"):
            yield f"{handoff['taker']} rejected the handoff of {handoff['giver']}: complete the package", evidence


RULES: tuple[tuple[str, str, Look], ...] = (
    ("failed_run", "high", _failed_runs),
    ("unanswered_validation", "high", _unanswered_validation),
    ("rejected_handoff", "high", _rejected_handoffs),
    ("failing_tool", "high", _failing_tools),
    ("unanswered_call", "normal", _unanswered_calls),
    ("repeated_call", "normal", _repeated_calls),
    ("bottleneck", "normal", _bottleneck),
    ("missed_parallelism", "normal", _missed_parallelism),
)
