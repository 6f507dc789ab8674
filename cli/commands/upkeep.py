"""Speaks about the log's soundness: verify, rebuild."""

from typing import Annotated

import typer

from orchestrion.cli import exits
from orchestrion.cli.options import Format, FormatOption, HomeOption


def verify(home: HomeOption = None, form: FormatOption = Format.table) -> int:
    """Check that the log is what was written.

    Recomputes the hash chain and every body's hash, and compares with the checkpoint outside; exit 9 if it is damaged.
    """
    from orchestrion.cli.show import answer, say
    from orchestrion.cli.wiring import home_of, opened_log

    with opened_log(home_of(home)) as log:
        found = log.verify()
    report = {
        "ok": found.ok,
        "position": found.position,
        "first_bad_position": found.first_bad_position,
        "problems": list(found.problems),
    }
    answer(report, form)
    if found.ok:
        say(f"The log is what was written, up to position {found.position}.")
        return exits.OK
    say(f"The log is damaged: {'; '.join(found.problems[:3])}. Keep the file as it is and restore from a copy.")
    return exits.DAMAGED


def rebuild(
    *,
    prove: Annotated[bool, typer.Option("--prove", help="Replay anew and compare a hash of every table.")] = False,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Make the projections again from the log.

    With --prove they are kept and compared, as they stand, with two rebuilds: exit 9 if any table differs.
    Whether the log itself is what was written, verify tells.
    """
    from orchestrion.cli.rebuilding import proven, rebuilt
    from orchestrion.cli.wiring import home_of

    return (proven if prove else rebuilt)(home_of(home), form)
