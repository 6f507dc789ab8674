"""Two sequences beside each other: difflib's answer on small ones, as good a one in bounded time on large ones."""

from difflib import SequenceMatcher
from time import process_time

from hypothesis import given
from hypothesis import strategies as st

from orchestrion.projections.inquiry.aligning import _longest, opposite

WORDS = st.lists(st.sampled_from("abcd"), max_size=30)


@given(WORDS, WORDS)
def test_small_sequences_stand_as_difflib_has_them(a: list[str], b: list[str]) -> None:
    blocks = SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks()
    told = [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]
    assert list(opposite(a, b)) == told


@given(WORDS, WORDS)
def test_a_longest_common_subsequence_is_one(a: list[str], b: list[str]) -> None:
    lengths = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, one in enumerate(a, 1):
        for j, other in enumerate(b, 1):
            same = lengths[i - 1][j - 1] + 1
            lengths[i][j] = same if one == other else max(lengths[i - 1][j], lengths[i][j - 1])
    found = list(_longest(a, b))[::-1]
    assert len(found) == lengths[-1][-1]
    assert all(a[i] == b[j] for i, j in found)
    assert found == sorted(found)
    assert len({i for i, _ in found}) == len({j for _, j in found}) == len(found)


def test_thousands_of_like_steps_are_aligned_in_seconds() -> None:
    a = ["Bash", "Read", "Bash", "Edit"] * 3_000
    b = ["Read", "Bash", "Edit", "Bash", "Bash"] * 2_400
    began = process_time()
    assert len(list(opposite(a, b))) > 9_000
    assert process_time() - began < 10
