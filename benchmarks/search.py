"""How long a search takes on a large log, and how long its index takes to build.

    python benchmarks/search.py [--events 1000000]

Bar: a search below 300 ms on a million events. The texts are made up of few words, so most searches match most places.
"""

import argparse
import itertools
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from orchestrion.eventstore import open_log
from orchestrion.projections.search import SearchIndex

QUESTIONS = ("test", "Bash", "missing path", "fai* mis*", '"read the file"', "run everything again", "nowhere")
BATCH = 5_000
ROUNDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    from synthetic import facts

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    events = parser.parse_args(arguments).events
    home = Path(tempfile.mkdtemp(prefix="orchestrion-search-"))
    try:
        with open_log(home) as log:
            made = facts(events)
            while batch := list(itertools.islice(made, BATCH)):
                log.observe(batch)
            with SearchIndex(log, home / "projections") as index:
                took = _seconds(index.catch_up)
                size = (home / "projections" / "search.db").stat().st_size / 1e6
                print(f"index of {events} events: {took:.1f} s, {size:.0f} MB")
                for text in QUESTIONS:
                    index.search(text)
                    spent = statistics.median(_seconds(lambda text=text: index.search(text)) for _ in range(ROUNDS))
                    print(f"{text:<24} {spent * 1000:6.1f} ms (bar: 300)")
    finally:
        shutil.rmtree(home)


def _seconds(work: Callable[[], Any]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.exit(main())
