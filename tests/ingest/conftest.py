"""A workshop for transcripts: writes small ones by hand, imports them into a log in memory, and reads the tables."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrion.eventstore import MemoryLog
from orchestrion.eventstore.redaction import SecretRedactor
from orchestrion.ingest import ImportReport, import_paths
from orchestrion.projections import Store

COMPARED = {
    "sessions": "* EXCLUDE (position, events)",
    "agent_runs": "*",
    "tool_calls": "* EXCLUDE (position)",
    "messages": "* EXCLUDE (position)",
    "handoffs": "*",
    "usage": "*",
    "incidents": "* EXCLUDE (position)",
}
REDACTOR = SecretRedactor(b"k" * 32, {"SHOP_TOKEN": "Zq81-vvPo-77xL-ab"})
START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class Transcript:
    """Writes the lines of one session as Claude Code does; ids are deterministic, a second passes with each line."""

    def __init__(self, session: str = "5e551011-0000", *, agent: str | None = None) -> None:
        self.session, self.agent = session, agent
        self.lines: list[dict[str, Any]] = []

    def _envelope(self, kind: str, **more: Any) -> dict[str, Any]:
        number = len(self.lines)
        owner = self.agent or self.session
        line = {
            "parentUuid": self.lines[-1].get("uuid") if self.lines else None,
            "isSidechain": self.agent is not None,
            "cwd": "/home/someone/shop",
            "sessionId": self.session,
            "version": "2.1.40",
            "gitBranch": "trunk",
            "type": kind,
            "uuid": f"{owner}-{number}",
            "timestamp": self.time(number),
        }
        if self.agent:
            line["agentId"] = self.agent
        return {**line, **more}

    @staticmethod
    def time(number: int) -> str:
        return (START + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    def add(self, line: dict[str, Any]) -> dict[str, Any]:
        self.lines.append(line)
        return line

    def user(self, content: Any, **more: Any) -> dict[str, Any]:
        return self.add(self._envelope("user", message={"role": "user", "content": content}, **more))

    def assistant(self, *blocks: Any, message: str | None = None, usage: Any = None, **more: Any) -> dict[str, Any]:
        body = {
            "id": message or f"msg_{self.agent or self.session}_{len(self.lines)}",
            "role": "assistant",
            "model": "model-a",
            "content": [{"type": "text", "text": b} if isinstance(b, str) else b for b in blocks],
            "usage": usage if usage is not None else {"input_tokens": 3, "output_tokens": 5},
        }
        return self.add(self._envelope("assistant", message=body, **more))

    def call(self, id: str, tool: str, /, **params: Any) -> dict[str, Any]:
        return self.assistant({"type": "tool_use", "id": id, "name": tool, "input": params})

    def result(self, id: str, content: Any, *, error: bool | None = None, **more: Any) -> dict[str, Any]:
        block = {"type": "tool_result", "tool_use_id": id, "content": content}
        if error is not None:
            block["is_error"] = error
        return self.user([block], **more)

    def system(self, subtype: str, **more: Any) -> dict[str, Any]:
        return self.add(self._envelope("system", subtype=subtype, **more))

    def progress(self, **data: Any) -> dict[str, Any]:
        return self.add(self._envelope("progress", data=data, toolUseID="x", parentToolUseID="x"))

    def copy(self, call: str, agent_id: str, line: dict[str, Any]) -> dict[str, Any]:
        """A subagent's line as the trunk repeats it: another envelope, the prompt as a block, no agentId."""
        message = dict(line["message"])
        if isinstance(message["content"], str):
            message["content"] = [{"type": "text", "text": message["content"]}]
        inner = {"type": line["type"], "message": message, "uuid": line["uuid"], "timestamp": line["timestamp"]}
        data = {"type": "agent_progress", "agentId": agent_id, "prompt": "", "message": inner}
        return self.add(self._envelope("progress", data=data, toolUseID="agent_msg", parentToolUseID=call))

    def attachment(self, **attachment: Any) -> dict[str, Any]:
        return self.add(self._envelope("attachment", attachment=attachment))

    def raw(self) -> bytes:
        return b"".join(json.dumps(line).encode() + b"\n" for line in self.lines)

    def write(self, path: Path) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.raw())
        return path


class Workshop:
    """A log in memory, its importer and its tables."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.redactor = REDACTOR
        self.log = MemoryLog(self.redactor)
        self._store: Store | None = None
        self._children: list[Workshop] = []

    def bring(self, *paths: Path, **options: Any) -> ImportReport:
        return import_paths(self.log, self.redactor, "claude-code", paths, **options)

    def bring_bytes(self, raw: bytes, name: str = "session.jsonl") -> dict[str, Any]:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
        return self.bring(path).as_json()

    def bring_lines(self, transcript: Transcript) -> dict[str, Any]:
        return self.bring_bytes(transcript.raw())

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self._tables_now().query(sql).dicts()

    def tables(self) -> dict[str, list[str]]:
        """All tables as sorted rows: what two logs must have in common to tell the same."""
        store = self._tables_now()
        return {
            name: sorted(map(repr, store.query(f"SELECT {what} FROM {name}").rows))  # noqa: S608
            for name, what in COMPARED.items()
        }

    def _tables_now(self) -> Store:
        if self._store is None:
            self._store = Store(self.log, self.folder / "projections")
        self._store.catch_up()
        return self._store

    def close(self) -> None:
        for child in self._children:
            child.close()
        if self._store is not None:
            self._store.close()

    def facts(self) -> set[tuple[Any, ...]]:
        """All that was told, to the byte, with its place; the ledgers apart."""
        rows = self.log.rows(after=0, limit=1_000_000)
        return {(row[1], row[2], row[5]) for row in rows if row[3] != "import.completed"}

    def events(self, kind: str = "") -> list[Any]:
        return [record.event for record in self.log.read() if record.event.kind.startswith(kind)]

    def fresh(self, name: str) -> "Workshop":
        folder = self.folder / name
        folder.mkdir()
        self._children.append(Workshop(folder))
        return self._children[-1]


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    shop = Workshop(tmp_path)
    yield shop
    shop.close()


@pytest.fixture
def transcript() -> Transcript:
    return Transcript()


@pytest.fixture
def session_of() -> type[Transcript]:
    return Transcript


def reconciles(report: dict[str, Any]) -> bool:
    return all(
        row["recorded"] + row["duplicates"] + row["ignored"] + row["unparseable"] == row["lines"]
        for row in [report, *report["ledger"]]
    )


@pytest.fixture
def whole() -> Any:
    """Whether a report's lines add up, for each file and for all."""
    return reconciles


@pytest.fixture(scope="session")
def recordings() -> Path:
    folder = Path(__file__).resolve().parents[3] / "shared" / "sessions"
    if not (folder / "COUNTS.json").is_file():
        pytest.skip(f"no recordings beside the checkout: {folder} is not there")
    return folder
