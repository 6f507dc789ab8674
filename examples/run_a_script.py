"""A plain script as an agent (`runner: process`): it reads the files and reports what it found, as everybody does.

`python run_a_script.py`
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from orchestrion import Orchestrator
from orchestrion.domain.events import Event, MessageSent

AGENT = """---
name: todo-finder
description: Finds what was left for later.
keywords: [todo, todos]
runner: process
command: [{python}, {script}]
prompt: stdin
---

Find comments that leave something for later.
"""
SCRIPT = """
import json, pathlib, sys
sys.stdin.read()  # the prompt: instructions, task, what was handed over; a script that knows its work needs none of it
found = [
    {"severity": "low", "issue": line.strip(), "file": str(path), "line": number, "rule": "todo"}
    for path in sorted(pathlib.Path().rglob("*.py"))
    for number, line in enumerate(path.read_text().splitlines(), 1)
    if "TODO" in line
]
print(json.dumps({"summary": f"{len(found)} left for later", "findings": found}))
"""


def show(fact: Event) -> None:
    """One line a fact."""
    said = fact.payload if isinstance(fact, MessageSent) else ""
    print(f"{fact.kind:<18} {fact.agent or ''} {said}")


async def main(folder: Path) -> int:
    """A project, a team of one, a request; 0 if all went well."""
    (folder / "project").mkdir()
    (folder / "project/app.py").write_text("x = 1  # TODO: more\n")
    (folder / "team").mkdir()
    script = folder / "todo.py"
    script.write_text(SCRIPT)
    (folder / "team/todo-finder.md").write_text(AGENT.format(python=sys.executable, script=script))
    async with Orchestrator(folder / "project", home=folder / "home", team=folder / "team") as orchestrator:
        result = await orchestrator.execute_request("List the TODOs", observer=show)
    print(f"{result.status}: {result.findings}")
    return 0 if result.success else 1


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.exit(asyncio.run(main(Path(name))))
