"""Tells a session's events as a running commentary: only facts, in the order of the log, each fact once."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from orchestrion.cli.plain import cell, clock, lasting
from orchestrion.domain.elapsed import elapsed_ms
from orchestrion.domain.events import Event

MAX_TEXT = 300
"""Characters of a text that a comment quotes; `show` and `sql` have the whole."""
SIGNS = {"completed": "✅", "ok": "✅", "failed": "❌", "error": "❌", "denied": "🚫", "unknown": "❔"}

Fields = Mapping[str, Any]


class Narrator:
    """Remembers what it told, so that durations, names and totals follow from facts seen before."""

    def __init__(self) -> None:
        self._told: set[tuple[str, str]] = set()
        self._agents: dict[str, str] = {}
        self._calls: dict[str, tuple[datetime | None, str, str]] = {}
        self._open: dict[str, None] = {}
        self._counts = dict.fromkeys(("agents", "calls", "messages", "handoffs"), 0)
        self.ended = False

    def event(self, event: Event) -> list[str]:
        """The lines of an event as it happens."""
        return self.lines(event.kind, event.happened_at, event.model_dump())

    def lines(self, kind: str, at: datetime | None, fields: Fields) -> list[str]:
        """The lines of one event of `kind`, none if it is no part of the story or was told before."""
        teller = _TELLERS.get(kind)
        subject = _SUBJECTS.get(kind.partition(".")[0], "session")
        key = (kind, str(fields.get(subject)))
        if teller is None or key in self._told:
            return []
        self._told.add(key)
        return list(teller(self, clock(at), at, fields))

    def total(self, took: float | None) -> list[str]:
        """What it came to in `took` milliseconds, with the calls that never got an answer."""
        counts = ", ".join(f"{count} {_noun(name, count)}" for name, count in self._counts.items())
        lines = [f"∑ {counts} in {lasting(took)}"]
        if self._open:
            lines.append(f"  unanswered calls: {', '.join(self._calls[call][2] for call in self._open)}")
        return lines

    def who(self, fields: Fields) -> str:
        """The agent of an event: as it says itself, else as its run was started."""
        run = str(fields.get("run") or "")
        return cell(fields.get("agent") or self._agents.get(run) or run or "unknown")

    def _session_started(self, time: str, at: datetime | None, f: Fields) -> Iterator[str]:
        yield f"🎼 [{time}] SESSION {cell(f.get('session'))}"
        if f.get("request"):
            yield f"  Request: {quoted(f['request'])}"
        if at is not None:
            yield f"  Started: {at:%Y-%m-%d %H:%M:%S} UTC | Product: {cell(f.get('product'))}"

    def _plan_made(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        phases = " → ".join(" ∥ ".join(map(cell, phase)) for phase in f.get("phases") or ())
        yield f"🧭 [{time}] PLAN: {phases or 'no task'}"
        for task in f.get("tasks") or ():
            if isinstance(task, Mapping) and task.get("rationale"):
                yield f"  Chosen: {quoted(task['rationale'])}"

    def _estimate_made(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        parts = []
        if f.get("duration_ms") is not None:
            low, high = lasting(f.get("duration_ms_low")), lasting(f.get("duration_ms_high"))
            parts.append(f"{lasting(f['duration_ms'])} ({low} to {high})")
        if f.get("tokens") is not None:
            parts.append(f"{f['tokens']:,} tokens")
        if f.get("chance") is not None:
            parts.append(f"{f['chance']:.0%} chance of success")
        yield f"🔭 [{time}] EXPECTED of {self.who(f)}: {', '.join(parts)}"

    def _agent_started(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        self._agents[str(f.get("run"))] = str(f.get("agent") or f.get("run"))
        self._counts["agents"] += 1
        yield f"🤖 [{time}] AGENT START: {self.who(f)}"
        if f.get("task"):
            yield f"  Task: {quoted(f['task'])}"
        if f.get("mcp_servers"):
            yield f"  MCP servers: {', '.join(map(cell, f['mcp_servers']))}"

    def _agent_completed(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        status = cell(f.get("status") or "completed")
        took = lasting(f.get("duration_ms"))
        yield f"{SIGNS.get(status, '⏹')} [{time}] AGENT {status.upper()}: {self.who(f)} after {took}"
        if f.get("summary"):
            yield f"  {quoted(f['summary'])}"
        if f.get("files_modified"):
            yield f"  Files modified: {', '.join(map(cell, f['files_modified']))}"
        if f.get("next_agents"):
            yield f"  Next agents: {', '.join(map(cell, f['next_agents']))}"

    def _agent_failed(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        status = cell(f.get("status") or "failed").replace("_", " ")
        yield f"❌ [{time}] AGENT {status.upper()}: {self.who(f)} after {lasting(f.get('duration_ms'))}"
        yield f"  Reason: {quoted(f.get('reason'))}"
        if f.get("remedy"):
            yield f"  Remedy: {quoted(f['remedy'])}"

    def _tool_called(self, _time: str, at: datetime | None, f: Fields) -> Iterator[str]:
        call = str(f.get("call"))
        self._counts["calls"] += 1
        self._calls[call] = (at, self.who(f), cell(f.get("tool")))
        self._open[call] = None
        yield from ()

    def _tool_returned(self, time: str, at: datetime | None, f: Fields) -> Iterator[str]:
        call = str(f.get("call"))
        asked, who, tool = self._calls.get(call, (None, self.who(f), "unknown tool"))
        self._open.pop(call, None)
        took = f.get("duration_ms")
        if took is None:
            took = elapsed_ms(asked, at)
        status = cell(f.get("status"))
        yield f"  🔧 [{time}] {who} → {tool}: {SIGNS.get(status, '⏹')} {status} in {lasting(took)}"
        if f.get("error"):
            yield f"     {quoted(f['error'])}"

    def _message_sent(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        self._counts["messages"] += 1
        kind, priority = cell(f.get("type")).upper(), cell(f.get("priority") or "normal")
        urgent = f" ({priority})" if priority != "normal" else ""
        yield f"  💬 [{time}] {cell(f.get('sender'))} → {cell(f.get('recipient'))}: {kind}{urgent}"
        if text := said(f.get("payload")):
            yield f"     {text}"

    def _handoff_offered(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        self._counts["handoffs"] += 1
        yield f"🤝 [{time}] HANDOFF: {cell(f.get('giver'))} → {cell(f.get('taker'))}"
        yield f"  Task: {quoted(f.get('task'))} | Urgency: {cell(f.get('urgency') or 'normal')}"

    def _handoff_answered(self, time: str, _: datetime | None, f: Fields, *, word: str) -> Iterator[str]:
        problems = "; ".join(map(cell, f.get("problems") or ()))
        yield f"🤝 [{time}] HANDOFF {word} by {cell(f.get('taker'))}" + (f": {problems}" if problems else "")

    def _pattern(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        yield f"🎓 [{time}] PATTERN: {quoted(f.get('name'))} ({cell(f.get('type'))}) by {self.who(f)}"
        if isinstance(f.get("confidence"), int | float):
            evidence = f"evidence: {cell(f['evidence'])}" if f.get("evidence") else "no evidence named"
            yield f"  Confidence: {f['confidence']:.0%}, {evidence}"

    def _incident(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        yield f"  ⚠ [{time}] {cell(f.get('type'))}: {said(f.get('detail')) or 'no more is known'}"

    def _limit(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        yield f"⛔ [{time}] LIMIT {cell(f.get('limit'))}: {cell(f.get('reached'))} of {cell(f.get('allowed'))}"

    def _approval_requested(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        yield f"✋ [{time}] APPROVAL WANTED: {self.who(f)} → {cell(f.get('tool'))} {quoted(f.get('params'))}"
        if f.get("reason"):
            yield f"  Why: {quoted(f['reason'])}"
        yield f"  orchestrion approve {cell(f.get('approval'))}   (or: deny)"

    def _approval_given(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        reason = f": {quoted(f['reason'])}" if f.get("reason") else ""
        yield f"✋ [{time}] {cell(f.get('verdict')).upper()} by {cell(f.get('by'))}{reason}"

    def _session_ended(self, time: str, _: datetime | None, f: Fields) -> Iterator[str]:
        self.ended = True
        status = cell(f.get("status"))
        yield f"{SIGNS.get(status, '⏹')} [{time}] SESSION {status.upper()}" + (
            f": {quoted(f['reason'])}" if f.get("reason") else ""
        )
        yield f"  Total duration: {lasting(f.get('duration_ms'))}"


Teller = Callable[[Narrator, str, datetime | None, Fields], Iterator[str]]

_SUBJECTS = {
    "session": "session", "plan": "session", "agent": "run", "tool": "call", "message": "message",
    "handoff": "handoff", "pattern": "pattern", "limit": "subject", "incident": "incident",
    "approval": "approval", "estimate": "subject",
}  # fmt: skip


_TELLERS: dict[str, Teller] = {
    "session.started": Narrator._session_started,
    "plan.made": Narrator._plan_made,
    "estimate.made": Narrator._estimate_made,
    "agent.started": Narrator._agent_started,
    "agent.completed": Narrator._agent_completed,
    "agent.failed": Narrator._agent_failed,
    "tool.called": Narrator._tool_called,
    "tool.returned": Narrator._tool_returned,
    "message.sent": Narrator._message_sent,
    "handoff.offered": Narrator._handoff_offered,
    "handoff.accepted": partial(Narrator._handoff_answered, word="ACCEPTED"),
    "handoff.rejected": partial(Narrator._handoff_answered, word="REJECTED"),
    "handoff.completed": partial(Narrator._handoff_answered, word="COMPLETED"),
    "pattern.discovered": Narrator._pattern,
    "incident.observed": Narrator._incident,
    "limit.reached": Narrator._limit,
    "approval.requested": Narrator._approval_requested,
    "approval.given": Narrator._approval_given,
    "session.ended": Narrator._session_ended,
}


def said(payload: Any) -> str:
    """What a message says, in one line: its words if it has any, else its fields."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return quoted(payload)
    if not isinstance(payload, dict):
        return quoted(payload) if payload else ""
    if "issue" in payload:
        place = ":".join(str(payload[key]) for key in ("file", "line") if payload.get(key) is not None)
        return shortened(cell(f"{payload.get('severity', '')} {payload['issue']} {place}".strip()))
    if "approved" in payload:
        reasons = "; ".join(map(cell, payload.get("reasons") or ()))
        return shortened(
            ("approved ✅" if payload["approved"] else "rejected ❌") + (f": {reasons}" if reasons else "")
        )
    words = next((payload[key] for key in ("text", "warning", "tip", "progress", "task") if payload.get(key)), None)
    return quoted(words if words is not None else payload) if payload else ""


def quoted(value: Any) -> str:
    """A value in one line of bounded length."""
    return "unknown" if value is None else shortened(cell(value))


def shortened(text: str) -> str:
    """`text` cut to what a comment quotes, saying how much is left out."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… (+{len(text) - MAX_TEXT})"


def _noun(name: str, count: int) -> str:
    return name.removesuffix("s") if count == 1 else name
