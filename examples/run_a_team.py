"""Run the built-in team on a repository and print every fact as it enters the log: `python run_a_team.py [FOLDER]`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrion.agents import Conductor, example_repository, load_roster, make_plan
from orchestrion.domain.events import Event
from orchestrion.eventstore import open_log

REQUEST = "Fix security vulnerability in authentication endpoint"


def show(fact: Event) -> None:
    """One line a fact."""
    print(f"{fact.happened_at:%H:%M:%S.%f}  {fact.kind:<20}  {fact.agent or ''}")


def main(workspace: Path) -> int:
    """Plan, run, say what came of it; 0 if all went well."""
    roster = load_roster(workspace)
    print("phases:", make_plan(REQUEST, roster).phases)
    with tempfile.TemporaryDirectory() as home:
        log = open_log(Path(home))
        try:
            conductor = Conductor(log, home=Path(home))
            result = asyncio.run(conductor.execute(REQUEST, workspace, roster, observer=show))
        finally:
            log.close()
    fixed = sum(bool(finding["fixed"]) for finding in result.findings)
    print(f"{result.status}: {len(result.findings)} findings, {fixed} fixed, tests: {result.tests}")
    print(result.diff)
    return 0 if result.success else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else example_repository()))
