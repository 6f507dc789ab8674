"""Docstring coverage of a folder as SARIF: run as a program by the docs-writer, standard library only."""

import ast
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

IGNORED = {"node_modules", "__pycache__", "build", "dist", "site-packages", "tests", "test"}
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path) -> Iterator[Path]:
    """The Python files below `root` that are neither hidden, generated nor tests."""
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in IGNORED and not n.startswith((".", "venv")))
        for name in sorted(files):
            is_test = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
            if name.endswith(".py") and not is_test:
                yield Path(folder) / name


def public(node: Documented, name: str) -> Iterator[tuple[str, Documented]]:
    """`node` and the public classes and functions in it, by dotted name; what stands inside a function is private."""
    yield name, node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not inner.name.startswith("_"):
            yield from public(inner, f"{name}.{inner.name}")


def report(root: Path) -> dict[str, object]:
    """A SARIF 2.1.0 log whose run's properties hold `documented`, `public` and `percent`."""
    results, artifacts, documented, total = [], [], 0, 0
    for path in python_files(root):
        uri = path.relative_to(root).as_posix()
        artifacts.append({"location": {"uri": uri}})
        try:
            module = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as error:
            results.append(result("unreadable", f"cannot be parsed: {error}", uri, getattr(error, "lineno", None) or 1))
            continue
        for name, node in public(module, path.stem):
            if isinstance(node, ast.Module) and not node.body:
                continue  # an empty __init__.py needs no words
            total += 1
            if ast.get_docstring(node):
                documented += 1
            else:
                results.append(result("missing-docstring", f"{name} has no docstring", uri, getattr(node, "lineno", 1)))
    percent = round(100 * documented / total, 1) if total else None
    properties = {"documented": documented, "public": total, "percent": percent}
    driver = {"name": "docstring-coverage"}
    run = {"tool": {"driver": driver}, "results": results, "artifacts": artifacts, "properties": properties}
    return {"version": "2.1.0", "runs": [run]}


def result(rule: str, text: str, uri: str, line: int) -> dict[str, object]:
    """One SARIF result."""
    place = {"artifactLocation": {"uri": uri}, "region": {"startLine": line}}
    message = {"text": text}
    return {"ruleId": rule, "level": "note", "message": message, "locations": [{"physicalLocation": place}]}


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(report(Path(sys.argv[1]))), encoding="utf-8")
