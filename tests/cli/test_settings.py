"""What is set, and by whom: each value says where it came from, and a mistake is refused where it stands."""

import json
import re
from pathlib import Path

import pytest

from orchestrion.agents import Limits
from orchestrion.cli.settings import SETTINGS, load_settings
from orchestrion.cli.teamwork import limits_of
from orchestrion.domain.errors import BadDefinition, NotFound

PARALLEL = "orchestration.max_parallel_agents"


def write(folder: Path, text: str, name: str = "orchestrion.toml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_defaults_hold_when_nothing_is_said(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings[PARALLEL] == 5
    assert {value.origin for value in settings.values.values()} == {"default"}


def test_the_specifications_json_file_is_understood(tmp_path: Path) -> None:
    content = {
        "orchestration": {
            "maxParallelAgents": 3, "agentTimeout": 30000, "enableLearning": True, "enableCommunication": True,
            "logRetention": "30d", "dashboardEnabled": True,
        },
        "communication": {"maxHistorySize": 1000, "messageRetention": "7d", "broadcastEnabled": True},
        "learning": {"maxExecutionsPerAgent": 100, "patternConfidenceThreshold": 70, "mcpIntegration": True},
    }  # fmt: skip
    path = write(tmp_path, json.dumps(content, indent=2), "orchestrion.json")
    settings = load_settings(tmp_path, {})
    assert settings[PARALLEL] == 3
    assert settings["orchestration.agent_timeout"] == 30000
    assert settings.values[PARALLEL].origin == f"{path}:3"


def test_later_sources_override_earlier_ones(tmp_path: Path) -> None:
    path = write(tmp_path, "[orchestration]\nmax_parallel_agents = 2\n")
    assert load_settings(tmp_path, {}).values[PARALLEL].origin == f"{path}:2"
    claude = {"CLAUDE_MAX_PARALLEL_AGENTS": "3"}
    assert load_settings(tmp_path, claude).values[PARALLEL].origin == "CLAUDE_MAX_PARALLEL_AGENTS"
    both = claude | {"ORCHESTRION_MAX_PARALLEL_AGENTS": "4"}
    assert load_settings(tmp_path, both)[PARALLEL] == 4
    given = load_settings(tmp_path, both, options={PARALLEL: 7, "orchestration.python": None})
    assert (given[PARALLEL], given.values[PARALLEL].origin) == (7, "option")
    assert given.values["orchestration.python"].origin == "default"


def test_every_switch_of_an_mcp_server_is_kept(tmp_path: Path) -> None:
    environ = {"CLAUDE_MCP_MEMORY_BANK": "enabled", "CLAUDE_MCP_GITHUB": "disabled"}
    settings = load_settings(tmp_path, environ)
    assert (settings["mcp.memory_bank"], settings["mcp.github"]) == (True, False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[orchestration]\nmax_paralel_agents = 3\n", ":2: unknown setting 'max_paralel_agents'"),
        ("[orchestration]\nmax_paralel_agents = 3\n", "did you mean 'max_parallel_agents'?"),
        ("\n[orchestraton]\nx = 3\n", ":2: unknown section [orchestraton]; did you mean 'orchestration'?"),
        ("[orchestration]\nmax_parallel_agents = 'many'\n", ":2: orchestration.max_parallel_agents is 'many'"),
        ("[orchestration]\nmax_parallel_agents = true\n", "must be a whole number"),
        ("[orchestration]\nmax_parallel_agents = 0\n", "it must be at least 1"),
        ("[orchestration]\nmax_parallel_agents = 1\nmaxParallelAgents = 2\n", "is set twice"),
        ("[orchestration]\nmax_parallel_agents = \n", ":2: not TOML"),
        ("[orchestration]\nsession_cost = 'much'\n", ":2: orchestration.session_cost is 'much'; it must be a number"),
        ("[orchestration]\nagent_cost = -1\n", "it must be at least 0"),
        ("[orchestration]\nsessionTokens = 1.5\n", "must be a whole number"),
        ("[communication]\nmessage_retention = 'long'\n", "must be a number and a unit (s, m, h, d, w), e.g. 7d"),
        ("[orchestration]\nsession_token = 1\n", "did you mean 'session_tokens'?"),
        ("[orchestration\n", ":1: not TOML"),
        ("orchestration = 3\n", "must be a section"),
    ],
)
def test_a_mistake_in_the_file_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(BadDefinition) as refused:
        load_settings(tmp_path, {})
    assert said in str(refused.value)
    assert "orchestrion.toml" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"orchestration": {\n  "maxParallelAgents": 3,}}', ":2: not JSON"),
        ("[1, 2]", ":1: must be an object"),
        ('{"learning": {}, "learning": {}}', "stands there twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"orchestration": {"maxParallelAgnts": 3}}', "did you mean 'maxParallelAgents'?"),
    ],
)
def test_a_mistake_in_a_json_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text, "orchestrion.json")
    with pytest.raises(BadDefinition, match=said.replace("[", r"\[").replace("?", r"\?")):
        load_settings(tmp_path, {})


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orchestrion.toml").write_bytes(b"[orchestration]\n\xff\xfe")
    with pytest.raises(BadDefinition, match=":2: not UTF-8"):
        load_settings(tmp_path, {})


def test_two_configurations_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "")
    write(tmp_path, "{}", "orchestrion.json")
    with pytest.raises(BadDefinition, match="keep one"):
        load_settings(tmp_path, {})


def test_a_variable_that_is_no_number_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadDefinition, match="CLAUDE_AGENT_TIMEOUT is 'soon'"):
        load_settings(tmp_path, {"CLAUDE_AGENT_TIMEOUT": "soon"})


def test_the_file_is_found_above_but_not_outside_of_the_repository(tmp_path: Path) -> None:
    write(tmp_path, "[orchestration]\nmax_parallel_agents = 9\n")
    inner = tmp_path / "project" / "src"
    inner.mkdir(parents=True)
    assert load_settings(inner, {})[PARALLEL] == 5
    (tmp_path / "project" / ".git").mkdir()
    assert load_settings(inner, {})[PARALLEL] == 5
    (tmp_path / ".git").mkdir()
    (tmp_path / "project" / ".git").rmdir()
    assert load_settings(inner, {})[PARALLEL] == 9


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"none\.toml"):
        load_settings(tmp_path, {}, file=tmp_path / "none.toml")


def test_config_shows_each_value_and_its_origin(speak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "[orchestration]\nmax_parallel_agents = 2\nlog_retention = '30d'\n")
    monkeypatch.setenv("CLAUDE_AGENT_TIMEOUT", "1500")
    monkeypatch.setenv("CLAUDE_LOG_DIR", "logs")
    said = speak("config", "--format", "json")
    rows = {row["setting"]: row for row in said.json}
    assert set(rows) == {"home", *(setting.name for setting in SETTINGS)}
    assert rows["home"]["value"] == str(tmp_path / "logs")
    assert rows["home"]["origin"] == "CLAUDE_LOG_DIR"
    assert rows["orchestration.agent_timeout"]["value"] == 1500
    assert rows["orchestration.log_retention"]["used"] is False
    assert "does not act on them" in said.err


def test_the_home_is_the_options_then_ours_then_claudes(speak, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def home(*arguments: str) -> str:
        return speak("status", *arguments, "--format", "json").json["home"]

    assert home() == str(tmp_path / "data" / "orchestrion")
    monkeypatch.setenv("CLAUDE_LOG_DIR", "/c")
    assert home() == "/c"
    monkeypatch.setenv("ORCHESTRION_HOME", "/o")
    assert home() == "/o"
    assert home("--home", "h") == str(tmp_path / "h")


def test_init_writes_a_configuration_that_holds_and_a_team_that_loads(speak, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    said = speak("init", project, "--format", "json")
    assert said.code == 0
    assert {row["file"] for row in said.json} == {str(p) for p in project.rglob("*") if p.is_file()}
    assert load_settings(project, {})[PARALLEL] == 5
    plan = speak("plan", "Fix security vulnerability", "--workspace", project, "--format", "json").json
    assert plan["phases"][0] == ["security-auditor"]


def test_init_overwrites_nothing_unless_told_to(speak, tmp_path: Path) -> None:
    mine = write(tmp_path, "# mine\n")
    said = speak("init")
    assert said.code == 2
    assert "--force" in said.err
    assert mine.read_text() == "# mine\n"
    assert not (tmp_path / ".claude").exists()
    assert speak("init", "--force").code == 0
    assert mine.read_text() != "# mine\n"


def test_what_init_writes_holds_with_every_line_uncommented(speak, tmp_path: Path) -> None:
    speak("init")
    path = tmp_path / "orchestrion.toml"
    said = re.sub(r"(?m)^# (\w+ = .)", r"\1", path.read_text())
    assert "\nmax_parallel_agents = 5\n" in said
    path.write_text(said)
    settings = load_settings(tmp_path, {})
    named = {value.origin for value in settings.values.values() if value.origin != "default"}
    assert len(named) == sum(setting.default is not None for setting in SETTINGS)
    assert {name: value.value for name, value in settings.values.items()} == {s.name: s.default for s in SETTINGS}


def test_the_limits_that_hold_when_nothing_is_set_are_the_conductors_own(tmp_path: Path) -> None:
    assert limits_of(load_settings(tmp_path, {})) == Limits()


def test_every_limit_can_be_set_in_the_file_and_by_a_variable(tmp_path: Path) -> None:
    given = {
        "agentTimeout": 1500, "sessionTimeout": 60000, "agentToolCalls": 10, "sessionToolCalls": 20,
        "agentTokens": 30, "sessionTokens": 40, "agentCost": 0.5, "sessionCost": 2, "loopCalls": 3, "retries": 0,
        "retryWait": 250, "reworks": 4, "maxParallelAgents": 2,
    }  # fmt: skip
    write(tmp_path, json.dumps({"orchestration": given}), "orchestrion.json")
    limits = limits_of(load_settings(tmp_path, {"ORCHESTRION_SESSION_COST": "1.25", "ORCHESTRION_RETRIES": "7"}))
    assert limits == Limits(
        max_parallel_agents=2, agent_seconds=1.5, session_seconds=60, agent_tool_calls=10, session_tool_calls=20,
        agent_tokens=30, session_tokens=40, agent_cost=0.5, session_cost=1.25, loop_calls=3, retries=7,
        retry_seconds=0.25, reworks=4,
    )  # fmt: skip
