"""Which MCP servers a session may use: the workspace's `.mcp.json` (Claude Code's format) and the switches."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from orchestrion.domain.errors import BadDefinition, CannotRun, NotFound

FILE = ".mcp.json"
MAX_BYTES = 1_000_000
MEMORY = "memory-bank"
"""The ready-made server that keeps patterns and handed-over context."""
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}")
_NAME = re.compile(r"^[A-Za-z0-9][\w.-]{0,63}$")
_TOOL = re.compile(r"^mcp__(.+?)(?:__(.+))?$")


class _Ours(BaseModel):
    """What `.mcp.json` says to us alone, under the key `orchestrion` of a server."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    read_only: tuple[str, ...] = ()
    """Tools that change nothing, besides those that say so themselves; their answers are shared."""
    share: bool = True
    one_at_a_time: bool = False
    timeout: float | None = Field(default=None, gt=0)
    """Seconds for one call."""


class _Entry(BaseModel):
    """One server of `.mcp.json`. Keys of Claude Code that we have no use for are passed over."""

    model_config = ConfigDict(extra="ignore")

    type: str | None = None
    command: str | None = None
    args: tuple[str, ...] = ()
    env: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    headers: dict[str, str] = Field(default_factory=dict)
    orchestrion: _Ours = _Ours()

    @model_validator(mode="after")
    def _says_where_it_is(self) -> "_Entry":
        if self.type not in {None, "stdio", "http", "streamable-http"}:
            raise ValueError(f"type {self.type!r} is not spoken here; there are: stdio, http")
        if self.type in {None, "stdio"} and not self.command and not (self.url and self.type is None):
            raise ValueError("a stdio server needs 'command'")
        if self.type in {"http", "streamable-http"} and not self.url:
            raise ValueError("an http server needs 'url'")
        return self


@dataclass(frozen=True)
class ServerConfig:
    """How one server is reached: `command` as a child over stdio, or `url` by streamable HTTP."""

    name: str
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    share: bool = True
    one_at_a_time: bool = False
    seconds: float | None = None
    origin: str = ""
    """Where it is written."""
    missing: tuple[str, ...] = ()
    """Variables that it names and that are not set."""
    install: str | None = None
    """The command that brings it."""


@dataclass(frozen=True)
class McpUse:
    """How a session uses MCP servers; kept with its options."""

    switches: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    """Servers switched on or off: name to whether, and where that was said."""
    sharing: bool = True
    """Whether read-only answers are shared between the agents."""
    remember: bool = False
    """Whether patterns and handed-over context are also kept in the memory server."""

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        switches = {name: list(switch) for name, switch in self.switches.items()}
        return {"switches": switches, "sharing": self.sharing, "remember": self.remember}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> "McpUse":
        """As it was kept."""
        switches = {name: (bool(on), str(origin)) for name, (on, origin) in kept.get("switches", {}).items()}
        return cls(switches, bool(kept.get("sharing", True)), bool(kept.get("remember")))


READY_MADE: Mapping[str, ServerConfig] = {
    MEMORY: ServerConfig(
        MEMORY,
        command="mcp-server-memory",
        env={"MEMORY_FILE_PATH": "{home}/memory.jsonl"},
        one_at_a_time=True,
        install="npm install -g @modelcontextprotocol/server-memory",
    ),
    "postgres": ServerConfig(
        "postgres",
        command="mcp-server-postgres",
        args=("${DATABASE_URL}",),
        read_only=frozenset({"query"}),
        install="npm install -g @modelcontextprotocol/server-postgres",
    ),
    "github": ServerConfig(
        "github",
        url="https://api.githubcopilot.com/mcp/",
        headers={"Authorization": "Bearer ${GITHUB_TOKEN}"},
    ),
}
"""What a switch such as CLAUDE_MCP_POSTGRES=enabled stands for where `.mcp.json` says nothing of it."""


class Servers(Mapping[str, ServerConfig]):
    """The servers of a workspace by name, and for others a sentence why they are not there."""

    def __init__(self, servers: Mapping[str, ServerConfig], off: Mapping[str, str]) -> None:
        self._servers, self._off = dict(servers), dict(off)

    def __iter__(self) -> Iterator[str]:
        return iter(self._servers)

    def __len__(self) -> int:
        return len(self._servers)

    def __getitem__(self, name: str) -> ServerConfig:
        return self._servers[name]

    @property
    def unusable(self) -> Mapping[str, str]:
        """Servers that are not there, with why."""
        return self._off

    def named(self, name: str) -> ServerConfig:
        """The server called so. Raises NotFound, saying what to do."""
        if name in self._servers:
            return self._servers[name]
        if name in self._off:
            raise NotFound(self._off[name])
        raise NotFound(
            f"no MCP server is called {name!r}; there are: {', '.join(self._servers) or 'none'}; add it to {FILE}"
        )

    def usable(self, name: str) -> ServerConfig:
        """As `named`, and nothing that it needs is missing as far as can be told. Raises NotFound, CannotRun."""
        config = self.named(name)
        if config.missing:
            what = ", ".join(f"${{{variable}}}" for variable in config.missing)
            raise CannotRun(f"the MCP server {name!r} ({config.origin}) needs {what}, which is not set")
        return config


NO_SERVERS = Servers({}, {})
DEFAULT_USE = McpUse()


def load_servers(
    workspace: Path, switches: Mapping[str, tuple[bool, str]] | None = None, environ: Mapping[str, str] = os.environ
) -> Servers:
    """The servers of `workspace`/.mcp.json, and those that `switches` (name to on, origin) bring in or take out.

    An entry that we cannot use is missed by whoever needs it. Raises BadDefinition for a file that cannot be read,
    naming the line.
    """
    found, off = _read(workspace / FILE, environ)
    for switch, (on, origin) in (switches or {}).items():
        name = next((each for each in found if _same(each, switch)), None)
        if not on:
            names = [name or switch, *(each for each in READY_MADE if _same(each, switch))]
            off |= {each: f"the MCP server {each!r} is switched off by {origin}" for each in names}
        elif name is None:
            ready = next((config for each, config in READY_MADE.items() if _same(each, switch)), None)
            if ready is not None:
                found[ready.name] = expanded(replace(ready, origin=origin), environ)
            else:
                known = f"it is not in {FILE}, and ready-made are only: {', '.join(READY_MADE)}"
                off[switch] = f"{origin} switches on the MCP server {switch!r}, but {known}"
    return Servers({name: config for name, config in found.items() if name not in off}, off)


def expanded(config: ServerConfig, environ: Mapping[str, str]) -> ServerConfig:
    """`config` with ${VAR} and ${VAR:-default} filled in everywhere; those that are not set are noted."""
    missing: dict[str, None] = {}

    def fill(text: str) -> str:
        def value(match: re.Match[str]) -> str:
            name, default = match[1], match[2]
            if name not in environ and default is None:
                missing[name] = None
            return environ.get(name, default or "")

        return _VARIABLE.sub(value, text)

    return replace(
        config,
        command=fill(config.command) if config.command else None,
        args=tuple(map(fill, config.args)),
        env={name: fill(text) for name, text in config.env.items()},
        url=fill(config.url) if config.url else None,
        headers={name: fill(text) for name, text in config.headers.items()},
        missing=tuple(missing),
    )


def server_of(tool: str) -> tuple[str, str | None] | None:
    """Server and tool of `mcp__server__tool`, or the server and None of `mcp__server`; None for another tool."""
    match = _TOOL.match(tool)
    return (match[1], match[2]) if match else None


def _read(path: Path, environ: Mapping[str, str]) -> tuple[dict[str, ServerConfig], dict[str, str]]:
    """The servers of the file, and what is wrong with the other entries."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise BadDefinition(f"{path}: cannot be read ({error.strerror})") from error
    if len(raw) > MAX_BYTES:
        raise BadDefinition(f"{path}: {len(raw)} bytes are too many for it (at most {MAX_BYTES})")
    try:
        text = raw.decode("utf-8-sig")
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadDefinition(f"{path}:{error.lineno}: is no JSON: {error.msg}") from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise BadDefinition(f"{path}:1: is no JSON: {error}") from error
    servers = content.get("mcpServers") if isinstance(content, dict) else None
    if not isinstance(servers, dict):
        raise BadDefinition(f"{path}:1: must be an object with the key 'mcpServers'")
    found, unusable = {}, {}
    for name, entry in servers.items():
        try:
            found[name] = expanded(_config(name, entry, path, text), environ)
        except BadDefinition as bad:
            unusable[name] = str(bad)
    return found, unusable


def _config(name: str, entry: Any, path: Path, text: str) -> ServerConfig:
    where = f"{path}:{_line(text, name)}"
    if not _NAME.match(name) or "__" in name:
        raise BadDefinition(f"{where}: {name[:80]!r} is no name for a server: letters, digits, '-', '.', one '_'")
    try:
        read = _Entry.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        problem = first["msg"].removeprefix("Value error, ")
        raise BadDefinition(f"{where}: {'.'.join(filter(None, (name, key)))}: {problem}") from error
    ours, child = read.orchestrion, read.command if read.type in {None, "stdio"} else None
    return ServerConfig(
        name,
        command=child,
        args=read.args if child else (),
        env=read.env,
        url=None if child else read.url,
        headers=read.headers,
        read_only=frozenset(ours.read_only),
        share=ours.share,
        one_at_a_time=ours.one_at_a_time or _keeps_memory(child, read.args),
        seconds=ours.timeout,
        origin=where,
    )


def _keeps_memory(command: str | None, args: tuple[str, ...]) -> bool:
    """Whether it is the memory server, which loses what is written while it writes: measured, 1 of 20 was left."""
    return any("server-memory" in part for part in (command or "", *args))


def _line(text: str, name: str) -> int:
    at = text.find(json.dumps(name))
    return text.count("\n", 0, max(at, 0)) + 1


def _same(name: str, switch: str) -> bool:
    """Whether a switch (`memory_bank`) means a server (`memory-bank`, `Memory Bank`, `memory`)."""
    plain = re.sub(r"[\W_]+", "", name.lower())
    asked = re.sub(r"[\W_]+", "", switch.lower())
    return plain == asked or {plain, asked} == {"memory", "memorybank"}
