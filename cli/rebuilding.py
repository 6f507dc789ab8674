"""Makes the projections anew from the log, or proves that they are what the log says."""

import shutil

from orchestrion.cli import exits
from orchestrion.cli.options import Format
from orchestrion.cli.show import Sheet, answer, say
from orchestrion.cli.wiring import Home, builder, opened, opened_log


def rebuilt(home: Home, form: Format) -> int:
    """Throw the projections of `home` away and build them again; the exit code."""
    with opened_log(home):  # refuse before anything is thrown away
        say("building from the log …")
    if home.projections.exists():
        shutil.rmtree(home.projections)
    builder(home)()
    with opened(home) as (_, store):
        events = store.query("SELECT count(*) FROM events").rows[0][0]
        answer({"ok": True, "position": store.position, "events": events}, form)
    return exits.OK


def proven(home: Home, form: Format) -> int:
    """Compare the tables as they stand with two rebuilds; exit 9, and build them again, if any differs."""
    from orchestrion.projections import prove

    with opened_log(home) as log:
        say("replaying the log twice …")
        proof = prove(log, home.projections)
    report = {"ok": proof.ok, "position": proof.position, "tables": proof.tables}
    sheet = Sheet(("table", "hash", "same"), [(n, h, n not in proof.differing) for n, h in proof.tables.items()])
    answer(report, form, sheet=sheet)
    if proof.ok:
        say(f"Every table is what the log says, up to position {proof.position}.")
        return exits.OK
    say(f"These tables differ from their rebuild: {', '.join(proof.differing)}. They are made again from the log.")
    shutil.rmtree(home.projections)
    builder(home)()
    return exits.DAMAGED
