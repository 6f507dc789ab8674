"""What `doctor` looks at: versions, folders, rights, disk, locks, tools, snapshots; each with what to do about it."""

import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from orchestrion.cli.settings import load_settings
from orchestrion.cli.wiring import Home, opened
from orchestrion.domain.errors import OrchestrionError

Verdict = Literal["ok", "note", "bad"]

PACKAGES = ("orchestrion", "eventsourcing", "duckdb", "pydantic", "typer", "adbc-driver-sqlite")
TOOLS = {
    "ruff": "pip install ruff (the security and style agents run it)",
    "pytest": "pip install pytest (the test agent runs it)",
    "git": "install git (runs then work in a worktree instead of a copy)",
}
FREE_BYTES_WANTED = 1_000_000_000
PRIVATE_FOLDER, PRIVATE_FILE = 0o700, 0o600
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"})
WAL_RESET_FIXED = {(3, 44): 6, (3, 50): 7, (3, 51): 3}
"""First patch release of each line without the race; from 3.51.3 on all are without it (sqlite.org/wal.html)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `advice` is empty when there is nothing to do."""

    check: str
    verdict: Verdict
    found: str
    advice: str = ""


def examine(home: Home, project: Path) -> list[Finding]:
    """Everything that can be told about this installation, `home` and `project`, without changing any of it."""
    checks: Sequence[Callable[[], Iterator[Finding]]] = (
        _versions,
        _sqlite,
        lambda: _folder(home),
        lambda: _disk(home),
        lambda: _locks(home),
        lambda: _log(home),
        _tools,
        lambda: _configuration(project),
        lambda: _servers(project),
    )
    return [finding for check in checks for finding in check()]


def _versions() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{sys.version.split()[0]} at {sys.executable}")
    for package in PACKAGES:
        try:
            yield Finding(package, "ok", version(package))
        except PackageNotFoundError:
            yield Finding(package, "bad", "not installed", f"pip install {package}")


def _sqlite() -> Iterator[Finding]:
    found = sqlite3.sqlite_version
    if has_wal_race(sqlite3.sqlite_version_info):
        yield Finding(
            "sqlite", "note", f"{found}: has the WAL-reset race, which can lose commits under many connections",
            "a Python built with SQLite 3.51.3 or later (or 3.50.7, 3.44.6); `verify` would find a loss",
        )  # fmt: skip
    else:
        yield Finding("sqlite", "ok", found)


def has_wal_race(found: tuple[int, ...]) -> bool:
    """Whether this SQLite is one of 3.7.0 to 3.51.2 without the fix having been ported back."""
    line, patch = (found[0], found[1]), found[2]
    if line in WAL_RESET_FIXED:
        return patch < WAL_RESET_FIXED[line]
    return (3, 7) <= line < (3, 51)


def _folder(home: Home) -> Iterator[Finding]:
    if not home.path.exists():
        parent = next(place for place in home.path.parents if place.exists())
        able = os.access(parent, os.W_OK | os.X_OK)
        advice = "" if able else f"{parent} is not writable; choose another folder with --home"
        yield Finding("home", "note" if able else "bad", f"{home.path} ({home.origin}) is not there yet", advice)
        return
    if not os.access(home.path, os.W_OK | os.X_OK):
        yield Finding("home", "bad", f"{home.path} ({home.origin}) is not writable", f"chmod u+rwx {home.path}")
    else:
        yield Finding("home", "ok", f"{home.path} ({home.origin})")
    for path, allowed in ((home.path, PRIVATE_FOLDER), (home.log, PRIVATE_FILE)):
        if path.exists() and (loose := stat.S_IMODE(path.stat().st_mode) & ~allowed):
            found = f"{path} can be used by others (mode {stat.S_IMODE(path.stat().st_mode):o}, too much by {loose:o})"
            yield Finding("rights", "bad", found, f"chmod {allowed:o} {path}")
    if (system := _file_system(home.path)) in NETWORK_FILE_SYSTEMS:
        yield Finding("file system", "bad", f"{system}: SQLite's log cannot be shared over a network", "a local folder")


def _file_system(path: Path) -> str | None:
    """The type of the file system `path` lies on, where /proc/mounts tells it."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return None
    holding = [(len(fields[1]), fields[2]) for fields in mounts if path.resolve().is_relative_to(fields[1])]
    return max(holding, default=(0, None))[1]


def _disk(home: Home) -> Iterator[Finding]:
    place = next(p for p in (home.path, *home.path.parents) if p.exists())
    free = shutil.disk_usage(place).free
    text = f"{free / 1e9:.1f} GB free"
    if free < FREE_BYTES_WANTED:
        yield Finding(
            "disk", "note", text, f"free some space: below {FREE_BYTES_WANTED / 1e9:.0f} GB rebuilds may fail"
        )
    else:
        yield Finding("disk", "ok", text)


def _locks(home: Home) -> Iterator[Finding]:
    if not home.exists():
        return
    files = {path.stat().st_ino: path.name for path in home.path.glob(f"{home.log.name}*")}
    try:
        lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    except OSError:
        return  # no Linux: nothing tells who holds what
    holders = {int(f[-4]) for f in lines if "->" not in f and int(f[-3].rpartition(":")[2]) in files}
    others = sorted(holders - {os.getpid()})
    yield Finding("locks", "ok", f"held by {', '.join(f'process {pid}' for pid in others)}" if others else "nobody")


def _log(home: Home) -> Iterator[Finding]:
    if not home.exists():
        yield Finding("log", "note", "none yet", "orchestrion demo, run or import begins one")
        return
    try:
        with opened(home) as (log, store):
            head = log.head()
            yield Finding("log", "ok", f"position {head}, {home.log.stat().st_size} bytes")
            lost = store.dead_letters
    except OrchestrionError as error:
        yield Finding("log", "bad", str(error), "orchestrion verify tells what is damaged")
        return
    snapshots = [p for p in home.projections.iterdir() if p.is_file()] if home.projections.is_dir() else []
    size = sum(path.stat().st_size for path in snapshots)
    yield Finding("projections", "ok", f"{len(snapshots)} files, {size} bytes; disposable")
    if lost:
        yield Finding(
            "dead letters", "note", f"{lost} events that this version cannot read",
            "a newer version may; `orchestrion sql \"SELECT * FROM dead_letters\"` names them",
        )  # fmt: skip


def _tools() -> Iterator[Finding]:
    beside = Path(sys.executable).parent
    for tool, advice in TOOLS.items():
        found = shutil.which(tool) or shutil.which(tool, path=str(beside))
        yield Finding(tool, "ok", found) if found else Finding(tool, "note", "not found", advice)


def _configuration(project: Path) -> Iterator[Finding]:
    try:
        file = load_settings(project).file
    except OrchestrionError as error:
        yield Finding("configuration", "bad", str(error), "correct it; `orchestrion config` shows the result")
    else:
        yield Finding("configuration", "ok", str(file.path) if file else "none: defaults hold")


def _servers(project: Path) -> Iterator[Finding]:
    """The MCP servers that a session here could use."""
    from orchestrion.agents.mcp.config import load_servers
    from orchestrion.cli.teamwork import mcp_use

    try:
        servers = load_servers(project, mcp_use(load_settings(project)).switches)
    except OrchestrionError as error:
        yield Finding("mcp servers", "bad", str(error), "correct the file at that line")
        return
    if servers and find_spec("mcp") is None:
        yield Finding("mcp servers", "note", "the extra is not installed", "pip install 'orchestrion[mcp]'")
    for name, why in servers.unusable.items():
        yield Finding(f"mcp {name}", "note", why)
    for name, config in servers.items():
        where = config.command or config.url or ""
        if config.missing:
            yield Finding(
                f"mcp {name}", "bad", f"{', '.join(config.missing)} not set", f"set it, or change {config.origin}"
            )
        elif config.command and not (shutil.which(config.command) or (project / config.command).is_file()):
            yield Finding(
                f"mcp {name}", "bad", f"{where} is not installed", config.install or f"change {config.origin}"
            )
        else:
            yield Finding(f"mcp {name}", "ok", where)
