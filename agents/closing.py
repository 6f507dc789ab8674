"""Ends a session whose conductor is dead: its processes, its open calls and runs, and then itself, as facts."""

from orchestrion.agents.bus import Bus
from orchestrion.agents.journal import Journal
from orchestrion.agents.orphans import end_orphans
from orchestrion.agents.past import Past
from orchestrion.domain import events as e
from orchestrion.domain import run as runs


def close(journal: Journal, past: Past, status: e.RunStatus, reason: str) -> None:
    """Say of everything that is open how it ended: `status`, for `reason`. Its processes are ended first."""
    end_orphans(past.session, past.events)
    events = past.events
    answered = {fact.call for fact in events if isinstance(fact, e.ToolReturned)}
    for call in (fact for fact in events if isinstance(fact, e.ToolCalled) and fact.call not in answered):
        journal.write([_cut_off(call, journal, reason)])
    ended = {fact.run for fact in events if isinstance(fact, e.AgentCompleted | e.AgentFailed)}
    for start in (fact for fact in events if isinstance(fact, e.AgentStarted) and fact.run not in ended):
        journal.adopt(start)
        journal.run(runs.Fail(start.run or "", journal.now(), status, reason))
    bus = Bus(journal, past.session)
    bus.restore(events)
    bus.expire_rest("the session has ended")
    journal.end(past.session, status, reason)


def _cut_off(call: e.ToolCalled, journal: Journal, reason: str) -> e.ToolReturned:
    return e.ToolReturned(
        source="conductor",
        happened_at=journal.now(),
        session=call.session,
        run=call.run,
        agent=call.agent,
        cause=f"tool-{call.call}@1",
        call=call.call,
        status="interrupted",
        error=reason,
    )
