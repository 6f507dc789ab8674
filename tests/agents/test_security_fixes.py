"""The fixes made without judgement, and all that is left to a person; docstrings counted from the source."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrion.agents.docstring_coverage import report
from orchestrion.agents.security_fixes import fixed

PROGRAM = Path(__file__).parents[2] / "agents/security_fixes.py"


@pytest.mark.parametrize(
    ("imports", "before", "after"),
    [
        ("yaml", "yaml.load(text)", "yaml.safe_load(text)"),
        ("yaml", "yaml.load(open(p), Loader=yaml.FullLoader)", "yaml.safe_load(open(p))"),
        ("yaml", "yaml.load(text, yaml.Loader)", "yaml.safe_load(text)"),
        ("requests", "requests.get(url)", "requests.get(url, timeout=30)"),
        ("requests", "requests.post(url, json={'a': 1},)", "requests.post(url, json={'a': 1}, timeout=30)"),
        ("subprocess", 'subprocess.run("ls -l", shell=True, check=True)', 'subprocess.run(["ls", "-l"], check=True)'),
        ("sqlite3", "db.execute(f\"SELECT 1 WHERE a = '{a}'\")", 'db.execute("SELECT 1 WHERE a = ?", (a,))'),
        (
            "sqlite3",
            "db.cursor().execute(f\"UPDATE t SET a = '{x.a}' WHERE b = '{b()}'\").fetchone()",
            'db.cursor().execute("UPDATE t SET a = ? WHERE b = ?", (x.a, b())).fetchone()',
        ),
        (
            "sqlite3",
            "if 1:\n  row = db.execute(\n    f\"SELECT '{a}'\"\n  ).fetchone()",
            'if 1:\n  row = db.execute(\n      "SELECT ?",\n      (a,),\n  ).fetchone()',
        ),
        ("yaml", "'ü', yaml.load(f(yaml.load(x)))", "'ü', yaml.safe_load(f(yaml.safe_load(x)))"),
    ],
)
def test_what_needs_no_judgement_is_fixed(imports: str, before: str, after: str) -> None:
    result, edits = fixed(f"import {imports}\n{before}\n".encode())
    assert result.decode() == f"import {imports}\n{after}\n"
    assert {edit.line for edit in edits} <= {2, 3}
    assert edits


@pytest.mark.parametrize(
    ("imports", "source"),
    [
        ("yaml", "yaml.load(text, Loader=yaml.SafeLoader)"),
        ("yaml", "yaml.load(text, Loader=loader)"),
        ("json", "yaml.load(text)"),
        ("requests", "requests.get(url, timeout=5)"),
        ("requests", "requests.get(url, **options)"),
        ("subprocess", 'subprocess.run("ls | wc", shell=True)'),
        ("subprocess", 'subprocess.run("echo $HOME", shell=True)'),
        ("subprocess", "subprocess.run(command, shell=True)"),
        ("subprocess", 'subprocess.run("ls", shell=False)'),
        ("sqlite3", 'db.execute(f"SELECT {a}")'),
        ("sqlite3", "db.execute(f\"SELECT '{a!r}'\")"),
        ("sqlite3", "db.execute(f\"SELECT 1 WHERE a LIKE '%{a}%'\")"),
        ("sqlite3", "db.execute(f\"SELECT 1 WHERE a = '{a}' AND b = ?\", (b,))"),
        ("psycopg", "db.execute(f\"SELECT 1 WHERE a = '{a}'\")"),
    ],
)
def test_what_needs_judgement_stays(imports: str, source: str) -> None:
    raw = f"import {imports}\n{source}\n".encode()
    assert fixed(raw) == (raw, [])


def test_a_file_that_cannot_be_parsed_is_left_alone_and_said(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def (")
    (tmp_path / "good.py").write_text("import yaml\nyaml.load(x)\n")
    done = subprocess.run([sys.executable, PROGRAM, "."], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "broken.py: left alone" in done.stdout
    assert "good.py:2: S506 fixed" in done.stdout
    assert (tmp_path / "broken.py").read_text() == "def ("


def test_docstrings_are_counted_in_public_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        '"""Module."""\n'
        'class A:\n    """A."""\n    def m(self): ...\n    def _p(self): ...\n'
        "def f():\n    def inner(): ...\n"
    )
    (tmp_path / "test_a.py").write_text("def test(): ...")
    (tmp_path / "__init__.py").write_text("")
    (run,) = report(tmp_path)["runs"]  # type: ignore[misc, index]
    assert run["properties"] == {"documented": 2, "public": 4, "percent": 50.0}
    assert [r["message"]["text"] for r in run["results"]] == ["a.A.m has no docstring", "a.f has no docstring"]


def test_a_folder_without_code_has_no_percentage(tmp_path: Path) -> None:
    assert json.loads(json.dumps(report(tmp_path)))["runs"][0]["properties"]["percent"] is None
