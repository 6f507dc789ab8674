"""How fast and in how much memory transcripts are imported: `python benchmarks/ingest.py [MEGABYTES]`.

Prints, for one interleaved run with medians of five, the time of a durable import (redaction included, into a fresh
log) over that of `orjson.loads` on the same lines, the same ratio of processor time (which other programs at work on
the machine disturb less), and the peak memory for a file and for one ten times as large.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

RUNS = 5
MEGABYTE = 1_000_000
BAR = 9.0
RECORDINGS = Path(__file__).resolve().parents[2] / "shared" / "sessions"
WORDS = (
    "the",
    "till",
    "adds",
    "up",
    "and",
    "rounds",
    "down",
    "where",
    "a",
    "coupon",
    "is",
    "used",
    "twice",
    "so",
    "look",
)
IDENTITY = re.compile(
    rb'"(sessionId|uuid|id|tool_use_id|parentToolUseID|agentId|messageId|requestId|parentUuid)":"([^"]{6,})"'
)


def turn(session: str, number: int) -> Iterator[dict[str, object]]:
    """One turn of a made-up session: an answer, a call, its noise, its return; about 14 kB in nine lines."""

    def line(kind: str, part: int, **more: object) -> dict[str, object]:
        at = f"2026-03-01T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.{part:03}Z"
        envelope = {"parentUuid": f"{session}-{number}-{part - 1}", "isSidechain": False, "cwd": "/home/someone/shop"}
        return {
            **envelope, "sessionId": session, "version": "2.1.40", "gitBranch": "trunk", "type": kind,
            "uuid": f"{session}-{number}-{part}", "timestamp": at, **more,
        }  # fmt: skip

    text = " ".join(WORDS[(number + i) % len(WORDS)] for i in range(120))
    usage = {
        "input_tokens": 3,
        "output_tokens": 40,
        "cache_read_input_tokens": number,
        "cache_creation_input_tokens": 7,
    }
    message = {"id": f"msg_{session}_{number}", "role": "assistant", "model": "model-a", "usage": usage}
    call = f"toolu_{session}_{number}"
    yield line("assistant", 0, message={**message, "content": [{"type": "text", "text": text}]})
    use = {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": text}}
    yield line("assistant", 1, message={**message, "content": [use]})
    for part in range(2, 7):
        data = {"type": "hook_progress", "hookEvent": "PreToolUse", "command": text[:200]}
        yield line("progress", part, data=data, toolUseID=call)
    result = {"type": "tool_result", "tool_use_id": call, "content": f"{text}\n" * 8}
    content = {"role": "user", "content": [result]}
    yield line(
        "user", 7, message=content, toolUseResult={"stdout": f"{text}\n" * 8, "stderr": "", "interrupted": False}
    )
    yield {"type": "file-history-snapshot", "messageId": call, "snapshot": {}}


def made_up(path: Path, size: int) -> Path:
    """A made-up session of about `size` bytes."""
    with path.open("wb") as file:
        number = 0
        while file.tell() < size:
            file.writelines(orjson.dumps(line) + b"\n" for line in turn("made-up", number))
            number += 1
    return path


def recorded(path: Path, size: int) -> Path | None:
    """Real sessions one after the other, with new ids each time, up to about `size` bytes; None without recordings."""
    files = sorted(RECORDINGS.glob("claude-code-*/**/*.jsonl"))
    raw = b"".join(file.read_bytes().rstrip(b"\n") + b"\n" for file in files if "gemini" not in str(file))
    if not raw:
        return None
    with path.open("wb") as file:
        for number in range(max(1, size // len(raw))):
            file.write(IDENTITY.sub(lambda m, n=number: b'"%s":"%s-%d"' % (m[1], m[2], n), raw))
    return path


class Taken(NamedTuple):
    """Seconds that a piece of work took: by the clock, and of the processors."""

    wall: float
    cpu: float
    """Of this process."""
    main: float
    """Of this thread: what has to be done one after the other."""
    helpers: float
    """Of the processes that it started, which have ended."""

    @classmethod
    def since(cls, start: "Taken") -> "Taken":
        """What was taken since `start`."""
        now = cls.now()
        return cls(*(after - before for after, before in zip(now, start, strict=True)))

    @classmethod
    def now(cls) -> "Taken":
        """The clocks as they stand."""
        helpers = resource.getrusage(resource.RUSAGE_CHILDREN)
        return cls(time.perf_counter(), time.process_time(), time.thread_time(), helpers.ru_utime + helpers.ru_stime)


def loads_seconds(path: Path) -> Taken:
    """What it takes to parse the file's lines and let them go."""
    started = Taken.now()
    with path.open("rb") as file:
        for line in file:
            try:
                orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
    return Taken.since(started)


def import_seconds(path: Path) -> Taken:
    """What it takes to import the file into a fresh log on disk."""
    from orchestrion.eventstore import open_log, secret_redactor
    from orchestrion.ingest import import_paths

    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        home = Path(folder) / "home"
        redactor = secret_redactor(home, os.environ)
        log = open_log(home, redactor=redactor)
        started = Taken.now()
        report = import_paths(log, redactor, "claude-code", [path]).as_json()
        taken = Taken.since(started)
        log.close()
    assert report["events_appended"] > 0
    return taken


def speed(name: str, path: Path) -> None:
    """Print the ratio of one interleaved run."""
    pairs = [(loads_seconds(path), import_seconds(path)) for _ in range(RUNS)]
    loads, whole = (Taken(*map(statistics.median, zip(*column, strict=True))) for column in zip(*pairs, strict=True))
    size = path.stat().st_size / MEGABYTE
    ratio = whole.wall / loads.wall
    print(f"{name}: {size:.1f} MB; orjson.loads {loads.wall:.3f} s, import {whole.wall:.3f} s", end="")
    print(f" ({size / whole.wall:.1f} MB/s)")
    print(f"  ratio {ratio:.2f} (bar {BAR}): {'holds' if ratio <= BAR else 'falls short'}")
    print("  raw: " + ", ".join(f"{one.wall:.3f}/{two.wall:.3f}" for one, two in pairs))
    print(f"  of processor time: {loads.cpu:.3f} s; the thread that reads {whole.main:.3f} s", end="")
    print(f" (ratio {whole.main / loads.cpu:.2f}), all {whole.cpu + whole.helpers:.3f} s", end="")
    print(f" (ratio {(whole.cpu + whole.helpers) / loads.cpu:.2f}, {whole.helpers:.3f} s of it in a process beside it)")


def memory(path: Path) -> float:
    """Peak memory of an import in a process of its own, in MB."""
    done = subprocess.run(
        [sys.executable, __file__, "--peak", str(path)], check=True, capture_output=True, text=True, timeout=600
    )
    return float(done.stdout)


def main() -> None:
    """Print speed and memory."""
    if sys.argv[1:2] == ["--peak"]:
        import_seconds(Path(sys.argv[2]))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE)
        return
    size = int(float(sys.argv[1]) * MEGABYTE) if len(sys.argv) > 1 else 50 * MEGABYTE
    with tempfile.TemporaryDirectory() as folder:
        speed("made-up session", made_up(Path(folder) / "made-up.jsonl", size))
        real = recorded(Path(folder) / "recorded.jsonl", size)
        if real:
            speed("recordings", real)
        else:
            print(f"recordings: none in {RECORDINGS}")
        small, large = (memory(made_up(Path(folder) / f"{n}.jsonl", n * MEGABYTE)) for n in (10, 100))
        print(f"peak memory: {small:.0f} MB for 10 MB, {large:.0f} MB for 100 MB ({large / small:.2f} times)")


if __name__ == "__main__":
    main()
