"""The formats of other people's sessions: one line each, and what an importer of one must be able to do."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from orchestrion.domain.record import Fact
from orchestrion.ingest.beads import Beads
from orchestrion.ingest.claude_code import ClaudeCode
from orchestrion.ingest.claude_stream import ClaudeStream
from orchestrion.ingest.codex import Codex
from orchestrion.ingest.copilot import Copilot
from orchestrion.ingest.gemini import Gemini
from orchestrion.ingest.mini_swe import MiniSwe
from orchestrion.ingest.openhands import OpenHands
from orchestrion.ingest.own_lines import OwnLines
from orchestrion.ingest.pi import Pi
from orchestrion.ingest.swe_agent import SweAgent
from orchestrion.ingest.tau_bench import TauBench
from orchestrion.ingest.teams import Teams
from orchestrion.ingest.traces import Traces
from orchestrion.ingest.who_and_when import WhoAndWhen


class Reader(Protocol):
    """Turns the values of one file into facts, in order."""

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the facts of one value to `facts`; returns its class."""


class Importer(Protocol):
    """A format of other people's sessions."""

    name: str
    parser: int
    usual_place: Path | None
    """Where its sessions usually lie; None if nowhere in particular."""

    def recognises(self, values: Sequence[Any]) -> bool:
        """Whether a file that begins with `values` (its lines' values, or its one document) is of this format."""

    def reader(self, companion: dict[str, Any] | None = None) -> Reader:
        """A reader for one file; `companion` is what stands beside the file, or in its name, and counts to it."""


@runtime_checkable
class OfDocuments(Protocol):
    """An importer of files that are one JSON document each: its parts are read as the lines of others are."""

    def parts(self, document: Any) -> Iterator[dict[str, Any]] | None:
        """What `document` holds, part by part, in its order; None if it is none of this format."""


@runtime_checkable
class Bodied(Protocol):
    """A reader of files that hold bodies beside events."""

    def taken(self) -> list[bytes]:
        """The bodies read since the last call; they go into the log with the facts that follow them."""


@runtime_checkable
class Placed(Protocol):
    """An importer of files whose place says what their content does not."""

    def companion(self, path: Path) -> bytes:
        """What the place says, as one JSON object; it counts into the file's identity."""


@runtime_checkable
class Numbered(Protocol):
    """A reader of sessions whose parts are named otherwise than a stream names them that a run of ours hears.

    What we heard stands in the log under the stream's names: read again under others it would count twice.
    """

    thread: str | None
    """The session that is this file's own; None before it is known, and where it is another one's subagent."""


FORMATS: Mapping[str, Importer] = {
    "claude-code": ClaudeCode(),
    "claude-stream": ClaudeStream(),
    "codex": Codex(),
    "copilot": Copilot(),
    "gemini": Gemini(),
    "pi": Pi(),
    "openhands": OpenHands(),
    "mini-swe-agent": MiniSwe(),
    "swe-agent": SweAgent(),
    "tau-bench": TauBench(),
    "who-and-when": WhoAndWhen(),
    "claude-teams": Teams(),
    "beads": Beads(),
    "traces": Traces(),
    "orchestrion": OwnLines(),
}
