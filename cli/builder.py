"""The snapshot builder's own process: reads the log by ADBC, opens it by nothing else, publishes a snapshot."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrion.cli.exits import sentence_of
from orchestrion.cli.wiring import PROJECTIONS_NAME


def main(arguments: Sequence[str] | None = None) -> int:
    """Build one snapshot of the log in `--home`; 0 when it is published, else one sentence and the exit code."""
    parser = argparse.ArgumentParser(prog="orchestrion-builder", description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    home = parser.parse_args(arguments).home
    try:
        from orchestrion.eventstore import sqlite_arrow
        from orchestrion.projections import build_snapshot

        position = build_snapshot(sqlite_arrow(home), home / PROJECTIONS_NAME)
    except Exception as error:
        sentence, code = sentence_of(error)
        sys.stderr.write(f"{sentence}\n")
        return code
    sys.stdout.write(f"{position}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
