"""The console script: sends `hook` to its light entry before anything heavy is imported, all else to the commands."""

import sys

HELP = frozenset({"--help", "-h"})
INTERRUPTED = 130
"""As `cli.exits` has it, which imports more than a hook may wait for."""


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:2] == ["hook"] and HELP.isdisjoint(sys.argv):
        from orchestrion.cli.hook import main as hook

        del sys.argv[1]
        return hook()
    try:
        from orchestrion.cli.main import main as commands

        return commands()
    except KeyboardInterrupt:  # before or after there is anything that could say so
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
