"""Whether the log is still what was written: chain, blobs, and the checkpoint outside; in bounded memory."""

import struct
from typing import TYPE_CHECKING

import orjson

from orchestrion.domain.errors import LogDamaged
from orchestrion.domain.ports import Verification
from orchestrion.eventstore.chain import genesis, link
from orchestrion.eventstore.entry import ChainedRow

if TYPE_CHECKING:
    from orchestrion.eventstore.log import LogRecorder

PAGE_ROWS = 5000
PAGE_BLOBS = 500
MAX_PROBLEMS = 100
"""More are only counted."""


def verify(recorder: "LogRecorder") -> Verification:
    """Recompute everything that can be recomputed. Damage is told in the answer; only LogUnavailable is raised."""
    check = _Check(recorder)
    try:
        check.blobs()
        check.chain()
    except LogDamaged as error:
        check.problem(str(error), check.position + 1)
    check.ends()
    return check.verdict()


class _Check:
    """One pass over a log: what was found so far."""

    def __init__(self, recorder: "LogRecorder") -> None:
        self._recorder = recorder
        seal = recorder.seal()
        self._foreign = seal if seal and seal.identity != recorder.identity else None
        self._seal = seal if seal and not self._foreign else None
        self._hash = genesis(recorder.identity)
        self._bad_blobs: set[str] = set()
        self._problems: list[str] = []
        self._count = 0
        self._first_bad: int | None = None
        self.position = 0

    def problem(self, what: str, position: int | None = None) -> None:
        self._count += 1
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(what)
        if position is not None:
            self._first_bad = min(position, self._first_bad or position)

    def blobs(self) -> None:
        last = ""
        while names := self._recorder.blob_names(last, PAGE_BLOBS):
            for name in names:
                try:
                    self._recorder.blob(name)
                except LogDamaged:
                    self._bad_blobs.add(name)
                    self.problem(f"blob {name} is not what its hash says")
            last = names[-1]

    def chain(self) -> None:
        broken = False
        while page := self._recorder.chained_rows(self.position, PAGE_ROWS):
            for row in page:
                if not broken:
                    broken = self._breaks(row)
                self._named_blobs(row[0], row[3], row[5])
                self.position = row[0]

    def _breaks(self, row: ChainedRow) -> bool:
        """Whether the chain breaks here; what follows a break says nothing more."""
        try:
            self._hash = link(self._hash, row[:6])
        except (TypeError, AttributeError, struct.error):  # a value of another type than was written
            self._hash = b""
        if self._hash != row[6]:
            self.problem(f"position {row[0]} is not what was written, or rows before it are missing", row[0])
            return True
        seal = self._seal
        if seal and seal.position == row[0] and seal.chain != row[6].hex():
            self.problem(f"position {row[0]} or one before it was changed and the chain made anew", row[0])
            return True
        return False

    def _named_blobs(self, position: int, kind: str, state: bytes) -> None:
        if isinstance(state, bytes) and b'"bodies":' not in state and kind != "import.completed":
            return
        try:
            fields = orjson.loads(state)
            names = [body["hash"] for body in fields.get("bodies", {}).values()]
            names += fields.get("blocks", []) if kind == "import.completed" else []
        except (ValueError, AttributeError, TypeError, KeyError):
            self.problem(f"position {position} holds no readable JSON", position)
            return
        for name in names:
            if name in self._bad_blobs:
                self.problem(f"position {position} names the damaged blob {name}", position)
            elif not self._recorder.has_blob(name):
                self.problem(f"position {position} names blob {name}, which is missing", position)

    def ends(self) -> None:
        seal, last_ever = self._seal, self._recorder.last_ever()
        if self._foreign:
            self.problem(f"the checkpoint outside belongs to another log ({self._foreign.identity})")
        elif seal is None:
            self.problem("the checkpoint outside the log is missing or rubbish: a cut tail could not be seen")
        known = max(last_ever, seal.position if seal else 0)
        if known > self.position:
            self.problem(f"the log has been at position {known}: its tail was cut off", self.position + 1)

    def verdict(self) -> Verification:
        problems = list(self._problems)
        if self._count > len(problems):
            problems.append(f"… and {self._count - len(problems)} more")
        return Verification(not problems, self.position, self._first_bad, tuple(problems))
