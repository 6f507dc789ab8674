"""What a collector costs while nothing happens: 1,000 session files that rest and 2 GB of history (no arguments).

The shipped command watches for a while after it has read everything; its own processor time is what counts. The files
are as long as they say but nearly empty on the disk. A second figure is what it costs while one of them grows.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from otlp import processor_seconds

FILES = 1000
HISTORY_BYTES = 2 * 10**9
SECONDS = 20
MAX_SHARE = 0.01
LINES_A_SECOND = 5


def line(number: int, session: str) -> bytes:
    message = {"role": "assistant", "id": f"m{number}", "model": "x", "content": [{"type": "text", "text": "done"}]}
    said = {
        "type": "assistant", "uuid": f"{session}-{number}", "sessionId": session, "cwd": "/home/ann/shop",
        "timestamp": "2026-03-01T12:00:00.000Z", "message": message,
    }  # fmt: skip
    return json.dumps(said).encode() + b"\n"


def written(folder: Path, memory: Path) -> None:
    """Write the files, and the collector's memory that they rest: reading 2 GB is not what is measured here."""
    stamps = {}
    for number in range(FILES):
        path = folder / f"project-{number % 50}" / f"session-{number}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(line(0, str(number)))
        os.truncate(path, HISTORY_BYTES // FILES)
        os.utime(path, (1, 1))
        found = path.stat()
        stamps[str(path)] = [found.st_ino, found.st_size, found.st_mtime_ns]
    memory.write_text(json.dumps({"version": 1, "resting": stamps}))


def main() -> int:
    """Print the share of one core; 1 if the bar is missed."""
    with tempfile.TemporaryDirectory() as place:
        folder, home = Path(place, "sessions"), Path(place, "home")
        folder.mkdir()
        home.mkdir(mode=0o700)
        written(folder, home / "watch.json")
        command = [str(Path(sys.executable).parent / "orchestrion"), "collect", "--watch", "--port", "0"]
        command += [str(folder), "--home", str(home)]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as collector:
            assert collector.stderr is not None
            assert any("Receiving" in said for said in iter(collector.stderr.readline, "")), "it ended"
            time.sleep(6)  # beyond the first sweep
            before = processor_seconds(collector.pid)
            time.sleep(SECONDS)
            resting = (processor_seconds(collector.pid) - before) / SECONDS
            before, growing = processor_seconds(collector.pid), folder / "project-0" / "growing.jsonl"
            for number in range(SECONDS * LINES_A_SECOND):
                with growing.open("ab") as stream:
                    stream.write(line(number, "growing"))
                time.sleep(1 / LINES_A_SECOND)
            busy = (processor_seconds(collector.pid) - before) / SECONDS
            collector.terminate()
            appended = sum(int(each.split()[0]) for each in collector.stderr if each.strip().endswith("events"))
        assert appended >= SECONDS * LINES_A_SECOND / 2, appended
    print(f"{FILES} files at rest, {HISTORY_BYTES / 1e9:.0f} GB: {resting:.2%} of a core, the port open")
    print(f"the same, and one file growing by {LINES_A_SECOND} lines a second: {busy:.2%} of a core")
    print(f"bar: below {MAX_SHARE:.0%} of a core at rest: {'met' if resting < MAX_SHARE else 'MISSED'}")
    return 0 if resting < MAX_SHARE else 1


if __name__ == "__main__":
    sys.exit(main())
