"""Speaks about the log's soundness: verify, rebuild."""

from typing import Annotated

import typer

from orchestrion.cli import exits
from orchestrion.cli.options import Format, FormatOption, HomeOption
from orchestrion.cli.show import answer, say
from orchestrion.cli.wiring import home_of


def verify(home: HomeOption = None, form: FormatOption = Format.table) -> int:
    """Recompute the log's hash chain and every body's hash; exit 9 if the log is not what was written."""
    from orchestrion.cli.wiring import opened_log

    with opened_log(home_of(home)) as (log, _):
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
    prove: Annotated[bool, typer.Option("--prove", help="Also replay anew and compare a hash of every table.")] = False,
    home: HomeOption = None,
    form: FormatOption = Format.table,
) -> int:
    """Throw the projections away and make them again from the log; with --prove exit 9 if any table differs."""
    from orchestrion.cli.rebuilding import rebuilt

    return rebuilt(home_of(home), form, with_proof=prove)
