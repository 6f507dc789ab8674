"""How fast clean lines pass the redactor, as megabytes of one core, and beside a bare look for one word.

    python benchmarks/redaction.py [--megabytes 40] [PATH…]

Bar: at least 50 MB/s on clean lines. Without paths the lines are made up; with paths they are those of the files, and
how many were suspected and how many held a secret is printed too.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import re2
from synthetic import facts

from orchestrion.eventstore.door import fields_of
from orchestrion.eventstore.redaction import SecretRedactor

ROUNDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=40)
    parser.add_argument("paths", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    redactor = SecretRedactor(b"k" * 32, {"DEPLOY_TOKEN": "abcd-efgh-1234-ijkl"})
    lines = _read(options.paths) if options.paths else _made(options.megabytes * 1_000_000)
    suspected = [line for line in lines if redactor.suspects(line)]
    clean = [line for line in lines if not redactor.suspects(line)]
    word = re2.compile(b"a word that is nowhere")
    ways: dict[str, Callable[[bytes], object]] = {"redactor": redactor.suspects, "one word": word.search}
    speeds: dict[str, list[float]] = {name: [] for name in ways}
    size = sum(map(len, clean)) / 1e6
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.process_time()
            for line in clean:
                way(line)
            speeds[name].append(size / (time.process_time() - begun))
    median = {name: statistics.median(values) for name, values in speeds.items()}
    print(f"{len(clean)} clean lines, {size:.0f} MB: {median['redactor']:.0f} MB/s (bar: 50), "
          f"{median['redactor'] / median['one word']:.2f} of a look for one word")  # fmt: skip
    begun = time.process_time()
    held = sum(redactor.clean(value) is not value for value in map(_decoded, suspected))
    spent = (time.process_time() - begun) * 1000
    print(f"{len(suspected)} of {len(lines)} lines were suspected, {held} held something; {spent:.0f} ms for those")


def _made(size: int) -> list[bytes]:
    lines: list[bytes] = []
    total = 0
    for fact in facts(size // 300):
        lines.append(orjson.dumps(fields_of(fact.event), default=str))
        total += len(lines[-1])
        if total >= size:
            break
    return lines


def _read(paths: Sequence[Path]) -> list[bytes]:
    files = [file for path in paths for file in (sorted(path.rglob("*.jsonl")) if path.is_dir() else [path])]
    return [line for file in files for line in file.read_bytes().splitlines()]


def _decoded(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return line.decode("utf-8", "replace")


if __name__ == "__main__":
    sys.exit(main())
