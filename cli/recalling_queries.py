"""Asks a saved query by its name, with its parameters as options, or lists what there is."""

from collections.abc import Sequence
from pathlib import Path

from orchestrion.cli.costs import priced
from orchestrion.cli.options import Format
from orchestrion.cli.show import Sheet, say, table
from orchestrion.cli.wiring import Home, builder, opened_log
from orchestrion.domain.errors import NotFound, Refused
from orchestrion.domain.inert import one_line
from orchestrion.projections.saved import QUERIES_NAME, Parameter, SavedQuery, named, saved_queries, shipped


def folders_of(home: Home, folder: Path | None) -> tuple[Path, ...]:
    """Where queries are looked for: a named folder, the home's own, and those that come with this version.

    Raises NotFound for a named folder that is not there.
    """
    if folder is not None and not folder.expanduser().is_dir():
        raise NotFound(f"there is no folder {folder}; --folder names one with `.sql` files")
    own = (folder.expanduser(),) if folder else ()
    return (*own, home.path / QUERIES_NAME, shipped(QUERIES_NAME))


def answered(home: Home, words: Sequence[str], folder: Path | None, at: int | None, form: Format) -> None:
    """Show the answer to the query that `words` name, or the list of queries. Raises NotFound, Refused."""
    from orchestrion.projections import ask

    folders = folders_of(home, folder)
    if not words:
        return _listed(folders, form)
    query = named(words[0], folders)
    params = query.bound(options_of(words[1:]))
    with opened_log(home) as log:
        found = ask(log, home.projections, query.sql, at=at, params=params, build=builder(home))
    return priced(found, form, empty="No rows.")


def options_of(words: Sequence[str]) -> dict[str, str]:
    """`--name value` and `--name=value` as a mapping. Raises Refused."""
    given: dict[str, str] = {}
    left = list(words)
    while left:
        word = left.pop(0)
        name, equals, value = word.removeprefix("--").partition("=")
        if not word.startswith("--") or not name:
            raise Refused(f"{one_line(word)!r} is no parameter: write --name value")
        if not equals:
            if not left:
                raise Refused(f"--{one_line(name)} needs a value")
            value = left.pop(0)
        key = name.replace("-", "_")
        if key in given:
            raise Refused(f"--{one_line(name)} is given twice")
        given[key] = value
    return given


def _listed(folders: Sequence[Path], form: Format) -> None:
    queries, problems = saved_queries(folders)
    rows = [(q.name, usage_of(q), q.help, str(q.path)) for q in sorted(queries.values(), key=lambda q: q.name)]
    columns = ("query", "parameters", "help", "file")
    if form is Format.table:
        return _with_problems(Sheet(columns[:3], [row[:3] for row in rows]), problems, form)
    return _with_problems(Sheet(columns, rows), problems, form)


def _with_problems(sheet: Sheet, problems: Sequence[str], form: Format) -> None:
    table(sheet, form, empty="There are no saved queries.")
    for problem in problems:
        say(problem)


def usage_of(query: SavedQuery) -> str:
    """The parameters as they are typed: `--since DAY [--limit INTEGER=20]`."""
    return " ".join(map(_usage, query.parameters))


def _usage(parameter: Parameter) -> str:
    shape = f"--{parameter.name} {parameter.type.upper()}"
    if parameter.optional:
        return f"[{shape}]"
    return shape if parameter.default is None else f"[{shape}={parameter.default}]"
