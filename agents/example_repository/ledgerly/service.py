"""What a request may ask of the service."""

import sqlite3
import subprocess

from ledgerly import auth, storage


class Service:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.sessions: dict[str, str] = {}

    def post_login(self, body: dict[str, str]) -> dict[str, str]:
        """The authentication endpoint: a token for a name and a password."""
        token = auth.login(self.db, body["name"], body["password"])
        if token is None:
            return {"status": "401"}
        self.sessions[token] = body["name"]
        return {"status": "200", "token": token}

    def get_notes(self, token: str) -> list[str]:
        try:
            return storage.find_notes(self.db, self.sessions[token])
        except Exception:
            pass
        return []

    def uptime(self) -> str:
        """What the machine says about itself."""
        return subprocess.run("uptime -p", shell=True, capture_output=True, text=True).stdout
