"""Which agents the events of a tail bear on: by their own acts, words on their runs, answers, moves of handoffs."""

from collections import defaultdict
from collections.abc import Iterable
from itertools import chain

from orchestrion.projections.base import Base
from orchestrion.projections.store import Store

Names = set[str]

_NAMES = "agent, sender, recipient, giver, taker"
_TELLING = f"{_NAMES}, run, subject, message, in_reply_to, handoff"
_FRESH = f"""SELECT DISTINCT {_TELLING}
FROM ({Base("live", "tail.own").events(_TELLING + " position")}) WHERE position > $since"""  # noqa: S608  our own names
_ALL_MAY_HAVE_CHANGED = """SELECT count(*) > 0 FROM tail.own.wide
WHERE position > $since AND (kind = 'session.forked' OR NOT readable)"""
_MESSAGES = "SELECT sender, recipient, run FROM snap.own.messages WHERE message IN (SELECT unnest($ids))"
_HANDOFFS = "SELECT giver, taker FROM snap.own.handoffs WHERE handoff IN (SELECT unnest($ids))"
_RUNS = "SELECT DISTINCT agent FROM snap.own.runs WHERE run IN (SELECT unnest($ids))"


class Bearing:
    """What the events beyond the snapshot (beyond position 0 without one) name together, so far as they were read.

    An event bears on whoever it names, and on whoever was named before together with the run, the message or the
    handoff that it speaks of: `agents_since` is never too few of them, and may be a few too many.
    """

    def __init__(self) -> None:
        self._by_run: dict[str, Names] = defaultdict(set)
        self._by_message: dict[str, Names] = defaultdict(set)
        self._runs_of: dict[str, Names] = defaultdict(set)
        """By message, the runs that it was sent in."""
        self._by_handoff: dict[str, Names] = defaultdict(set)

    def agents_since(self, store: Store, position: int) -> Names | None:
        """Whom the events of `store` beyond `position` bear on; those before it were read already. None: perhaps all.

        A fork changes whose facts are believed, of anybody's, and what cannot be read may say anything.
        """
        since = {"since": position}
        agents: Names = set()
        runs: Names = set()
        messages: Names = set()
        handoffs: Names = set()
        for *names, run, subject, message, reply, handoff in store.as_it_lies(_FRESH, since).rows:
            named = _known(names)
            agents |= named
            runs |= _known((run, subject))
            messages |= _known((message, reply))
            handoffs |= _known((handoff,))
            self._remember(named, run, message, handoff)
        for sender, recipient, run in _of_the_snapshot(store, _MESSAGES, messages):
            agents |= _known((sender, recipient))
            runs |= _known((run,))
        runs |= _all_of(self._runs_of, messages)
        agents |= _known(chain.from_iterable(_of_the_snapshot(store, _HANDOFFS, handoffs)))
        agents |= _known(chain.from_iterable(_of_the_snapshot(store, _RUNS, runs)))
        for named_by, ids in ((self._by_run, runs), (self._by_message, messages), (self._by_handoff, handoffs)):
            agents |= _all_of(named_by, ids)
        changed = store.as_it_lies(_ALL_MAY_HAVE_CHANGED, since).rows
        return agents if changed and not changed[0][0] else None

    def _remember(self, named: Names, run: str | None, message: str | None, handoff: str | None) -> None:
        if run is not None:
            self._by_run[run] |= named
        if message is not None:
            self._by_message[message] |= named
            self._runs_of[message] |= _known((run,))
        if handoff is not None:
            self._by_handoff[handoff] |= named


def _of_the_snapshot(store: Store, sql: str, ids: Names) -> list[tuple[str | None, ...]]:
    return store.as_it_lies(sql, {"ids": list(ids)}).rows if ids and store.snapped else []


def _known(names: Iterable[str | None]) -> Names:
    return {name for name in names if name is not None}


def _all_of(named: dict[str, Names], ids: Names) -> Names:
    return set().union(*(named[each] for each in ids if each in named))
