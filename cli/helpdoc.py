"""Writes docs/cli.md out of the commands themselves: `python -m orchestrion.cli.helpdoc > docs/cli.md`."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout

WIDTH = 80
"""Columns of the help as the document shows it."""

INTRODUCTION = """# The command line

Generated from the commands by `python -m orchestrion.cli.helpdoc`; a test compares the two.

- Data goes to standard output, talk and progress to standard error.
- `--format table` is for people: on a terminal it is cut to its width, elsewhere nothing is cut. `json` has times in
  ISO 8601 (UTC), unknown values as null. In `csv` a text that a spreadsheet would take for a formula (it begins with
  `=`, `+`, `-`, `@`, tab or carriage return) gets an apostrophe before it. `md` is a Markdown table.
- Control, bidi, zero-width and tag characters from outside are shown as `␛` or `⟦U+202E⟧`, in JSON as `\\u` escapes.
- Where a SESSION is asked for, the beginning of its id is enough, and `last` is the one that started last.
- `ORCHESTRION_DEBUG=1` shows where an unexpected error happened.
"""


def document() -> str:
    """The whole document; every command's help as it prints itself."""
    from orchestrion.cli.main import COMMANDS

    names = ["", *(command.__name__.rstrip("_") for command in COMMANDS)]
    return INTRODUCTION + "".join(part for name in names for part in _section(name))


def _section(name: str) -> Iterator[str]:
    yield f"\n## orchestrion {name}".rstrip() + "\n\n"
    yield f"```text\n{_help(name)}\n```\n"


def _help(name: str) -> str:
    from orchestrion.cli.main import main

    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(WIDTH)
    try:
        with redirect_stdout(io.StringIO()) as printed:
            main([*([name] if name else []), "--help"])
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before
    return "\n".join(line.rstrip() for line in printed.getvalue().rstrip().splitlines())


if __name__ == "__main__":
    sys.stdout.write(document())
