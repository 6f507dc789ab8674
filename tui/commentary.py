"""An event in one line, as the commentary tells it: a sign, and what happened."""

from collections.abc import Callable, Mapping
from typing import Any

from orchestrion.tui import figures

Data = Mapping[str, Any]
Teller = Callable[[Data, Mapping[str, Any]], str]
TOLD_OF = {
    "session.started": "session", "agent.started": "run", "agent.completed": "run", "agent.failed": "run",
    "tool.called": "call", "tool.returned": "call", "message.sent": "message",
}  # fmt: skip
"""Kinds that several witnesses may tell of one fact, and the field that names it; as in the view `happenings`."""
UNTOLD = frozenset({"usage.recorded", "agent.registered", "lease.renewed"})
"""Kinds that are no lines of the commentary; as in the questions `story` and `story_count`."""
_GOOD = {"completed": "✓", "ok": "✓"}


def told(row: Mapping[str, Any]) -> str:
    """The line of an event: `kind`, `agent`, `data` (JSON), and what the question knew besides.

    That is `tool` and `duration_ms` of a call, `message_type` and `sender` of a message's later fates.
    """
    data = figures.document(row["data"])
    teller = _TELLERS.get(row["kind"])
    if teller is None or not isinstance(data, dict):
        return f"· {figures.text(row['kind'])}"
    return teller(data, row)


def said(payload: Any) -> str:
    """What a message says in one line: its words where it has any, else its fields."""
    payload = figures.document(payload)
    if not isinstance(payload, dict):
        return figures.optional(payload)
    if "issue" in payload:
        place = ":".join(figures.text(payload[key]) for key in ("file", "line") if payload.get(key) is not None)
        return f"{figures.optional(payload.get('severity'))}: {figures.text(payload['issue'])} {place}".strip()
    if "approved" in payload:
        reasons = "; ".join(map(figures.text, payload.get("reasons") or ()))
        return ("approved" if payload["approved"] else "rejected") + (f": {reasons}" if reasons else "")
    for key in ("text", "warning", "tip", "progress", "task", "pattern"):
        if payload.get(key):
            return figures.text(payload[key]).strip("⏎ ")
    return figures.text(payload) if payload else ""


def _run_started(data: Data, row: Data) -> str:
    return f"▶ {_who(row)} starts: {figures.optional(data.get('task')) or 'task unknown'}"


def _run_ended(data: Data, row: Data) -> str:
    status = data.get("status") or ("failed" if row["kind"] == "agent.failed" else "completed")
    words = figures.optional(data.get("reason") or data.get("summary"))
    took = figures.lasting(data.get("duration_ms"))
    return f"{_GOOD.get(status, '✗')} {_who(row)} {figures.text(status)} after {took}" + (f": {words}" if words else "")


def _called(data: Data, row: Data) -> str:
    return f"→ {_who(row)} calls {figures.text(data.get('tool'))} {figures.members(data.get('params'))}"


def _returned(data: Data, row: Data) -> str:
    status = data.get("status")
    took = figures.lasting(data.get("duration_ms") or row.get("duration_ms"))
    error = figures.optional(data.get("error"))
    line = (
        f"{_GOOD.get(str(status), '✗')} {_who(row)} · {figures.text(row.get('tool'))} {figures.text(status)} in {took}"
    )
    return line + (f": {error}" if error else "")


def _sent(data: Data, _: Data) -> str:
    priority = data.get("priority", "normal")
    urgent = f" [{figures.text(priority)}]" if priority != "normal" else ""
    who = f"{figures.text(data.get('sender'))} ⇢ {figures.text(data.get('recipient'))}"
    return f"◆ {who} {figures.text(data.get('type'))}{urgent}: {said(data.get('payload'))}"


def _got(word: str) -> Teller:
    return lambda data, row: f"· {figures.text(data.get('recipient'))} {word} {_message(data, row)}"


def _expired(data: Data, row: Data) -> str:
    recipient, reason = figures.text(data.get("recipient")), figures.text(data.get("reason"))
    return f"✗ {recipient} never gets {_message(data, row)}: {reason}"


def _message(data: Data, row: Data) -> str:
    """Which message: whose, of what type; its id where only that is known."""
    if not row.get("sender"):
        return figures.text(data.get("message"))
    return f"{figures.text(row['sender'])}'s {figures.text(row.get('message_type'))}"


def _offered(data: Data, _: Data) -> str:
    giver, taker, task = (figures.text(data.get(name)) for name in ("giver", "taker", "task"))
    return f"⇄ {giver} hands to {taker}: {task}"


def _limited(data: Data, _: Data) -> str:
    limit, reached, allowed = (figures.text(data.get(name)) for name in ("limit", "reached", "allowed"))
    return f"✗ limit {limit}: {reached} of {allowed}"


def _expected(data: Data, row: Data) -> str:
    low, middle, high = (figures.lasting(data.get(f"duration_ms{end}")) for end in ("_low", "", "_high"))
    return f"· {_who(row)} is expected to take {middle} ({low} to {high})"


def _judged(data: Data, _: Data) -> str:
    quality = f", quality {figures.text(data['quality'])}" if data.get("quality") is not None else ""
    reason = figures.optional(data.get("reason"))
    sign = "✗" if data.get("verdict") in {"rejected", "failed", "bad"} else "✓"
    line = f"{sign} {figures.text(data.get('by'))} judges it {figures.text(data.get('verdict'))}{quality}"
    return line + (f": {reason}" if reason else "")


def _permission(data: Data, row: Data) -> str:
    return f"▲ {_who(row)} asks leave for {figures.text(data.get('tool'))} {figures.members(data.get('params'))}"


def _permitted(data: Data, _: Data) -> str:
    verdict, reason = figures.text(data.get("verdict")), figures.optional(data.get("reason"))
    sign = "✓" if verdict == "approved" else "✗"
    return f"{sign} {verdict} by {figures.text(data.get('by'))}" + (f": {reason}" if reason else "")


def _supported(sign: str, word: str) -> Teller:
    return lambda data, row: f"{sign} {_who(row)} {word} the pattern {figures.text(data.get('pattern'))}"


def _topic(word: str) -> Teller:
    return lambda data, row: f"· {_who(row)} {word} the topic {figures.text(data.get('topic'))}"


def _cancelled(data: Data, _: Data) -> str:
    reason = figures.optional(data.get("reason"))
    return f"✗ {figures.text(data.get('by'))} asks for the session to be stopped" + (f": {reason}" if reason else "")


def _handoff(word: str, sign: str) -> Teller:
    def tell(data: Data, _: Data) -> str:
        problems = "; ".join(map(figures.text, data.get("problems") or ()))
        return f"{sign} {figures.text(data.get('taker'))} {word} the handoff" + (f": {problems}" if problems else "")

    return tell


def _discovered(data: Data, row: Data) -> str:
    return f"✦ {_who(row)} discovers {figures.text(data.get('name'))} ({figures.percent(data.get('confidence'))} sure)"


def _planned(data: Data, _: Data) -> str:
    return "☰ plan: " + " → ".join(" ∥ ".join(map(figures.text, phase)) for phase in data.get("phases") or ())


def _ended(data: Data, _: Data) -> str:
    status = figures.text(data.get("status"))
    reason = figures.optional(data.get("reason"))
    return f"{_GOOD.get(status, '✗')} session {status}" + (f": {reason}" if reason else "")


def _who(row: Data) -> str:
    return figures.text(row.get("agent"))


_TELLERS: Mapping[str, Teller] = {
    "session.started": lambda data, _: (
        f"▶ session starts: {figures.optional(data.get('request')) or 'request unknown'}"
    ),
    "session.ended": _ended,
    "session.forked": lambda data, _: f"⑂ forked from {figures.text(data.get('parent'))}",
    "plan.made": _planned,
    "agent.started": _run_started,
    "agent.completed": _run_ended,
    "agent.failed": _run_ended,
    "tool.called": _called,
    "tool.returned": _returned,
    "message.sent": _sent,
    "message.delivered": _got("gets"),
    "message.acknowledged": _got("takes note of"),
    "message.expired": _expired,
    "handoff.offered": _offered,
    "handoff.accepted": _handoff("accepts", "✓"),
    "handoff.rejected": _handoff("rejects", "✗"),
    "handoff.completed": _handoff("completes", "✓"),
    "pattern.discovered": _discovered,
    "incident.observed": lambda data, _: f"▲ {figures.text(data.get('type'))}: {figures.optional(data.get('detail'))}",
    "limit.reached": _limited,
    "estimate.made": _expected,
    "outcome.judged": _judged,
    "approval.requested": _permission,
    "approval.given": _permitted,
    "model.requested": lambda data, row: f"→ {_who(row)} asks the model {figures.text(data.get('model'))}",
    "pattern.confirmed": _supported("✓", "confirms"),
    "pattern.contradicted": _supported("✗", "contradicts"),
    "topic.subscribed": _topic("listens to"),
    "topic.left": _topic("leaves"),
    "cancel.requested": _cancelled,
    "agent.retired": lambda data, row: f"■ {_who(row)} leaves the team: {figures.optional(data.get('reason'))}",
    "lease.lapsed": lambda *_: "✗ nobody conducts the session any more: its conductor is gone",
    "lease.taken": lambda data, _: f"· a conductor holds the session (process {figures.text(data.get('pid'))})",
    "process.started": lambda data, row: f"· {_who(row)}'s call runs as process {figures.text(data.get('pid'))}",
}
