"""Redacts source lines before they are stored: decoded, cleaned and encoded again, only where a secret is suspected."""

import json
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any

import orjson

from orchestrion.domain.ports import Redactor
from orchestrion.ingest.reading import Block
from orchestrion.ingest.values import Line, has_long_number, parse, parse_exactly

GROUP_BLOCKS = 4
"""Blocks that are searched at once: each search that is done waits for Python's lock, up to 5 ms."""

GROUPS_AHEAD = 3
"""Groups that are searched before they are needed: so many make up for a search that waits for that lock often."""

Judged = tuple[Block, bool]
"""A block, and whether one of its lines may need more than the fast parser."""


def judged(blocks: Iterator[Block], redactor: Redactor) -> Iterator[Judged]:
    """Each block with the redactor's verdict, read and searched by a thread that is some groups ahead.

    Neither reading nor searching needs Python's lock, so this is done by another core.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="search") as thread:
        coming = deque(thread.submit(_group, blocks, redactor) for _ in range(GROUPS_AHEAD))
        while group := coming.popleft().result():
            coming.append(thread.submit(_group, blocks, redactor))
            yield from group


def _group(blocks: Iterator[Block], redactor: Redactor) -> list[Judged]:
    """The next blocks with their verdicts; the whole group is looked at first, for most are harmless."""
    group = list(islice(blocks, GROUP_BLOCKS))
    if not redactor.suspects(b"".join([block.text for block in group])):
        return [(block, False) for block in group]
    return [(block, redactor.suspects(block.text)) for block in group]


def redacted(lines: Sequence[bytes], redactor: Redactor, suspected: bool | None = None) -> Iterator[tuple[Line, bytes]]:
    """Each line parsed, and as it may be stored: both without secrets. One line's values are held at a time.

    `suspected` is the redactor's verdict on all of them, where it is known.
    """
    if suspected is None:
        suspected = redactor.suspects(b"\n".join(lines))
    if not suspected:
        for raw in lines:
            yield parse(raw), raw
        return
    for raw in lines:
        if redactor.suspects(raw):
            yield _clean(parse_exactly(raw) if has_long_number(raw) else parse(raw), raw, redactor)
        else:
            yield parse(raw), raw


def _clean(line: Line, raw: bytes, redactor: Redactor) -> tuple[Line, bytes]:
    """A parsed line cleaned, and its text: the very bytes if it holds no secret."""
    values = tuple(redactor.clean(value) for value in line.values)
    cleaned = line._replace(values=values)
    if not line.whole:
        text = raw.decode("utf-8", "backslashreplace")
        kept = redactor.clean(text)
        return cleaned, raw if kept is text else kept.encode("utf-8", "backslashreplace")
    if all(new is old for new, old in zip(values, line.values, strict=True)):
        return line, raw
    return cleaned, b"".join(map(_encoded, values))


def _encoded(value: Any) -> bytes:
    """`value` as one line of JSON; what strict JSON cannot say is escaped as ASCII."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode("ascii")
