"""Ranks places that match a search by their own texts alone, so that what came later never changes what was found.

The BM25 of an index counts with how often a word stands in all of it, and how long its texts are on the average: as of
a position that would tell of later events. So the places are indexed once more, in memory and by themselves.
"""

import sqlite3
from collections.abc import Mapping, Sequence

TOKENIZER = "unicode61 remove_diacritics 2"
MAX_RANKED_CHARACTERS = 3_000_000
"""So much text of all places together is looked at, the beginnings of the longest left out last."""


def ranked(texts: Mapping[int, str], expression: str) -> list[tuple[int, float]]:
    """The positions of `texts` with their scores, best first, of equals the newest: 1 the best, 0 what was not seen.

    Source of the formula: Robertson, Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), as in
    FTS5's `bm25`, over these texts. Every word stands in all of them, so words weigh alike.
    """
    longest = _longest([len(text) for text in texts.values()])
    con = sqlite3.connect(":memory:")
    try:
        con.execute(f"CREATE VIRTUAL TABLE words USING fts5(text, tokenize='{TOKENIZER}')")
        beginnings = ((position, texts[position][:longest]) for position in sorted(texts))
        con.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", beginnings)
        found = con.execute("SELECT rowid, bm25(words) FROM words WHERE words MATCH ?", (expression,)).fetchall()
    finally:
        con.close()
    best = min((rank for _, rank in found), default=-1.0) or -1.0
    scores = {position: rank / best for position, rank in found}
    return sorted(((p, scores.get(p, 0.0)) for p in texts), key=lambda place: (-place[1], -place[0]))


def _longest(lengths: Sequence[int]) -> int:
    """How long a text may be so that all of them, cut there, come to no more than `MAX_RANKED_CHARACTERS`."""
    room = MAX_RANKED_CHARACTERS
    for done, length in enumerate(sorted(lengths)):
        left = len(lengths) - done
        if length * left > room:
            return room // left
        room -= length
    return MAX_RANKED_CHARACTERS
