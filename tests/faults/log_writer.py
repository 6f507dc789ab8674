"""A writer to be killed: appends facts to a log and prints each id once it is acknowledged.

usage: log_writer.py HOME WORKER FIRST LAST
"""

import sys
from pathlib import Path

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log


def fact(worker: str, number: int) -> e.ToolCalled:
    """The same fact for the same worker and number, whoever appends it; every tenth has a body of its own."""
    text = f"{worker} {number} " * (600 if number % 10 == 0 else 1)
    return e.ToolCalled(source="transcript", session="s", call=f"{worker}-{number}", tool="t", params={"text": text})


def main() -> None:
    home, worker, first, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    with open_log(home) as log:
        for number in range(first, last + 1):
            answer = log.observe([witnessed(fact(worker, number)), witnessed(fact("shared", number))])
            if answer.conflicts:
                sys.exit("the same fact was taken for another one")
            sys.stdout.write(f"{worker}-{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
