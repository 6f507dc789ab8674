"""Whatever stands in a value, a question reads it as that value."""

from datetime import datetime
from typing import Any

import pytest

from orchestrion.tui.literals import OneOf, bound, literal

VALUES = (
    "plain",
    "it's",
    "''",
    "'; DROP TABLE events; --",
    "\\'",
    "$session",
    "-- no comment",
    "/* x */",
    "new\nline\ttab",
    "E'\\x41'",
    "␛\x1b]0;x\x07",
    "漢字 🎼 \u202e",
    "",
    0,
    -5,
    2**62,
    True,
    False,
    None,
    datetime(2026, 1, 2, 3, 4, 5, 678),
)


@pytest.fixture
def views(feed: Any) -> Any:
    return feed.views


def test_a_value_comes_back_as_it_was(views: Any) -> None:
    for value in VALUES:
        assert views.query(bound("SELECT $value", {"value": value})).rows == [(value,)], value
    assert views.query(bound("SELECT $value", {"value": ["a'b", "c"]})).rows == [(["a'b", "c"],)]


def test_a_name_within_quoted_text_or_a_comment_is_left_alone(views: Any) -> None:
    sql = bound("SELECT '$value', $value -- what is $value's $other", {"value": "it's"})
    assert views.query(sql).rows == [("$value", "it's")]


def test_a_value_without_a_literal_is_refused() -> None:
    with pytest.raises(TypeError):
        literal(object())


def test_one_of_some_texts_is_found_among_them_and_none_among_none(views: Any) -> None:
    for texts, found in ((("a", "it's"), True), (("b",), False), ((), None)):
        sql = bound("SELECT 'it''s' IN $texts", {"texts": OneOf(texts)})
        assert views.query(sql).rows == [(found,)]
