"""A person's word on a call: asked for by a fact, waited for in the log, given from a process of the person's own.

Waiting survives the conductor: the request has a name that is the same when the session is played again, so a resumed
conductor finds it answered, or waits on. Agents cannot answer: a process that carries a run, or descends from a
conductor or from anything a run started, is refused. That is no wall between processes of one user (see `tokens`).
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from orchestrion.agents.identity import born, host, parent_of
from orchestrion.agents.journal import Journal
from orchestrion.agents.membership import decided
from orchestrion.agents.past import recall
from orchestrion.agents.tokens import RUN_VARIABLE
from orchestrion.domain.errors import Conflict, NotFound, Refused, RuleBroken
from orchestrion.domain.events import AgentCompleted, AgentFailed, ApprovalGiven, ApprovalRequested, Event
from orchestrion.domain.ports import Log

WAIT_SECONDS = 0.5
PAUSE_SECONDS = 0.02
"""Between two looks at a busy log; an answer is heard within this."""
PREFIX = "approval-"
LAST = "last"
NAMED_AT_MOST = 5

Verdict = Literal["approved", "denied"]


async def word_on(journal: Journal, request: ApprovalRequested, seconds: float) -> ApprovalGiven:
    """Ask for approval, unless that was done, and wait for the answer; after `seconds` it is that nobody answered."""
    place = journal.write([request])
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        head = journal.log.head()
        if given := answer_to(journal.log, request.approval):
            return given
        if (left := until - loop.time()) <= 0:
            break
        await asyncio.to_thread(journal.log.wait, head, min(left, WAIT_SECONDS))
        await asyncio.sleep(PAUSE_SECONDS)
    late = ApprovalGiven(
        source="conductor", happened_at=journal.now(), session=request.session, run=request.run, agent=request.agent,
        cause=place, approval=request.approval, verdict="expired", by="orchestrion",
        reason=f"nobody approved or denied it within {seconds:g} s",
    )  # fmt: skip
    try:
        journal.write([late])
    except Conflict:
        return answer_to(journal.log, request.approval) or late  # somebody answered in this moment
    return late


def answer_to(log: Log, approval: str) -> ApprovalGiven | None:
    """What was answered, if anything was."""
    answers = (record.event for record in log.read_stream(f"{PREFIX}{approval}"))
    return next((event for event in answers if isinstance(event, ApprovalGiven)), None)


@dataclass(frozen=True)
class Person:
    """Who answers from this process. Raises RuleBroken when made by an agent's process."""

    name: str
    environ: Mapping[str, str]

    def __post_init__(self) -> None:
        if run := self.environ.get(RUN_VARIABLE):
            raise RuleBroken(f"this process belongs to the run {run}; only a person approves or denies, from outside")
        for pid in _ancestors(os.getpid()):
            if run := _run_of(pid):
                raise RuleBroken(f"this process was started by the run {run}; only a person approves or denies")


def give(log: Log, person: Person, named: str, verdict: Verdict, reason: str | None = None) -> ApprovalGiven:
    """Approve or deny what is `named`: its id, the end of it (`fixer-1/3`), or `last`; the fact.

    Raises NotFound, Refused (several are meant), RuleBroken (answered already, its run has ended, or by an agent).
    """
    asked = requested(log, named)
    _from_outside(log, asked)
    _still_wanted(log, asked)

    def answering(past: list[Event]) -> list[Event]:
        for event in past:
            if isinstance(event, ApprovalGiven):
                raise RuleBroken(f"{asked.approval} was {event.verdict} already, by {event.by}")
        return [
            ApprovalGiven(
                source="user", happened_at=datetime.now(UTC), session=asked.session, run=asked.run, agent=asked.agent,
                cause=f"{PREFIX}{asked.approval}@1", approval=asked.approval, verdict=verdict, by=person.name,
                reason=reason,
            )
        ]  # fmt: skip

    (given,) = decided(log, f"{PREFIX}{asked.approval}", answering)
    if not isinstance(given, ApprovalGiven):
        raise TypeError(f"an answer became {given.kind}")
    return given


def requested(log: Log, named: str) -> ApprovalRequested:
    """The request that is `named`. Raises NotFound, and Refused if several are."""
    names = [stream.removeprefix(PREFIX) for stream in log.streams(PREFIX)]
    waiting = [name for name in names if answer_to(log, name) is None]
    if named == LAST:
        found = waiting[-1:]
    else:
        ends = [name for name in names if name.endswith(f"/{named}")]
        found = [named] if named in names else [name for name in ends if name in waiting] or ends
    if not found:
        raise NotFound(f"nothing called {named!r} waits for approval; `orchestrion approvals` lists what does")
    if len(found) > 1:
        shown = ", ".join(found[:NAMED_AT_MOST])
        raise Refused(f"{named!r} names {len(found)} that wait for approval, among them {shown}; say more of the id")
    event = log.read_stream(f"{PREFIX}{found[0]}")[0].event
    if not isinstance(event, ApprovalRequested):
        raise NotFound(f"{found[0]} does not begin with a request for approval")
    return event


def _still_wanted(log: Log, asked: ApprovalRequested) -> None:
    for record in log.read_stream(f"run-{asked.run}"):
        if isinstance(record.event, AgentCompleted | AgentFailed):
            raise RuleBroken(f"the run {asked.run} has ended ({record.event.status}); {asked.approval} is void")
    past = recall(log, asked.session or "")
    if past.end is not None:
        raise RuleBroken(f"the session {asked.session} has ended ({past.end.status}); {asked.approval} is void")


def _from_outside(log: Log, asked: ApprovalRequested) -> None:
    """Raises RuleBroken if the session's conductor is an ancestor of ours: then one of its agents started us."""
    lease = recall(log, asked.session or "").lease
    if lease.host != host():
        return
    if any(pid == lease.pid and born(pid) == lease.born for pid in _ancestors(os.getpid())):
        raise RuleBroken(f"this process was started by the session {asked.session} itself; only a person approves")


def _ancestors(pid: int) -> Iterator[int]:
    """The processes that `pid` descends from, nearest first, without the first of all."""
    while (parent := parent_of(pid)) is not None and parent > 1:
        yield parent
        pid = parent


def _run_of(pid: int) -> str | None:
    """The run a process carries, where the system lets us see it."""
    mark = f"{RUN_VARIABLE}=".encode()
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = next((each for each in variables if each.startswith(mark)), None)
    return os.fsdecode(found.removeprefix(mark)) if found else None
