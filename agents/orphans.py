"""Ends what a session left running: the groups of its recorded processes, and whatever carries its name.

A recorded pid is only trusted with its birth, for pids are used again. A process started in the last moment before a
crash is not recorded yet, and one that left its group is in no group of ours: both still carry the session in their
environment, where there is a /proc to see it.
"""

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from orchestrion.agents.identity import is_alive
from orchestrion.domain.events import Event, ProcessStarted, ToolReturned

SESSION_VARIABLE = "ORCHESTRION_SESSION"
"""Every child carries its session here."""
TERM_GRACE_SECONDS = 0.5
POLL_SECONDS = 0.02
ROUNDS = 20
"""Of looking again: what is ended may have started something meanwhile."""


def end_orphans(session: str, facts: Iterable[Event]) -> list[int]:
    """End every process of `session` that is still there, politely and then for good; their pids. Blocks."""
    ended: list[int] = []
    recorded = unanswered(facts)
    for _ in range(ROUNDS):
        groups = [p.pid for p in recorded if is_alive(p.pid, p.born, p.host)]
        strays = carriers(session)
        if not groups and not strays:
            break
        _signal(groups, strays, signal.SIGTERM if not ended else signal.SIGKILL)
        if not ended:
            _wait_for_end(session, recorded)
            _signal(groups, carriers(session), signal.SIGKILL)
        ended = list(dict.fromkeys([*ended, *groups, *strays]))
        time.sleep(POLL_SECONDS)
    return ended


def unanswered(facts: Iterable[Event]) -> list[ProcessStarted]:
    """The processes of calls that did not return."""
    facts = list(facts)
    returned = {fact.call for fact in facts if isinstance(fact, ToolReturned)}
    return [fact for fact in facts if isinstance(fact, ProcessStarted) and fact.call not in returned]


def carriers(session: str) -> list[int]:
    """Processes that carry `session` in their environment; none where there is no /proc."""
    proc, mark = Path("/proc"), f"{SESSION_VARIABLE}={session}".encode()
    found = []
    for entry in proc.iterdir() if proc.is_dir() else ():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):  # gone, or somebody else's
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _wait_for_end(session: str, recorded: list[ProcessStarted]) -> None:
    until = time.monotonic() + TERM_GRACE_SECONDS
    while time.monotonic() < until:
        if not carriers(session) and not any(is_alive(p.pid, p.born, p.host) for p in recorded):
            return
        time.sleep(POLL_SECONDS)


def _signal(groups: list[int], strays: list[int], number: signal.Signals) -> None:
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)
    for pid in strays:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
