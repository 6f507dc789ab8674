"""What a hook costs an agent: the shipped command against a bare start of Python, in turns (no arguments)."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 60
WARM_UP = 5
MAX_RATIO = 3.0
MAX_P95_MS = 150.0

PAYLOAD = json.dumps(
    {
        "session_id": "5f4b7a52-0000-4000-8000-000000000000",
        "cwd": "/home/ann/shop",
        "hook_event_name": "PostToolUse",
        "tool_name": "Bash",
        "tool_use_id": "toolu_01",
        "tool_input": {"command": "ls"},
        "tool_response": {"stdout": "x" * 4000},
    }
).encode()


def took_ms(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, input=PAYLOAD, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - started) * 1000


def main() -> int:
    """Print p50 and p95 of each command and the ratio of the medians; 1 if a bar is missed."""
    scripts = Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as home:
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "orchestrion-hook": [str(scripts / "orchestrion-hook"), "--home", home],
            "orchestrion hook": [sys.executable, "-m", "orchestrion.cli.entry", "hook", "--home", home],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(WARM_UP + ROUNDS):
            for name, command in commands.items():
                took = took_ms(command)
                if number >= WARM_UP:
                    times[name].append(took)
        kept = sum(1 for _ in (Path(home) / "spool").glob("*.json"))
        assert kept == 2 * (WARM_UP + ROUNDS)
    bare = statistics.median(times["python -c pass"])
    missed = False
    for name, measured in times.items():
        middle, late = statistics.median(measured), statistics.quantiles(measured, n=20)[-1]
        print(f"{name:18} p50 {middle:6.1f} ms  p95 {late:6.1f} ms  {middle / bare:4.2f} times a bare start")
        missed |= middle > MAX_RATIO * bare or late > MAX_P95_MS
    verdict = "MISSED" if missed else "met"
    print(f"bars: p50 at most {MAX_RATIO} times a bare start, p95 below {MAX_P95_MS:.0f} ms: {verdict}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
