"""The few security fixes that need no judgement, made in place: run as a program by the backend developer.

Standard library only. Each fix leaves what the code does to harmless input as it was:
`yaml.load` → `yaml.safe_load`; `requests.get(…)` → with a timeout; `subprocess.run("ls -l", shell=True)` without shell
syntax → an argument list; `execute(f"… '{name}' …")` of sqlite3 → a bound parameter. All else stays for a person.
"""

import ast
import os
import re
import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

IGNORED = {"node_modules", "__pycache__", "build", "dist", "site-packages"}
REQUESTS = {"get", "post", "put", "patch", "delete", "head", "options", "request"}
TIMEOUT_SECONDS = 30
SHELL_SYNTAX = re.compile(r"[|&;<>()$`\\\"'*?\[\]#~=%{}\n]")
RUNNERS = {"run", "call", "check_call", "check_output", "Popen"}
MARK = "\0"


@dataclass(frozen=True)
class Edit:
    """Bytes `start` to `end` of a file become `text`."""

    start: int
    end: int
    text: str
    rule: str
    line: int


class Source:
    """A parsed file and the way from its lines to its bytes."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.tree = raw, ast.parse(raw)
        self._starts = [0]
        for line in raw.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self.imports = {
            alias.name for node in ast.walk(self.tree) if isinstance(node, ast.Import) for alias in node.names
            if alias.asname is None
        }  # fmt: skip

    def span(self, node: ast.expr | ast.keyword) -> tuple[int, int]:
        """The bytes `node` stands in."""
        if node.end_lineno is None or node.end_col_offset is None:
            raise ValueError("the parser gave no end")
        return (
            self._starts[node.lineno - 1] + node.col_offset,
            self._starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def indentation(self, node: ast.expr) -> str:
        """The blanks before the line on which `node` begins."""
        line = self.raw[self._starts[node.lineno - 1] :].decode()
        return line[: len(line) - len(line.lstrip(" \t"))]

    def text(self, node: ast.expr | ast.keyword) -> str:
        """The source of `node`."""
        start, end = self.span(node)
        return self.raw[start:end].decode()


def edits(source: Source) -> Iterator[Edit]:
    """Every fix for `source`."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        module = node.func.value.id if isinstance(node.func.value, ast.Name) else None
        if module not in source.imports:
            module = None
        found = (
            _safe_yaml(node, node.func, source) if module == "yaml"
            else _timeout(node, node.func, source) if module == "requests"
            else _no_shell(node, node.func, source) if module == "subprocess"
            else _bound(node, node.func, source) if "sqlite3" in source.imports
            else None
        )  # fmt: skip
        if found is not None:
            rule, text = found
            yield Edit(*source.span(node), text, rule, node.lineno)


def _safe_yaml(call: ast.Call, func: ast.Attribute, source: Source) -> tuple[str, str] | None:
    if func.attr != "load" or len(call.args) not in {1, 2} or any(k.arg != "Loader" for k in call.keywords):
        return None
    loaders = [*call.args[1:], *(k.value for k in call.keywords)]
    unsafe = {"yaml.Loader", "yaml.FullLoader", "yaml.UnsafeLoader"}
    if any(source.text(loader) not in unsafe for loader in loaders):
        return None
    return "S506", f"yaml.safe_load({source.text(call.args[0])})"


def _timeout(call: ast.Call, func: ast.Attribute, source: Source) -> tuple[str, str] | None:
    if func.attr not in REQUESTS or not call.args or any(k.arg in {"timeout", None} for k in call.keywords):
        return None
    body = source.text(call)[:-1].rstrip()
    comma = "" if body.endswith(",") else ","
    return "S113", f"{body}{comma} timeout={TIMEOUT_SECONDS})"


def _no_shell(call: ast.Call, func: ast.Attribute, source: Source) -> tuple[str, str] | None:
    shell = next((k for k in call.keywords if k.arg == "shell"), None)
    if func.attr not in RUNNERS or shell is None or source.text(shell.value) != "True" or len(call.args) != 1:
        return None
    command = call.args[0]
    if not isinstance(command, ast.Constant) or not isinstance(command.value, str):
        return None
    if SHELL_SYNTAX.search(command.value) or not command.value.split():
        return None
    words = ", ".join(f'"{word}"' for word in shlex.split(command.value))
    rest = [source.text(k) for k in call.keywords if k is not shell]
    return "S602", f"{source.text(func)}({', '.join([f'[{words}]', *rest])})"


def _bound(call: ast.Call, func: ast.Attribute, source: Source) -> tuple[str, str] | None:
    if func.attr != "execute" or len(call.args) != 1 or call.keywords or not isinstance(call.args[0], ast.JoinedStr):
        return None
    template, values = "", []
    for part in call.args[0].values:
        if isinstance(part, ast.Constant):
            template += str(part.value)
        elif isinstance(part, ast.FormattedValue) and part.conversion == -1 and part.format_spec is None:
            template += MARK
            values.append(ast.unparse(part.value))
        else:
            return None
    sql = template.replace(f"'{MARK}'", "?")
    if not values or MARK in sql or "?" in template or '"' in sql or "\\" in sql:
        return None
    quotes = '"""' if "\n" in sql else '"'
    text, bound = f"{quotes}{sql}{quotes}", f"({', '.join(values)}{',' if len(values) == 1 else ''})"
    if call.lineno == call.end_lineno:
        return "S608", f"{source.text(func)}({text}, {bound})"
    pad = source.indentation(call)
    return "S608", f"{source.text(func)}(\n{pad}    {text},\n{pad}    {bound},\n{pad})"


def fixed(raw: bytes) -> tuple[bytes, list[Edit]]:
    """`raw` with every fix, inner ones first, and those fixes. Raises SyntaxError, ValueError."""
    result, made = raw, []
    while new := _disjoint(edits(Source(result))):
        for edit in new:
            result = result[: edit.start] + edit.text.encode() + result[edit.end :]
        made += new
    return result, sorted(made, key=lambda edit: edit.line)


def _disjoint(found: Iterable[Edit]) -> list[Edit]:
    """The innermost of `found` that do not overlap, from the end of the file to its beginning."""
    taken: list[Edit] = []
    for edit in sorted(found, key=lambda e: (-e.start, e.end)):
        if not taken or edit.end <= taken[-1].start:
            taken.append(edit)
    return taken


def python_files(arguments: list[str]) -> Iterator[Path]:
    """The Python files named by `arguments`, or below the folders they name."""
    for argument in map(Path, arguments):
        if argument.is_file() and argument.suffix == ".py":
            yield argument
        for folder, names, files in os.walk(argument):
            names[:] = sorted(n for n in names if n not in IGNORED and not n.startswith((".", "venv")))
            yield from (Path(folder) / name for name in sorted(files) if name.endswith(".py"))


if __name__ == "__main__":
    for path in python_files(sys.argv[1:]):
        try:
            new, done = fixed(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            print(f"{path}: left alone, it cannot be parsed: {error}")  # noqa: T201 - its report is its output
            continue
        if done:
            path.write_bytes(new)
        for edit in done:
            print(f"{path}:{edit.line}: {edit.rule} fixed")  # noqa: T201 - as above
