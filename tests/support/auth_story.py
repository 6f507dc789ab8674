"""One story for every kind of runner: audit → handoff → fix → rejected → fixed → approved → tests and documentation.

The project has a query that is put together from text. The auditor finds it and hands it over; the mender's first try
leaves it open and is rejected by the auditor; the second is approved; the prover and the scribe then work side by side.
"""

from pathlib import Path
from typing import Any

from scripted import Line, Script, call, finish

REQUEST = "auditor mender prover scribe"
OPEN = '"SELECT id FROM users WHERE name = \'" + name + "\'"'
HALF = '"SELECT id FROM users WHERE name = \'" + name.strip() + "\'"'
FIXED = '"SELECT id FROM users WHERE name = ?", (name,)'
SOURCE = f'''"""Finds users."""


def find(db, name):
    """The id of a user."""
    return db.execute({OPEN}).fetchone()
'''
TEST = """import sqlite3
import unittest

from auth import find


class Finding(unittest.TestCase):
    def test_a_quote_in_a_name_is_only_a_quote(self):
        db = sqlite3.connect(":memory:")
        db.execute("CREATE TABLE users (id INTEGER, name TEXT)")
        self.assertIsNone(find(db, "x' OR '1'='1"))
        db.close()
"""
TEAM: dict[str, dict[str, Any]] = {
    "auditor": {"capabilities": ["security_audit"], "writes": False},
    "mender": {
        "capabilities": ["fixing"],
        "after": ["security_audit"],
        "writes": ["auth.py"],
        "validation": "security_audit",
    },
    "prover": {
        "capabilities": ["testing"],
        "after": ["fixing"],
        "writes": ["test_auth.py"],
        "tools": "Read, Write, Bash(python -m unittest:*)",
    },
    "scribe": {"capabilities": ["documentation"], "after": ["fixing"], "writes": ["README.md"]},
}
"""By agent, the keys of its file without its runner."""

FINDING = {
    "issue": "the query is put together from text",
    "severity": "critical",
    "file": "auth.py",
    "line": 6,
    "rule": "sql-injection",
    "recommendation": "give the name as a parameter",
}


def project(folder: Path) -> Path:
    """Write the project into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "auth.py").write_text(SOURCE)
    return folder


def verdict(told: str) -> Any:
    """What the auditor says of the changes, from what it has just read of the file."""
    if "name = ?" in told.rpartition('from="file auth.py"')[2]:
        return finish(approved=True, evidence=["auth.py:6 gives the name as a parameter"])
    return finish(
        approved=False,
        reasons=["auth.py:6 still puts the query together from text"],
        evidence=["auth.py:6"],
        remaining=[FINDING],
    )


def lines() -> dict[str, list[Line]]:
    """What each thinking agent says."""
    return {
        "auditor": [
            call("search", pattern=r"execute\(.*\+"),
            call(
                "hand_over", to="mender", task="Close the injection in auth.py",
                recommendations=["auth.py:6: give the name as a parameter"], files=["auth.py"], urgency="critical",
            ),
            call("report_pattern", name="query-from-text", type="security", confidence=0.9, solution="parameters"),
            finish(summary="Found one injection.", findings=[FINDING]),
            call("read_file", path="auth.py"),
            verdict,
            call("read_file", path="auth.py"),
            verdict,
        ],
        "mender": [
            call("edit_file", path="auth.py", old=OPEN, new=HALF),
            finish(summary="Stripped the name.", fixed=[FINDING]),
            call("edit_file", path="auth.py", old=HALF, new=FIXED),
            finish(summary="Gave the name as a parameter.", fixed=[FINDING], decisions=["no ORM for one query"]),
        ],
        "prover": [
            call("write_file", path="test_auth.py", text=TEST),
            call("run_command", command="python -m unittest -q test_auth"),
            lambda told: finish(summary="The test holds." if "OK" in told else f"The test fails: {told[-500:]}"),
        ],
        "scribe": [
            call("write_file", path="README.md", text="# auth\n\n`find(db, name)` is safe against injection.\n"),
            finish(summary="Described it.", files_modified=["README.md"]),
        ],
    }  # fmt: skip


def script() -> Script:
    """The story as a scripted model."""
    return Script(lines())
