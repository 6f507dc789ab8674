"""What the rooms need of each other, as protocols; `cli/wiring.py` supplies the real ones."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from orchestrion.domain.events import EstimateMade, Event, UsageRecorded
from orchestrion.domain.record import Appended, Committed, DeadLetter, Fact, Record

if TYPE_CHECKING:
    from concurrent.futures import Future


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found. `first_bad_position` is None when the log is whole."""

    ok: bool
    position: int
    first_bad_position: int | None
    problems: tuple[str, ...]


class Bulk(Protocol):
    """Appends in the background, a transaction a `commit`, in order; at its end all that was begun is committed."""

    ahead: int
    """How many transactions may wait: a maker who is further ahead only fills the memory."""

    def encode(self, fact: Fact, *, clean: bool = False) -> object:
        """A witnessed fact as it will stand in the log (`clean` as in `Log.observe`): made while it is at hand."""

    def commit(self, encoded: Sequence[Any], blobs: Sequence[bytes]) -> "Future[Committed]":
        """Begin to append what `encode` made, and `blobs`, in one transaction."""


class Log(Protocol):
    """The one append-only log. Every method may raise LogUnavailable."""

    @property
    def identity(self) -> str:
        """A random name given to the log when it was made."""

    def append(self, stream: str, events: Sequence[Event], *, expect: int) -> Appended:
        """Append a decider's `events` to `stream` as versions `expect + 1` and on, in one transaction.

        The same events at the same place are answered as duplicates. Raises Conflict if others stand there.
        """

    def observe(self, facts: Sequence[Fact], *, blobs: Sequence[bytes] = (), clean: bool = False) -> Appended:
        """Append witnessed `facts` (and `blobs`) in one transaction; what stands already is counted, never doubled.

        `clean` says that every string went through this log's own `redactor` and came from strict JSON.
        """

    def bulk(self, size: int) -> AbstractContextManager[Bulk]:
        """What appends about `size` bytes of facts and blobs while more of them are being made."""

    def read(self, *, after: int = 0, upto: int | None = None) -> Iterator[Record | DeadLetter]:
        """The log from position `after` (excluded) to `upto` (included), in order."""

    def read_stream(self, stream: str) -> list[Record]:
        """All records of one stream by version. Raises UnreadableEvent."""

    def streams(self, prefix: str) -> list[str]:
        """Names of the streams that begin with `prefix`."""

    def rows(self, *, after: int, limit: int) -> list[tuple[int, str, int, str, str, bytes]]:
        """Undecoded rows for the projections: (position, stream, version, kind, recorded_at as ISO UTC, state)."""

    def head(self) -> int:
        """The last position; 0 for an empty log."""

    def wait(self, after: int, seconds: float) -> bool:
        """Wait until the log goes beyond `after`, or `seconds` have gone; True if it did. Wakes within ms."""

    def blob(self, name: str) -> bytes:
        """The whole of a blob by its hash. Raises NotFound."""

    def verify(self) -> Verification:
        """Recompute the chain and every blob's hash, and compare with the checkpoint outside."""

    def close(self) -> None:
        """Let go of the file."""


class ArrowSource(Protocol):
    """The log as an Arrow stream, for the snapshot builder's own process alone."""

    @property
    def identity(self) -> str:
        """The log's name, as in `Log.identity`."""

    def head(self) -> int:
        """The last position; 0 for an empty log."""

    def arrow(self, after: int, upto: int | None = None) -> Any:
        """An object with `__arrow_c_stream__`.

        Columns: position BIGINT, stream VARCHAR, version BIGINT, kind VARCHAR, recorded_at VARCHAR (ISO, UTC),
        state VARCHAR, ordered by position.
        """


class Redactor(Protocol):
    """Finds secrets and puts `[REDACTED:kind:hmac8]` in their place."""

    def suspects(self, raw: bytes) -> bool:
        """Whether `raw` (UTF-8 text or a line of JSON) may hold a secret; False is certain, True is not.

        True as well where a line of JSON may hold an integer of more than 64 bits, which fast parsers round: one look
        tells all that needs a second one.
        """

    def clean(self, value: Any) -> Any:
        """`value` (str, list, dict …) with every secret replaced; the same object if there is none."""


class Estimator(Protocol):
    """Says before a run what is to be expected of it."""

    def estimate(
        self, *, subject: str, session: str, agent: str, task: str | None, at: datetime
    ) -> EstimateMade | None:
        """The estimate for the run `subject`, to be appended before it starts; None where too little is known."""


class Prices(Protocol):
    """What model requests cost."""

    def cost(self, usage: UsageRecorded) -> float | None:
        """In US dollars; None where the price of the model is not known."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whom a router chose, and why in one sentence (the draw, its posteriors and its seed)."""

    agent: str
    rationale: str


class Router(Protocol):
    """Chooses among agents that are able to do the same work."""

    def choose(self, able: Sequence[str], *, task: str, seed: int) -> Choice:
        """One of the agents `able` (two or more) to do `task`; all chance follows from `seed`."""


class Learnt(Estimator, Protocol):
    """What past runs taught, for the conductor: what to expect of a run, and what to tell its agent before it."""

    def advice(self, *, agent: str, task: str | None) -> dict[str, Any]:
        """What is sure enough to be told, as JSON with its evidence; empty where nothing is."""
