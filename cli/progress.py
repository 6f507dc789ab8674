"""A progress bar on standard error: redrawn in place on a terminal, a line now and then where it is none."""

import sys
import time
from types import TracebackType

from orchestrion.domain.inert import one_line

BAR_CELLS = 24
REDRAW_SECONDS = 0.1
LINE_SECONDS = 5.0
LABEL_CELLS = 36
CLEAR_LINE = "\r\x1b[2K"


class Bar:
    """Shows how much of a total is done. A context manager: it leaves no half-drawn line behind."""

    def __init__(self, label: str, unit: str = "") -> None:
        self.label, self.unit = label, unit
        self._live = sys.stderr.isatty()
        self._drawn_at = time.monotonic()  # work that is done at once gets no bar
        self._drawn = False

    def show(self, done: int, total: int, what: str = "") -> None:
        """Say that `done` of `total` is done, now at `what`; draws no more often than an eye can follow."""
        now = time.monotonic()
        if now - self._drawn_at < (REDRAW_SECONDS if self._live else LINE_SECONDS):
            return
        self._drawn_at = now
        share = min(1.0, done / total) if total else 1.0
        filled = round(share * BAR_CELLS)
        bar = "█" * filled + "░" * (BAR_CELLS - filled)
        figures = f"{_amount(done)} of {_amount(total)}{self.unit}"
        line = f"{self.label} {bar} {share:4.0%} {figures} {one_line(what)[-LABEL_CELLS:]}"
        sys.stderr.write(f"{CLEAR_LINE}{line}" if self._live else f"{line}\n")
        sys.stderr.flush()
        self._drawn = self._live

    def __enter__(self) -> "Bar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            sys.stderr.write(CLEAR_LINE)
            sys.stderr.flush()


def _amount(number: int) -> str:
    return f"{number / 1e6:.1f} M" if number >= 1_000_000 else str(number)
