"""Speaks about the house itself: init, doctor, status, config."""

from pathlib import Path
from typing import Annotated

import typer

from orchestrion.cli import exits
from orchestrion.cli.options import AtOption, ConfigOption, Format, FormatOption, HomeOption


def init(
    *,
    project: Annotated[
        Path, typer.Argument(metavar="PROJECT", help="The project's folder.", show_default="here")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    form: FormatOption = Format.table,
) -> None:
    """Write settings and a starter team into a project.

    The settings (orchestrion.toml) are all at their defaults; the team (.claude/agents) is the built-in one, to edit.
    """
    from orchestrion.cli.show import Sheet, say, table
    from orchestrion.cli.starter import write_starter

    written = write_starter(project, force=force)
    table(Sheet(("file", "what"), written), form, empty="Everything was there already; nothing was written.")
    say('Look at it with: orchestrion config; orchestrion plan "fix the security findings"')


def doctor(home: HomeOption = None, form: FormatOption = Format.table) -> int:
    """Look for what is wrong here, and say what to do.

    Versions, rights, disk, locks, tools, the log and the configuration; exit 1 if something is bad.
    """
    from orchestrion.cli.health import examine
    from orchestrion.cli.show import Sheet, table
    from orchestrion.cli.wiring import home_of

    findings = examine(home_of(home), Path.cwd())
    rows = [(f.check, f.verdict, f.found, f.advice) for f in findings]
    table(Sheet(("check", "verdict", "found", "advice"), rows), form)
    return exits.FAILED if any(f.verdict == "bad" for f in findings) else exits.OK


def status(at: AtOption = None, home: HomeOption = None, form: FormatOption = Format.table) -> None:
    """Tell where the log is, how long, and how much is readable."""
    from orchestrion.cli import spool
    from orchestrion.cli.dropped import dropped
    from orchestrion.cli.show import answer, say
    from orchestrion.cli.wiring import home_of, opened

    place = home_of(home)
    facts = dict.fromkeys(("position", "projected_position", "sessions", "events"), 0)
    dead_letters = log_bytes = 0
    if place.exists() or spool.waiting(place.path):
        with opened(place) as (log, store):
            asked = """SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM events),
                (SELECT count(*) FROM dead_letters)"""
            *counts, dead_letters = store.query(asked, at=at).rows[0]
            projected = store.position if at is None else min(at, store.position)
            facts = dict(zip(facts, (log.head(), projected, *counts), strict=True))
        log_bytes = sum(path.stat().st_size for path in place.path.glob(f"{place.log.name}*"))
    else:
        say(f"There is no log in {place.path} yet; `orchestrion demo`, `run` or `import` begins one.")
    house = {
        "home": str(place.path),
        **facts,
        "spooled": spool.left(place.path),
        "dropped": dropped(str(place.path)),
        "dead_letters": dead_letters,
        "log_bytes": log_bytes,
    }
    answer(house, form)


def config(home: HomeOption = None, file: ConfigOption = None, form: FormatOption = Format.table) -> None:
    """Show every setting and where it came from.

    Defaults, then the project's orchestrion.toml (or .json), then CLAUDE_… and ORCHESTRION_… variables, then options.
    """
    from orchestrion.cli.settings import BY_NAME, load_settings
    from orchestrion.cli.show import Sheet, say, table
    from orchestrion.cli.wiring import home_of

    place, settings = home_of(home), load_settings(Path.cwd(), file=file)
    rows = [("home", str(place.path), place.origin, True, "folder of the log")]
    for name, held in settings.values.items():
        known = BY_NAME.get(name)
        used = known.used if known else True
        meaning = known.help if known else "MCP server switched on or off"
        rows.append((name, held.value, held.origin, used, meaning))
    table(Sheet(("setting", "value", "origin", "used", "meaning"), rows), form)
    if any(not row[3] and row[2] != "default" for row in rows):
        say("Settings with used = false are accepted, but this version does not act on them.")
