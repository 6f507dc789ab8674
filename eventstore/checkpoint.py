"""The log's last position and hash, kept outside the database: a cut tail is found against it.

The same file is the writers' lock. It is written after each commit under that lock, only forward, into the older of
two slots of fixed width, so a torn write leaves the other slot. A kill between commit and write leaves it behind the
log, which is legal; a log behind its checkpoint has lost its tail, which is not.
"""

import fcntl
import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from orchestrion.domain.errors import LogUnavailable

LOCK_SECONDS = 30.0
"""How long a writer waits for the others before it gives up."""

_FIRST_PAUSE_SECONDS = 0.0002
_LONGEST_PAUSE_SECONDS = 0.004
_SLOT_BYTES = 128


@dataclass(frozen=True, slots=True)
class Seal:
    """Where the log of `identity` stood: its last position and the chain hash there, in hex."""

    identity: str
    position: int
    chain: str

    def encoded(self) -> bytes:
        """One slot: a line of text with a checksum, padded to its fixed width."""
        text = f"{self.identity} {self.position} {self.chain}"
        return f"{text} {crc32(text.encode()):08x}".ljust(_SLOT_BYTES - 1).encode() + b"\n"


def _decoded(slot: bytes) -> Seal | None:
    text, _, checksum = slot.decode("ascii", "replace").rstrip().rpartition(" ")
    parts = text.split(" ")
    if checksum != f"{crc32(text.encode()):08x}" or len(parts) != 3 or not parts[1].isdigit():
        return None
    return Seal(parts[0], int(parts[1]), parts[2])


class Checkpoint:
    """The file `log.checkpoint` of a home, opened once; `writable` False only reads it."""

    def __init__(self, path: Path, *, writable: bool = True) -> None:
        self.path = path
        self.writable = writable
        self._fd = self._opened() if writable else -1
        self._queue = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) if writable else -1

    def _opened(self) -> int:
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.fchmod(fd, 0o600)
        return fd

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the writers' lock. Raises LogUnavailable when others hold it for LOCK_SECONDS.

        Two locks make it fair: the folder's is held by the one who is next. Who has just written must stand in line
        for that again, and cannot take the checkpoint's before the one who waits for it.
        """
        until = time.monotonic() + LOCK_SECONDS
        self._wait_for(self._queue, until, _LONGEST_PAUSE_SECONDS)
        try:
            self._wait_for(self._fd, until, _FIRST_PAUSE_SECONDS)
        finally:
            fcntl.flock(self._queue, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _wait_for(self, fd: int, until: float, longest_pause: float) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise LogUnavailable(
                        f"another process has held the log's lock {self.path} for {LOCK_SECONDS:.0f} s; "
                        "look for one that hangs and try again"
                    ) from None
            time.sleep(random.uniform(0, pause))  # noqa: S311 - chance, not secrecy
            pause = min(pause * 2, longest_pause)

    def read(self) -> Seal | None:
        """The newer valid slot; None if the file is missing, empty or rubbish."""
        slots = self._slots()
        return max((s for s in slots if s), key=lambda seal: seal.position, default=None)

    def _slots(self) -> list[Seal | None]:
        try:
            data = os.pread(self._fd, 2 * _SLOT_BYTES, 0) if self._fd >= 0 else self.path.read_bytes()
        except FileNotFoundError:
            return [None, None]
        return [_decoded(data[start : start + _SLOT_BYTES]) for start in (0, _SLOT_BYTES)]

    def write(self, seal: Seal) -> None:
        """Put `seal` into the older slot, unless a newer one stands there. Call under `locked`.

        A checkpoint that is missing, rubbish or another log's is left as it is: writing it anew would hide the loss.
        """
        slots = self._slots()
        known = [s for s in slots if s]
        if not known or any(s.identity != seal.identity or s.position >= seal.position for s in known):
            return
        ages = [s.position if s else -1 for s in slots]
        os.pwrite(self._fd, seal.encoded(), ages.index(min(ages)) * _SLOT_BYTES)

    def begin(self, seal: Seal) -> None:
        """Fill both slots of a new log's checkpoint, durably. Call under `locked`."""
        os.pwrite(self._fd, seal.encoded() * 2, 0)
        os.fsync(self._fd)

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0:
            os.close(self._fd)
            os.close(self._queue)
            self._fd = self._queue = -1
