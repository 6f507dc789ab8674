"""What an agent's file says: Claude Code's keys, and ours that tell the planner and the runners what to do."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from orchestrion.domain.events import Priority

Reads = Literal["text", "sarif", "junit"]
RunnerName = Literal["steps", "process", "acp", "llm"]
EDITORS = frozenset({"*", "all", "edit", "multiedit", "write", "notebookedit", "edit_file", "write_file"})
"""Tools that change files, Claude Code's and ours, in small letters."""
CLAUDE_KEYS = frozenset({"name", "description", "tools", "model", "color"})
CLAUDE_ONLY = frozenset(
    {
        "background", "disallowedTools", "effort", "hooks", "initialPrompt", "isolation", "maxTurns", "mcpServers",
        "memory", "omitClaudeMd", "permissionMode", "skills",
    }
)  # fmt: skip
"""Keys that Claude Code knows and that have no effect here."""
DEFAULT_ORDER = 100


class Part(BaseModel):
    """What all parts of a definition share: they never change, and a key nobody knows is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(Part):
    """One command of an agent, run without a shell, or one call of an MCP server's tool."""

    name: str = Field(min_length=1)
    mcp: str | None = Field(default=None, pattern=r"^[^/\s]+/[^/\s]+$")
    """`server/tool`: the tool is called with `params`, in whose texts `{workspace} {out} {request}` are filled in."""
    params: dict[str, Any] = Field(default_factory=dict)
    run: tuple[str, ...] = ()
    """The argument list; `{python} {own_python} {workspace} {files} {out} {agents}` are filled in."""
    reads: Reads = "text"
    """What the command leaves: plain text, SARIF findings or JUnit test results."""
    file: str | None = None
    """Where it leaves it; standard output when not given."""
    role: Literal["check", "before", "after"] = "check"
    """`before` and `after` are the same check around a fix: what is gone between them is claimed as fixed."""
    announce: Literal["each", "summary", "none"] = "each"
    """Findings are told to the others one by one, as one summary, or not at all (they are in the outputs anyway)."""
    ok: tuple[int, ...] = (0,)
    """Exit codes that mean the command did its work."""
    module: str | None = None
    """A Python module the interpreter of the command must have."""
    install: str | None = None
    """The command that brings the tool when it is missing."""
    severity: Priority | Literal["info", "medium"] | None = None
    """The severity of findings whose rule says none."""
    severities: dict[str, str] = Field(default_factory=dict)
    """Severity by rule, or by a rule's beginning; the longest beginning counts."""
    recommendations: dict[str, str] = Field(default_factory=dict)
    """What to do, by rule or a rule's beginning."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds for this command alone."""
    idempotent: bool = False
    """Whether it may be run again when nobody knows if it took effect: after a crash in the midst of it."""
    retry_on: tuple[int | Literal["timeout"], ...] = ()
    """Exit codes (below 0: signals) that may pass by themselves; such a failure is tried again."""

    @model_validator(mode="after")
    def _does_one_thing(self) -> "Step":
        if bool(self.run) == bool(self.mcp):
            raise ValueError("a step needs either 'run' (a command) or 'mcp' (server/tool)")
        if self.mcp and self.reads != "text":
            raise ValueError("what an MCP tool answers is read as text")
        if self.params and not self.mcp:
            raise ValueError("'params' are those of an MCP tool; a command has its arguments in 'run'")
        return self


class Vocabulary(Part):
    """The words of a request that call for an agent; a word in `<angles>` stands for a group of `synonyms`."""

    synonyms: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    signals: tuple[str, ...] = ()
    """Words and phrases that suffice alone."""
    actions: tuple[str, ...] = ()
    """Verbs; each needs one of `objects` within its reach."""
    objects: tuple[str, ...] = ()
    """What the actions act on."""
    absorbs: bool = False
    """Whether these words take the words before them as their subject: "API documentation" is documentation."""

    @model_validator(mode="after")
    def _groups_are_there(self) -> "Vocabulary":
        named = re.findall(r"<([^<>]*)>", " ".join((*self.signals, *self.actions, *self.objects)))
        if unknown := [name for name in named if name not in self.synonyms]:
            raise ValueError(f"no group of synonyms is called {unknown[0]!r}")
        return self


class AgentDefinition(Part):
    """One agent, as its file describes it."""

    name: str = Field(pattern=r"^[A-Za-z0-9][\w .:-]*$")
    description: str = ""
    tools: tuple[str, ...] = ()
    mcp_servers: tuple[str, ...] = ()
    """Servers of `.mcp.json` whose tools it may use; also by `tools`: `mcp__server__tool`, `mcp__server`."""
    model: str | None = None
    color: str | None = None
    capabilities: tuple[str, ...] = ()
    vocabulary: Vocabulary = Vocabulary()
    keywords: tuple[str, ...] = ()
    """A short form of `vocabulary.signals`."""
    joins: tuple[str, ...] = ()
    """Capabilities whose work always calls for this agent too."""
    after: tuple[str, ...] = ()
    """Capabilities whose agents, if they are in the plan, must have finished first."""
    skippable: bool = False
    """Whether "without …" in a request keeps this agent out."""
    order: int = DEFAULT_ORDER
    """Place among the agents of one phase."""
    runner: RunnerName | None = None
    steps: tuple[Step, ...] = ()
    command: tuple[str, ...] = ()
    """The `process` runner's argument list; `{prompt}` and `{prompt_file}` are filled in."""
    prompt: Literal["argument", "stdin", "file"] = "argument"
    writes: bool | tuple[str, ...] = False
    """Whether it changes files of the workspace; or which: globs such as `docs/**`."""
    idempotent: bool = False
    """Whether the `process` runner's command, or an `llm` agent's call, may be made again after a crash in it."""
    retry_on: tuple[int | Literal["timeout"], ...] = ()
    """Exit codes of the `process` runner's command that may pass by themselves."""
    approval: tuple[str, ...] | None = None
    """Tools (of the `acp` runner also kinds of calls) that a person must approve, or `none`; unset: running a command,
    and whatever is not known to change nothing."""
    validation: str | None = None
    """The capability of the agent that must approve its changes."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds for a whole run."""
    install: str | None = None
    """The command that brings the `process` runner's program."""
    task: str | None = None
    """What it is asked in a plan; `{request}` is filled in."""
    instructions: str = ""
    """The Markdown below the front matter."""
    without_effect: tuple[str, ...] = ()
    """Claude Code's keys in it that have no effect here."""
    path: Path | None = None

    @field_validator("tools", "mcp_servers", "keywords", "capabilities", "joins", "after", "approval", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        """Claude Code writes lists as `a, b`; nothing at all means none."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return () if value is None else value

    @property
    def may_edit(self) -> bool:
        """Whether its key `tools` lets it change files; without that key it has every tool, as in Claude Code."""
        names = {tool.partition("(")[0].strip().lower() for tool in self.tools}
        return not names or bool(names & EDITORS)

    @model_validator(mode="before")
    @classmethod
    def _writes_what_its_tools_allow(cls, data: Any) -> Any:
        """A thinking agent whose file does not say whether it writes does so if its tools can."""
        if isinstance(data, dict) and data.get("runner") == "llm" and "writes" not in data:
            tools = cls._listed(data.get("tools"))
            listed = tools if isinstance(tools, list | tuple) else ()
            names = {str(tool).partition("(")[0].strip().lower() for tool in listed}
            return {**data, "writes": not names or bool(names & EDITORS)}
        return data

    @model_validator(mode="after")
    def _has_what_its_runner_needs(self) -> "AgentDefinition":
        if self.runner == "steps" and not self.steps:
            raise ValueError("runner 'steps' needs the key 'steps'")
        if self.runner in {"process", "acp"} and not self.command:
            raise ValueError(f"runner {self.runner!r} needs the key 'command'")
        if self.steps and self.runner != "steps":
            raise ValueError("the key 'steps' needs 'runner: steps'")
        return self
