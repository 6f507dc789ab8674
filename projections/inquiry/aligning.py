"""Which elements of two sequences stand opposite each other: exactly as difflib has it, else a longest common
subsequence, which takes a bounded time whatever the sequences are."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any

MOST_CANDIDATES = 1_000_000
"""Pairs of equal elements up to which difflib is asked: a search looks at all of them, and it searches many times."""

Pairs = Iterator[tuple[int, int]]


def opposite(a: Sequence[Any], b: Sequence[Any]) -> Pairs:
    """Places in `a` and `b` whose equal elements are each other's fellows, in order; elements are hashable."""
    many = Counter(b)
    if sum(many[element] for element in a) > MOST_CANDIDATES:
        yield from reversed(list(_longest(a, b)))
        return
    for block in SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks():
        yield from ((block.a + step, block.b + step) for step in range(block.size))


def _longest(a: Sequence[Any], b: Sequence[Any]) -> Pairs:
    """A longest common subsequence from its end, by vectors of bits (Hyyrö 2004): a bit for each place of `a`.

    It takes len(a) · len(b) bits of memory: 50 MB for twenty thousand elements each.
    """
    places: dict[Any, int] = defaultdict(int)
    for place, element in enumerate(a):
        places[element] |= 1 << place
    all_ones = (1 << len(a)) - 1
    rows = [all_ones]
    for element in b:
        row = rows[-1]
        both = row & places.get(element, 0)
        rows.append(((row + both) | (row - both)) & all_ones)
    i, j = len(a), len(b)
    while i and j:
        if rows[j] >> (i - 1) & 1:
            i -= 1
        elif not rows[j - 1] >> (i - 1) & 1:
            j -= 1
        else:
            i, j = i - 1, j - 1
            yield i, j
