"""Finds the transcript files that a list of paths means, in an order that depends on their names alone."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrion.domain.errors import NotFound
from orchestrion.ingest.values import parse, text

SUFFIX = ".jsonl"
PEEKED_BYTES = 256 * 1024
"""How much of a file is read to learn whose session it is."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read; or a path where there is none, with a note or an error that says so."""

    path: Path
    note: str | None = None
    error: str | None = None


def find(paths: Sequence[Path], suffixes: tuple[str, ...] = (SUFFIX,)) -> list[Found]:
    """The files of `paths`, each once: a folder's sessions, a session's file together with its subagents'.

    In folders, those whose names end with one of `suffixes`. Raises NotFound if a path is not there.
    """
    asked = [path.expanduser() for path in paths]
    for path in asked:
        if not path.exists():
            raise NotFound(f"{path} does not exist; give the path of a transcript or of a folder with transcripts")
    found = {each.path.resolve(): each for path in asked for each in _in(path, suffixes)}
    return list(found.values())


def _in(path: Path, suffixes: tuple[str, ...]) -> Iterator[Found]:
    """The files that one path means."""
    if path.is_dir():
        yield from _in_folder(path, suffixes)
    elif not path.is_file():
        yield Found(path, error=f"{path} is neither a file nor a folder; give the path of a transcript")
    else:
        yield Found(path)
        yield from _subagents(path)


def _in_folder(folder: Path, suffixes: tuple[str, ...] = (SUFFIX,)) -> Iterator[Found]:
    """All transcripts below a folder; a session's own file stands before its subagents'."""
    failures: list[OSError] = []
    files = [
        Path(place, name)
        for place, _, names in os.walk(folder, onerror=failures.append)
        for name in names
        if name.endswith(suffixes)
    ]
    for path in sorted(files, key=str):
        odd = path.exists() and not path.is_file()
        yield Found(path, note="neither a file nor a folder: skipped" if odd else None)
    for failure in failures:
        where = Path(failure.filename or folder)
        yield Found(where, error=f"{where} cannot be read: {failure.strerror}; check its permissions")
    if not files and not failures:
        endings = " or ".join(filter(None, suffixes))
        why = f"no file in it ends with {endings}" if endings else "there is no file in it"
        yield Found(folder, note=f"{folder} holds no session: {why}")


def _subagents(trunk: Path) -> Iterator[Found]:
    """The subagents' files of a session's own: in its folder, or beside it as older versions wrote them."""
    folder = trunk.with_suffix("") / "subagents"
    if trunk.suffix == SUFFIX and folder.is_dir():
        yield from _in_folder(folder)
    if trunk.name.startswith("agent-"):
        return
    beside = sorted(trunk.parent.glob(f"agent-*{SUFFIX}"))
    session = _session_of(trunk) if beside else None
    if session is not None:
        yield from (Found(each) for each in beside if _session_of(each) == session)


def _session_of(path: Path) -> str | None:
    """The first session that a file names near its beginning; None if there is none, or it cannot be read."""
    try:
        with path.open("rb") as file:
            lines = file.read(PEEKED_BYTES).split(b"\n")
    except OSError:
        return None  # whoever reads the file itself will tell
    for line in lines:
        for value in parse(line).values:
            if isinstance(value, dict) and (session := text(value.get("sessionId"))):
                return session
    return None
