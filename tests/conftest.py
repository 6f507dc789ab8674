"""For every test: a suite started in the background ignores SIGINT, and its children must not inherit that.

A slow machine is no fault of the code: the property tests' own clocks are off. Python is compiled once: where the
machine forbids to keep bytecode (`PYTHONDONTWRITEBYTECODE`), each of the thousands of processes that the tests start
would compile all that it imports. And the whole suite is shared out over the cores.
"""

import os
import signal
import sys

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
for size in ("COLUMNS", "LINES"):  # of the suite's terminal: readline, which pytest imports, tells its workers
    os.environ.pop(size, None)
sys.dont_write_bytecode = False  # before the import of Hypothesis, which pytest compiles itself

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
settings.load_profile("any-machine")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """No workers where somebody asks for a file or a folder, for that starts sooner; else one a core and one more."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return 0
    ours = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ours + 1
