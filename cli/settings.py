"""Settings and where each came from: defaults, then the project's file, then the environment, then options."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from orchestrion.cli.settings_file import ConfigFile, read_config
from orchestrion.domain.errors import BadDefinition

TRUE_WORDS = frozenset({"true", "1", "yes", "on", "enabled"})
FALSE_WORDS = frozenset({"false", "0", "no", "off", "disabled"})
MCP_PREFIX = "CLAUDE_MCP_"
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
"""Of a duration, in seconds."""
DURATION = r"\d+(\.\d+)?[smhdw]"


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that can be set. `key` is its name in a TOML file; camelCase is accepted as well."""

    section: str
    key: str
    type: type
    default: Any
    help: str
    environment: tuple[str, ...] = ()
    used: bool = True
    """Whether this version acts on it; the others are accepted, kept and shown as such."""
    least: int = 0
    form: str | None = None
    """A pattern that a text must fit."""

    @property
    def name(self) -> str:
        return f"{self.section}.{self.key}"

    @property
    def camel(self) -> str:
        head, *rest = self.key.split("_")
        return head + "".join(map(str.capitalize, rest))


def _limit(key: str, type: type, default: Any, help: str, *, least: int = 1) -> Setting:
    """A bound of a session, set like the specification's own."""
    return Setting("orchestration", key, type, default, help, (f"ORCHESTRION_{key.upper()}",), least=least)


SETTINGS: tuple[Setting, ...] = (
    Setting("orchestration", "max_parallel_agents", int, 5, "agents at work at once",
            ("ORCHESTRION_MAX_PARALLEL_AGENTS", "CLAUDE_MAX_PARALLEL_AGENTS"), least=1),
    Setting("orchestration", "agent_timeout", int, None, "time an agent may take, in ms; unset: its definition's own",
            ("ORCHESTRION_AGENT_TIMEOUT", "CLAUDE_AGENT_TIMEOUT"), least=1),
    _limit("session_timeout", int, 3_600_000, "time a whole session may take, in ms"),
    _limit("agent_tool_calls", int, 1_000, "tool calls of one agent's run"),
    _limit("session_tool_calls", int, 10_000, "tool calls of all runs of a session"),
    _limit("agent_tokens", int, None, "tokens of one agent's run; unset: no bound"),
    _limit("session_tokens", int, None, "tokens of a whole session; unset: no bound"),
    _limit("agent_cost", float, None, "US dollars of one agent's run; unset: no bound", least=0),
    _limit("session_cost", float, None, "US dollars of a whole session; unset: no bound", least=0),
    _limit("loop_calls", int, 5, "so often in a row may a run give one tool the same parameters"),
    _limit("retries", int, 2, "so often is a failure tried again that may pass by itself", least=0),
    _limit("retry_wait", int, 1_000, "before the first retry at most, in ms; doubled for each further one", least=0),
    _limit("reworks", int, 1, "so often does rejected work go back to its author", least=0),
    _limit("model_timeout", int, 300_000, "time a model may take for one answer, in ms"),
    _limit("approval_timeout", int, 1_800_000, "time a person has to approve or deny a call, in ms"),
    Setting("orchestration", "model", str, None, "model of agents whose file names none, as provider:name",
            ("ORCHESTRION_MODEL",)),
    Setting("orchestration", "model_url", str, None, "address of an OpenAI-compatible server, for openai:NAME and NAME",
            ("ORCHESTRION_MODEL_URL",)),
    Setting("orchestration", "planner", str, "vocabulary", "who makes the plan: vocabulary, or llm with a model",
            ("ORCHESTRION_PLANNER",)),
    Setting("orchestration", "python", str, None, "interpreter that runs the project's tests; unset: the project's own",
            ("ORCHESTRION_PYTHON",)),
    Setting("orchestration", "enable_learning", bool, True, "estimate, choose and advise from past runs",
            ("ORCHESTRION_ENABLE_LEARNING", "CLAUDE_ENABLE_LEARNING")),
    Setting("orchestration", "enable_communication", bool, True, "agents may write to each other"),
    Setting("orchestration", "log_retention", str, None, "the log keeps everything; archives come later", used=False,
            form=DURATION),
    Setting("orchestration", "dashboard_enabled", bool, True, "`run` tells what happens as it happens"),
    Setting("communication", "max_history_size", int, None, "the log keeps every message", used=False),
    Setting("communication", "message_retention", str, None,
            "so long is a message worth delivering, e.g. 7d; unset: as long as it takes; the log keeps it anyway",
            form=DURATION),
    Setting("communication", "broadcast_enabled", bool, True, "agents may write to all at once"),
    Setting("communication", "mcp_sharing", bool, True, "agents share what read-only MCP tools answered",
            ("ORCHESTRION_MCP_SHARING",)),
    Setting("learning", "max_executions_per_agent", int, 100, "runs of an agent that are learnt from, the newest",
            least=1),
    Setting("learning", "pattern_confidence_threshold", int, 70, "percent from which a pattern is told to agents"),
    Setting("learning", "half_life_days", int, 90, "after so many days a pattern's support counts half", least=1),
    Setting("learning", "mcp_integration", bool, False,
            "also keep patterns and handed-over context in the memory server; unset: if it is switched on"),
)  # fmt: skip
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and its origin."""

    value: Any
    origin: str


class Settings:
    """All settings by name. `settings["orchestration.python"]` is the value, `.values` tells the origins too."""

    def __init__(self, values: Mapping[str, Value], file: ConfigFile | None) -> None:
        self.values, self.file = values, file

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value


def load_settings(
    project: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    file: Path | None = None,
    options: Mapping[str, Any] | None = None,
) -> Settings:
    """The settings that hold in `project`. `options` with value None were not given. Raises BadDefinition."""
    config = read_config(project, file)
    values = {s.name: Value(s.default, "default") for s in SETTINGS}
    if config is not None:
        values |= _from_file(config)
    values |= _from_environment(environ)
    values |= {name: Value(value, "option") for name, value in (options or {}).items() if value is not None}
    return Settings(values, config)


def _from_file(config: ConfigFile) -> dict[str, Value]:
    known = {(s.section, spelling): s for s in SETTINGS for spelling in (s.key, s.camel)}
    sections = sorted({s.section for s in SETTINGS} | {"mcp"})
    values = {}
    for section, body in config.content.items():
        if section not in sections:
            raise _unknown(config, section, sections)
        if not isinstance(body, dict):
            raise BadDefinition(f"{config.at(section)}: [{section}] must be a section of settings")
        for key, given in body.items():
            where = config.at(key, section)
            if section == "mcp":
                values[f"mcp.{key.lower()}"] = Value(_converted(given, bool, f"{where}: mcp.{key}"), where)
                continue
            setting = known.get((section, key))
            if setting is None:
                raise _unknown(config, key, [name for sec, name in known if sec == section], section)
            if setting.name in values:
                raise BadDefinition(f"{where}: {setting.name} is set twice, as {setting.key} and as {setting.camel}")
            values[setting.name] = Value(_checked(given, setting, f"{where}: {section}.{key}"), where)
    return values


def _unknown(config: ConfigFile, name: str, known: list[str], section: str | None = None) -> BadDefinition:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}."
    what = f"setting {name!r} in [{section}]" if section else f"section [{name}]"
    return BadDefinition(f"{config.at(name, section)}: unknown {what}; {hint}")


def _from_environment(environ: Mapping[str, str]) -> dict[str, Value]:
    values = {}
    for setting in SETTINGS:
        for variable in reversed(setting.environment):  # the first name wins, so it is set last
            if environ.get(variable):
                values[setting.name] = Value(_checked(environ[variable], setting, variable), variable)
    for variable, text in environ.items():
        if variable.startswith(MCP_PREFIX):
            name = variable.removeprefix(MCP_PREFIX).lower()
            values[f"mcp.{name}"] = Value(_converted(text, bool, variable), variable)
    return values


def _checked(given: Any, setting: Setting, where: str) -> Any:
    value = _converted(given, setting.type, where)
    if setting.type in {int, float} and value < setting.least:
        raise BadDefinition(f"{where} is {value}; it must be at least {setting.least}")
    if setting.form is not None and not re.fullmatch(setting.form, value):
        raise BadDefinition(f"{where} is {value!r}; it must be a number and a unit ({', '.join(UNITS)}), e.g. 7d")
    return value


def _converted(given: Any, wanted: type, where: str) -> Any:
    """`given` as `wanted`: a text of the environment is read, a value of another type is refused."""
    if isinstance(given, wanted) and not (wanted is int and isinstance(given, bool)) and wanted is not float:
        return given
    if wanted is bool and isinstance(given, str) and given.lower() in TRUE_WORDS | FALSE_WORDS:
        return given.lower() in TRUE_WORDS
    if wanted is int and isinstance(given, str) and given.strip().isdecimal():
        return int(given)
    if wanted is float and (number := _number(given)) is not None:
        return number
    kinds = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
    raise BadDefinition(f"{where} is {given!r}; it must be {kinds[wanted]}")


def _number(given: Any) -> float | None:
    """`given` as a finite number, if it is one."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return None
    try:
        number = float(given)
    except ValueError:
        return None
    return number if isfinite(number) else None


def seconds_of(duration: str | None) -> float | None:
    """A duration such as `7d` in seconds."""
    return None if duration is None else float(duration[:-1]) * UNITS[duration[-1]]
