"""A request as words: lower case, without endings, so that "fixing the APIs" and "fix the API" are the same."""

import re
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?|[,;.:!?]")
_IRREGULAR = {"built": "build", "written": "write", "wrote": "write", "made": "make", "broken": "break", "apis": "api"}
_ENDINGS = (
    ("isation", "iz", 3), ("ization", "iz", 3), ("ise", "iz", 4), ("ising", "iz", 4), ("ised", "iz", 4),
    ("iser", "iz", 4), ("izer", "iz", 4), ("izing", "iz", 4), ("ized", "iz", 4), ("ize", "iz", 4),
    ("abilities", "abl", 4), ("ability", "abl", 4), ("able", "abl", 4),
    ("ations", "", 4), ("ation", "", 4), ("ators", "", 4), ("ator", "", 4),
    ("ating", "", 4), ("ated", "", 4), ("ates", "", 4), ("ate", "", 4),
    ("ions", "", 4), ("ion", "", 4), ("ments", "", 4), ("ment", "", 4), ("ities", "", 4), ("ity", "", 4),
    ("ness", "", 4), ("ings", "", 3), ("ing", "", 3), ("ers", "", 4), ("er", "", 4), ("ed", "", 3), ("ly", "", 4),
    ("ies", "i", 2), ("ives", "", 5), ("ive", "", 5), ("es", "", 3), ("s", "", 2), ("e", "", 3), ("y", "i", 2),
)  # fmt: skip
"""Ending, what takes its place, letters that must stay before it; the longest fitting ending goes."""
_BY_LENGTH = sorted(_ENDINGS, key=lambda ending: -len(ending[0]))
MIN_WORD = 4
"""Letters a word must have before anything but a plural is taken from it."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the request; `mark` is the punctuation before it, if any."""

    text: str
    stem: str
    mark: str = ""


def words(text: str) -> list[Word]:
    """The words of `text` in order."""
    found: list[Word] = []
    mark = ""
    for piece in _WORD.findall(text):
        if piece in ",;.:!?":
            mark = piece
            continue
        found.append(Word(piece, stem(piece), mark))
        mark = ""
    return found


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """`word` in lower case without its ending: a light suffix stripper after Porter (1980), not a dictionary."""
    word = re.sub(r"['’](s|d|ll|re|ve)$", "", word.lower())
    word = _IRREGULAR.get(word, word)
    if word.endswith("ss") or len(word) < 3:
        return word
    if len(word) <= MIN_WORD:
        return word[:-1] if word.endswith("s") and not word.endswith(("us", "is")) else _final(word)
    for ending, replacement, keep in _BY_LENGTH:
        if word.endswith(ending) and len(word) - len(ending) >= keep:
            return _final(word[: len(word) - len(ending)] + replacement)
    return word


def _final(word: str) -> str:
    """One letter for a doubled last one, no silent e."""
    if len(word) > MIN_WORD - 1 and word.endswith("e"):
        word = word[:-1]
    if len(word) > MIN_WORD - 1 and word[-1] == word[-2] and word[-1] not in "aeious":
        word = word[:-1]
    return word
