"""The console script: sends `hook` to its light entry before anything heavy is imported, all else to the commands."""

import sys

HELP = frozenset({"--help", "-h"})


def main() -> int:
    """Run the command line and return its exit code."""
    if sys.argv[1:2] == ["hook"] and HELP.isdisjoint(sys.argv):
        from orchestrion.cli.hook import main as hook

        del sys.argv[1]
        return hook()
    from orchestrion.cli.main import main as commands

    return commands()


if __name__ == "__main__":
    sys.exit(main())
