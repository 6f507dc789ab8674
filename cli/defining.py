"""Begins and checks agents' and commands' files for the command line."""

from pathlib import Path

from orchestrion.cli import exits
from orchestrion.cli.options import Format
from orchestrion.cli.show import Sheet, say, table
from orchestrion.domain.errors import BadDefinition, Refused
from orchestrion.domain.inert import one_line

COLUMNS = ("file", "kind", "name", "runner", "problem", "note")


def defining(words: list[str], runner: str, form: Format) -> int:
    """Do what `words` say: `new NAME` or `check [FOLDER]`; the exit code. Raises Refused, NotFound."""
    match words:
        case ["new", name]:
            return _new(name, runner)
        case ["check"]:
            return _check(Path(), form)
        case ["check", folder]:
            return _check(Path(folder), form)
        case _:
            raise Refused(
                f"agents {one_line(' '.join(words))}: say `agents`, `agents new NAME`, or `agents check [FOLDER]`"
            )


def _new(name: str, runner: str) -> int:
    from orchestrion.agents.checking import new_definition

    path = new_definition(name, Path(), runner)
    say(f"Wrote {path}. Edit it, then: orchestrion agents check")
    return exits.OK


def _check(folder: Path, form: Format) -> int:
    from orchestrion.agents.checking import check_folder

    checked = check_folder(folder)
    rows = [(str(each.path), each.kind, each.name, each.runner, each.problem, each.note) for each in checked]
    table(Sheet(COLUMNS, rows), form)
    bad = [each.problem for each in checked if each.problem]
    for problem in bad:
        say(problem)
    say(f"{len(checked)} files, {len(bad)} of them cannot be used." if checked else f"{folder}: no definitions.")
    return BadDefinition.exit_code if bad else exits.OK
