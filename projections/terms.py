"""What people search for: the words of a question, FTS5's expression for them, and the passage that holds them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from orchestrion.domain.errors import Refused

MAX_WORDS = 32
EXCERPT = 160

_TERM = re.compile(r'"([^"]*)"?|(\S+)')


def terms(text: str) -> list[str]:
    """The words and phrases of `text` that hold something to look for."""
    found = [match[1] if match[1] is not None else match[2] for match in _TERM.finditer(text)]
    return [term for term in found if any(map(str.isalnum, term))]


def expression(text: str) -> str:
    """`text` in FTS5's own language, every word quoted: nothing in it is an operator. Raises Refused."""
    found = terms(text.encode("utf-8", "replace").decode().replace("\0", " "))
    if not found:
        raise Refused("there is no word to search for; give letters or digits")
    if len(found) > MAX_WORDS:
        raise Refused(f"at most {MAX_WORDS} words can be searched for at once")
    return " AND ".join(_quoted(term) for term in found)


def _quoted(term: str) -> str:
    plain = term.rstrip("*").replace('"', " ")
    return f'"{plain}"' + (" *" if term.endswith("*") else "")


def excerpt(text: str, words: Sequence[str]) -> str:
    """About `EXCERPT` characters of `text` around the first match of any word, in one line."""
    shapes = "|".join(r"\W+".join(map(re.escape, re.findall(r"\w+", word))) for word in words if re.search(r"\w", word))
    match = re.search(shapes, text, re.IGNORECASE) if shapes else None
    start = max(0, (match.start() if match else 0) - EXCERPT // 3)
    part = " ".join(text[start : start + EXCERPT].split())
    return ("…" if start else "") + part + ("…" if start + EXCERPT < len(text) else "")


def strings(value: Any) -> Iterator[str]:
    """Every text within `value`, in order, without a limit of depth."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))
