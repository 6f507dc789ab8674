"""Reads positions that a browser sent."""

MOST_DIGITS = 18
"""What has more does not fit into a position."""


def whole(text: str) -> int | None:
    """The whole number that `text` writes in ASCII digits; None if it is none, or too large for a position."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else None
