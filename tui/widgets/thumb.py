"""The scroll bar of a list that grows: it is drawn again only when its thumb moves, which is seldom."""

from math import ceil

from textual.scrollbar import ScrollBar

_PARTS = 8
"""Textual draws the ends of a thumb in eighths of a cell."""


def lengthen(bar: ScrollBar, lines: int) -> None:
    """What `bar` scrolls through has so many lines now."""
    if _thumb(bar, lines) == _thumb(bar, bar.window_virtual_size):
        bar.set_reactive(ScrollBar.window_virtual_size, lines)
    else:
        bar.window_virtual_size = lines


def _thumb(bar: ScrollBar, lines: int) -> tuple[int, int] | None:
    """Where the thumb begins and ends, in parts of a cell, as `textual.scrollbar` has it; None without one."""
    height, window = bar.size.height, bar.window_size
    if not height or not window or window >= lines or height == lines:
        return None
    thumb = max(1, window * height / lines)
    begin = int((height - thumb) * bar.position / (lines - window) * _PARTS)
    return begin, begin + ceil(thumb * _PARTS)
