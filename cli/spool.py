"""Brings what hooks left in the spool into the log before a command reads or writes it; a replay leaves it there."""

from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.domain.errors import LogUnavailable

if TYPE_CHECKING:
    from orchestrion.domain.ports import Log

SPOOL_NAME = "spool"


def left(home: Path) -> int:
    """How many files the spool of `home` holds; cheap, for every command asks."""
    try:
        return sum(path.is_file() for path in (home / SPOOL_NAME).iterdir())
    except OSError:
        return 0


def waiting(home: Path) -> bool:
    """Whether the spool of `home` holds anything."""
    return left(home) > 0


def tell(home: Path) -> None:
    """Say what the log does not hold yet, if the spool of `home` does."""
    if waiting(home):
        from orchestrion.cli.show import say

        say(f"The spool holds {left(home)} of hooks' files; a replay leaves them there, other commands bring them in.")


def bring_in(home: Path, log: "Log") -> None:
    """Drain the spool of `home` into `log`; what cannot be drained now stays there, and the command goes on."""
    if not waiting(home):
        return
    from orchestrion.cli.show import say
    from orchestrion.ingest.hooks import drain

    try:
        drained = drain(log, home / SPOOL_NAME)
    except (LogUnavailable, OSError) as error:
        say(f"The spool of hooks was not drained and waits for the next command: {error}")
        return
    if drained.bad:
        say(f"{drained.bad} files in the spool are no payload of a hook; they lie in {home / SPOOL_NAME / 'bad'}.")
    if drained.conflicts:
        say(
            f"{drained.conflicts} facts of hooks say something else than the log; both are kept (conflict:… incidents)."
        )
