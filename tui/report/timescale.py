"""Maps times to places on a line, and folds long idle stretches so that what happened stays visible."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MIN_IDLE_SECONDS = 60.0
IDLE_SHARE = 0.08
"""A stretch without any activity longer than both is folded into a break of fixed width."""
BREAK_WIDTH = 26.0
STEPS_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
WANTED_TICKS = 8

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of time and where it lies: from `x` on, `width` wide; an idle one is a break."""

    start: datetime
    end: datetime
    x: float
    width: float
    idle: bool

    def place(self, at: datetime) -> float:
        """Where `at`, a time within the piece, lies."""
        whole = self.end - self.start
        return self.x + (self.width * ((at - self.start) / whole) if whole else 0.0)


class TimeScale:
    """Times of a session on a line from `left` to `left + width`."""

    def __init__(self, spans: Iterable[Span], *, left: float, width: float) -> None:
        self.left, self.width = left, width
        self.pieces = _pieces(_merged(spans), left, width)

    def place(self, at: datetime) -> float:
        """Where `at` lies; times outside lie at the ends."""
        for piece in self.pieces:
            if at <= piece.end:
                return piece.place(max(at, piece.start))
        return self.left + self.width if self.pieces else self.left

    def ticks(self) -> list[tuple[float, datetime]]:
        """Round times along the active pieces, about `WANTED_TICKS` of them."""
        active = [piece for piece in self.pieces if not piece.idle]
        seconds = sum((piece.end - piece.start).total_seconds() for piece in active)
        step = next((step for step in STEPS_SECONDS if step * WANTED_TICKS >= seconds), STEPS_SECONDS[-1])
        found: list[tuple[float, datetime]] = []
        for piece in active:
            midnight = piece.start.replace(hour=0, minute=0, second=0, microsecond=0)
            count = -((midnight - piece.start) // timedelta(seconds=step))
            at = midnight + timedelta(seconds=step) * count
            while at <= piece.end and len(found) < 4 * WANTED_TICKS:
                found.append((piece.place(at), at))
                at += timedelta(seconds=step)
        return found


def _merged(spans: Iterable[Span]) -> list[Span]:
    """The union of `spans`, in order, as spans that do not touch."""
    union: list[Span] = []
    for start, end in sorted(spans):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, max(start, end)))
    return union


def _pieces(union: list[Span], left: float, width: float) -> list[Piece]:
    if not union:
        return []
    total = union[-1][1] - union[0][0]
    idle = max(timedelta(seconds=MIN_IDLE_SECONDS), total * IDLE_SHARE)
    active: list[Span] = [union[0]]
    for start, end in union[1:]:
        if start - active[-1][1] > idle:
            active.append((start, end))
        else:
            active[-1] = (active[-1][0], end)
    room = width - BREAK_WIDTH * (len(active) - 1)
    busy = sum((end - start for start, end in active), timedelta())
    pieces: list[Piece] = []
    x = left
    for start, end in active:
        if pieces:
            pieces.append(Piece(pieces[-1].end, start, x, BREAK_WIDTH, idle=True))
            x += BREAK_WIDTH
        share = room * ((end - start) / busy) if busy else room / len(active)
        pieces.append(Piece(start, end, x, share, idle=False))
        x += share
    return pieces
