"""Understands what a coding agent prints while it works, line by line: the stream of Claude Code, or that of Codex.

Which one it is its first line says; until then, and where none is, all is text. The shapes are those of
`claude -p --output-format stream-json --verbose` and `codex exec --json`. Types that are not known are counted.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_LINE_BYTES = 16 * 1024 * 1024
"""A line longer than this is not read as one; it is counted."""
UNPARSEABLE, TOO_LONG = "unparseable", "too-long"


@dataclass
class Result:
    """What the agent says came of its work; `error` is why it was none. `outputs` go into the run's."""

    text: str | None = None
    error: str | None = None
    outputs: dict[str, Any] = field(default_factory=dict)
    finished: bool = False
    """Whether it said how its work ended."""


class Reader(Protocol):
    """Reads the values of one format."""

    result: Result

    def read(self, value: dict[str, Any]) -> str | None:
        """Tell what `value` says; the rule by which it says nothing, if so. Raises Stopped (see `Ear.called`)."""

    def close(self) -> None:
        """There will be no more."""


class Stream:
    """Takes bytes as they come. `readers` are tried on a line until one knows its format."""

    def __init__(self, recognise: Callable[[dict[str, Any]], tuple[str, Reader] | None]) -> None:
        self._recognise = recognise
        self._rest = bytearray()
        self._skipping = False
        self.format: str | None = None
        self.reader: Reader | None = None
        self.lines = 0
        self.ignored: Counter[str] = Counter()

    def feed(self, data: bytes) -> None:
        """Read the lines that `data` completes."""
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = bytearray(rest)
        for line in lines:
            if self._skipping:
                self._skipping = False
            else:
                self._line(bytes(line))
        if len(self._rest) > MAX_LINE_BYTES:
            self._rest.clear()
            if not self._skipping:
                self._skipping = True
                self.ignored[TOO_LONG] += 1

    def close(self) -> None:
        """The stream has ended; what stands behind its last newline is a line too."""
        rest, self._rest = bytes(self._rest), bytearray()
        if rest and not self._skipping:
            self._line(rest)
        if self.reader is not None:
            self.reader.close()

    def ledger(self) -> dict[str, Any]:
        """How many lines were read, and what was not taken: `{"format", "lines", "ignored": {rule: count}}`."""
        return {"format": self.format, "lines": self.lines, "ignored": dict(self.ignored)}

    def _line(self, line: bytes) -> None:
        if not line.strip():
            return
        self.lines += 1
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            self.ignored[UNPARSEABLE] += 1
            return
        if self.reader is None and (known := self._recognise(value)):
            self.format, self.reader = known
        if self.reader is not None and (rule := self.reader.read(value)):
            self.ignored[rule] += 1


def text_of(content: Any) -> Any:
    """Blocks of text as one text; anything else as it is."""
    if not isinstance(content, list):
        return content
    texts = [block.get("text") for block in content if isinstance(block, dict) and block.get("type") == "text"]
    return "\n".join(map(str, texts)) if texts and len(texts) == len(content) else content


def text(value: Any) -> str | None:
    """`value` if it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}
