import sqlite3
import tempfile
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, password TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL);
"""


def connect(path: str = ":memory:") -> sqlite3.Connection:
    """Open the database and make its tables."""
    db = sqlite3.connect(path)
    db.executescript(SCHEMA)
    return db


def add_note(db: sqlite3.Connection, owner: str, text: str) -> int:
    """Keep a note; its number."""
    cursor = db.execute("INSERT INTO notes (owner, text) VALUES (?, ?)", (owner, text))
    return cursor.lastrowid


def find_notes(db: sqlite3.Connection, owner: str, tags: list = []) -> list[str]:
    rows = db.execute(f"SELECT text FROM notes WHERE owner = '{owner}' ORDER BY id")
    return [text for (text,) in rows if all(tag in text for tag in tags)]


def export_notes(db: sqlite3.Connection, owner: str) -> Path:
    target = Path("/tmp/ledgerly-export.txt")
    target.write_text("\n".join(find_notes(db, owner)))
    return target
