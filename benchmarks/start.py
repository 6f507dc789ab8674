"""How long `orchestrion --help` takes, against an empty Typer app with as many commands: medians, one interleaved run.

python benchmarks/start.py [ROUNDS]

Both start with compiled modules, as they do wherever they were started before.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from orchestrion.cli.main import COMMANDS

ROUNDS = 15
BAR = 1.3

EMPTY = """
import typer

app = typer.Typer(rich_markup_mode=None)
for number in range({commands}):
    app.command(f"command{{number}}")(lambda: None)
app()
"""


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder) / "empty.py"
        empty.write_text(EMPTY.format(commands=len(COMMANDS)))
        programs = {
            "empty Typer app": [sys.executable, str(empty), "--help"],
            "orchestrion": [sys.executable, "-m", "orchestrion.cli.main", "--help"],
        }
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": str(Path(folder) / "compiled")}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)
        for command in programs.values():
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
        took: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(rounds):
            for name, command in programs.items():
                began = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
                took[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(times) for name, times in took.items()}
    for name, seconds in medians.items():
        print(f"{name:<16} --help  {seconds * 1000:6.0f} ms")
    ratio = medians["orchestrion"] / medians["empty Typer app"]
    print(f"ratio {ratio:.2f} (bar {BAR}): {'holds' if ratio <= BAR else 'falls short'}")
    return int(ratio > BAR)


if __name__ == "__main__":
    sys.exit(main())
