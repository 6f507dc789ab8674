"""The process that writes for another: appends what it is handed, a transaction a message, until nobody is there."""

import os
import signal
import sys
from pathlib import Path
from typing import IO

from orchestrion.domain.errors import LogReplaced, OrchestrionError
from orchestrion.eventstore import clock
from orchestrion.eventstore.checkpoint import Checkpoint
from orchestrion.eventstore.entry import Entry
from orchestrion.eventstore.failures import told
from orchestrion.eventstore.handover import receive, recorded, send, unpacked
from orchestrion.eventstore.home import CHECKPOINT_FILE, LOG_FILE, log_uri
from orchestrion.eventstore.sqlite_pool import LogDatastore
from orchestrion.eventstore.sqlite_recorder import SQLiteLogRecorder
from orchestrion.eventstore.states import Told, stated


def main(home: Path, identity: str, requests: IO[bytes], answers: IO[bytes]) -> None:
    """Serve until `requests` ends; every message is answered, a failure too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever hands over decides when to stop
    path, recorder = home / LOG_FILE, None
    try:
        while True:
            entries, blobs = receive(requests)
            try:
                recorder = recorder or _opened(path, identity)
                send(answers, ("done", *recorded(recorder, [_entry(each) for each in entries], blobs)))
            except OrchestrionError as error:
                send(answers, ("failed", type(error).__name__, str(error)))
    except (EOFError, BrokenPipeError):
        return
    finally:
        if recorder:
            recorder.close()


def _entry(raw: bytes) -> Entry:
    """The entry that was handed over, or that is made of what was."""
    given = unpacked(raw)
    if given[3].__class__ is bytes:
        return Entry(*given)
    fields = Told(*given)
    if (entry := stated(fields)) is not None:
        return entry
    from orchestrion.eventstore.door import entered  # noqa: PLC0415 - it takes as long to load as the rest, and is rare

    return entered(fields)


def _opened(path: Path, identity: str) -> SQLiteLogRecorder:
    """The recorder of the log at `path`. Raises LogReplaced if that is not the one called `identity`."""
    with told(path):
        checkpoint = Checkpoint(path.with_name(CHECKPOINT_FILE))
    recorder = SQLiteLogRecorder(LogDatastore(log_uri(path, writable=True)), path, checkpoint, clock.utc_now)
    recorder.prepare(create=False)
    if recorder.identity != identity:
        raise LogReplaced(
            f"the log {path} was replaced while it was open; start again with the file that is to be used"
        )
    return recorder


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.stdin.buffer, sys.stdout.buffer)
    os._exit(0)  # all is committed and closed; to free every object first would only keep waiting whoever waits
