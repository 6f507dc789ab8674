"""Looks into a session's transcript for the line that says what a hook says, so that both witness one message."""

from pathlib import Path
from typing import Any

from orchestrion.ingest.telling import objects
from orchestrion.ingest.values import mapping, parse, text

TAIL_BYTES = 256 * 1024
"""How much of the transcript's end is looked at: the hook comes right after the line."""


def answer_in(path: str | None, said: str) -> str | None:
    """The id that the importer of transcripts gives to the answer `said`; None if it is not there (yet)."""
    for raw in reversed(_tail(path)):
        for value in parse(raw).values:
            line = mapping(value)
            if line.get("type") != "assistant" or line.get("isSidechain") is True:
                continue
            if (found := _block(line, said)) is not None:
                return found
    return None


def _block(line: dict[str, Any], said: str) -> str | None:
    """The identity of the block of `line` that is the text `said`."""
    content, uuid = mapping(line.get("message")).get("content"), text(line.get("uuid"))
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    for index, block in enumerate(objects(blocks)):
        if uuid and block.get("type") == "text" and str(block.get("text")).strip() == said.strip():
            return f"{uuid}:{index}" if index else uuid
    return None


def _tail(path: str | None) -> list[bytes]:
    """The last lines of a transcript; none of what is no plain file of lines, or cannot be read."""
    if path is None or not path.endswith(".jsonl"):
        return []
    try:
        file = Path(path)
        if not file.is_file():
            return []
        with file.open("rb") as stream:
            size = stream.seek(0, 2)
            stream.seek(max(0, size - TAIL_BYTES))
            return stream.read().split(b"\n")
    except (OSError, ValueError):
        return []
