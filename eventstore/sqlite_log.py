"""The log in a file of its home: opening it, with rights for its owner alone."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from orchestrion.domain.errors import NotFound, OrchestrionError
from orchestrion.domain.ports import Bulk, Redactor
from orchestrion.eventstore import clock
from orchestrion.eventstore.checkpoint import Checkpoint
from orchestrion.eventstore.failures import told
from orchestrion.eventstore.home import CHECKPOINT_FILE, LOG_FILE, log_uri, make_home, make_log_file, may_write
from orchestrion.eventstore.log import RecordedLog
from orchestrion.eventstore.redaction import secret_redactor
from orchestrion.eventstore.sqlite_pool import LogDatastore
from orchestrion.eventstore.sqlite_recorder import SQLiteLogRecorder
from orchestrion.eventstore.waking import CheckpointWatch


class SQLiteLog(RecordedLog):
    """`ports.Log` in the SQLite file `log.db` of a home."""

    def __init__(self, recorder: SQLiteLogRecorder, redactor: Redactor | None) -> None:
        super().__init__(recorder, CheckpointWatch(recorder.checkpoint.path, recorder.head), redactor)
        self.path = recorder.path

    def bulk(self, size: int) -> AbstractContextManager[Bulk]:
        """What appends about `size` bytes while more are being made: much of it in a process of its own."""
        from orchestrion.eventstore.bulk import Separate, pays  # noqa: PLC0415 - only who brings much needs it

        return Separate(self.path, self.identity, self._door) if pays(size) else super().bulk(size)


def open_log(
    home: Path, *, redactor: Redactor | None = None, create: bool = True, now: clock.Clock = clock.utc_now
) -> SQLiteLog:
    """Open the log of `home`, making both (0700, 0600) if `create`; `redactor` None is `secret_redactor` of the home.

    A home that may only be read is opened for reading (`home.log_uri` says how): appends raise LogUnavailable.
    Raises NotFound (no log and not `create`), LogUnavailable, LogTooNew.
    """
    path = home / LOG_FILE
    with told(path):
        if not path.exists() and not create:
            raise NotFound(f"there is no log in {home}; choose another home, or record or import something first")
        if create and not path.exists():
            make_home(home)
            make_log_file(path)
        writable = may_write(path)
        if writable and path.stat().st_mode & 0o077:
            path.chmod(0o600)
        checkpoint = Checkpoint(home / CHECKPOINT_FILE, writable=writable)
    recorder: SQLiteLogRecorder | None = None
    try:
        recorder = SQLiteLogRecorder(LogDatastore(log_uri(path, writable=writable)), path, checkpoint, now)
        recorder.prepare(create=create and writable)
        if redactor is None and writable:
            redactor = secret_redactor(home, os.environ)
    except OrchestrionError:
        (recorder or checkpoint).close()
        raise
    return SQLiteLog(recorder, redactor)
