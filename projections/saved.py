"""Saved queries and checks: `.sql` files whose first comment is their help and names their parameters.

    -- What each agent spent, from a day on.
    -- param: since day = 2026-01-01 : the first day
    -- param: agent text = null
    SELECT … WHERE started_at >= $since AND ($agent IS NULL OR agent = $agent)

A parameter is `name type`, then `= default` (`null`: nothing), then `: help`. Types: text, integer, number, day, time.
One that the query uses without saying so is a text that must be given. Values are bound, never pasted into the text.

Who wants to offer them (the SQL screen, an MCP tool): `saved_queries(folders)` finds them, `query.bound(values)` makes
the parameters of what was typed, and `ask(log, folder, query.sql, params=…)` answers in the locked-down child.
"""

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from orchestrion.domain.errors import BadDefinition, NotFound, Refused
from orchestrion.domain.inert import one_line

QUERIES_NAME = "queries"
"""The folder of a home's own queries."""
MAX_QUERY_BYTES = 1_000_000
RESERVED = frozenset({"home", "format", "at", "help", "h", "folder"})
"""Names of options that `orchestrion ask` has itself."""

_PARAMETER = re.compile(r"--\s*param:\s*([A-Za-z_]\w*)\s+(\w+)\s*(?:=\s*([^:]*?)\s*)?(?::\s*(.*?)\s*)?$")
_USED = re.compile(
    r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$|\$(?P<name>[A-Za-z_]\w*)",
    re.DOTALL,
)
_KINDS = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "day": "a day such as 2026-01-30",
    "time": "a time such as 2026-01-30T10:00 (UTC)",
}
_INT64 = 2**63


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a query can be given. `default` is None where it must be given, unless `optional`."""

    name: str
    type: str = "text"
    default: str | None = None
    optional: bool = False
    help: str = ""

    def value(self, given: str) -> Any:
        """`given` as this parameter's type: str, int, float or datetime. Raises Refused."""
        try:
            return _converted(self.type, given)
        except (ValueError, OverflowError) as error:
            raise Refused(f"--{self.name} {one_line(given)!r} is not {_KINDS[self.type]}") from error


@dataclass(frozen=True, slots=True)
class SavedQuery:
    """A `.sql` file as it is asked."""

    name: str
    help: str
    sql: str
    parameters: tuple[Parameter, ...]
    path: Path

    def bound(self, given: Mapping[str, str]) -> dict[str, Any]:
        """The parameters as values. Raises Refused for one that is missing, not known, or no value of its type."""
        known = {parameter.name: parameter for parameter in self.parameters}
        if unknown := [name for name in given if name not in known]:
            has = ", ".join(f"--{name}" for name in known) or "none"
            raise Refused(f"{self.name} has no parameter {one_line(unknown[0])!r}; it has {has}")
        missing = [p.name for p in self.parameters if p.name not in given and p.default is None and not p.optional]
        if missing:
            raise Refused(f"{self.name} needs {', '.join(f'--{name} VALUE' for name in missing)}")
        texts = {name: given.get(name, known[name].default) for name in known}
        return {name: None if text is None else known[name].value(text) for name, text in texts.items()}


def _converted(type_: str, given: str) -> Any:
    match type_:
        case "integer":
            number = int(given)
            if not -_INT64 <= number < _INT64:
                raise OverflowError
            return number
        case "number":
            value = float(given)
            if not math.isfinite(value):
                raise ValueError
            return value
        case "day":
            return datetime.combine(date.fromisoformat(given), datetime.min.time())
        case "time":
            at = datetime.fromisoformat(given)
            return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
        case _:
            return given


def read_query(path: Path) -> SavedQuery:
    """The query in a file. Raises NotFound, or BadDefinition naming file and line."""
    if not path.is_file():
        raise NotFound(f"there is no file {path}")
    with path.open("rb") as file:
        data = file.read(MAX_QUERY_BYTES + 1)
    if len(data) > MAX_QUERY_BYTES:
        raise BadDefinition(f"{path} is longer than {MAX_QUERY_BYTES} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDefinition(f"{path} is no UTF-8 text (byte {error.start})") from error
    return _parsed(path, text)


def defaults(text: str) -> dict[str, Any]:
    """The values of a question's parameters that its own comment gives: whoever edits the text edits the values.

    Raises BadDefinition for a parameter that is declared wrongly.
    """
    parameters = _parsed(Path("the question"), text).parameters if "$" in text else ()
    given = [p for p in parameters if p.default is not None or p.optional]
    return {p.name: None if p.default is None else p.value(p.default) for p in given}


def _parsed(path: Path, text: str) -> SavedQuery:
    help_lines: list[str] = []
    declared: dict[str, Parameter] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("--"):
            break
        if re.match(r"--\s*param:", line):
            parameter = _declared(line, f"{path}:{number}")
            if parameter.name in declared:
                raise BadDefinition(f"{path}:{number}: the parameter {parameter.name} is declared twice")
            declared[parameter.name] = parameter
        else:
            help_lines.append(line.removeprefix("--").strip())
    used = [match["name"] for match in _USED.finditer(text) if match["name"]]
    if unused := [name for name in declared if name not in used]:
        raise BadDefinition(f"{path}: the parameter {unused[0]} is declared, but ${unused[0]} is nowhere in the query")
    if taken := [name for name in used if name.lower() in RESERVED]:
        raise BadDefinition(f"{path}: a parameter may not be called {taken[0]}, for --{taken[0]} is an option of `ask`")
    parameters = {name: declared.get(name, Parameter(name)) for name in dict.fromkeys([*declared, *used])}
    return SavedQuery(path.stem, " ".join(help_lines), text, tuple(parameters.values()), path)


def _declared(line: str, where: str) -> Parameter:
    match = _PARAMETER.match(line)
    if match is None or match[2] not in _KINDS:
        raise BadDefinition(f"{where}: write `-- param: name type = default : help`; types: {', '.join(_KINDS)}")
    name, type_, default, told = match.groups()
    parameter = Parameter(name, type_, None if default == "null" else default, default == "null", told or "")
    if parameter.default is not None:
        try:
            parameter.value(parameter.default)
        except Refused as error:
            raise BadDefinition(f"{where}: the default of {name} is not {_KINDS[type_]}") from error
    return parameter


def shipped(folder: str) -> Path:
    """The folder of this package with the `queries` or `checks` that come with it."""
    return Path(str(files("orchestrion.projections").joinpath(folder)))


def saved_queries(folders: Sequence[Path]) -> tuple[dict[str, SavedQuery], list[str]]:
    """Every query of `folders` by name, those of the first folder first; and what is wrong with other files."""
    found: dict[str, SavedQuery] = {}
    problems: list[str] = []
    for folder in folders:
        for path in sorted(folder.glob("*.sql")) if folder.is_dir() else []:
            try:
                found.setdefault(path.stem, read_query(path))
            except (BadDefinition, OSError) as error:
                problems.append(str(error))
    return found, problems


def named(name: str, folders: Sequence[Path]) -> SavedQuery:
    """The query called `name`. Raises NotFound, or BadDefinition if its file has an error."""
    if re.fullmatch(r"[\w.-]+", name):
        for folder in folders:
            if (path := folder / f"{name}.sql").is_file():
                return read_query(path)
    known = sorted(saved_queries(folders)[0])
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none"
    raise NotFound(f"there is no saved query {one_line(name)!r}; {hint}")
