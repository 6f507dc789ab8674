"""The help: complete, written down, and light enough to be asked for without a thought."""

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrion.cli import exits, helpdoc
from orchestrion.cli.main import COMMANDS
from orchestrion.domain import errors

ROOT = Path(__file__).parents[2]
PROMISED = """
    demo init doctor status config plan run import sessions show log agents messages handoffs tools patterns stats sql
    schema report verify rebuild
"""
NAMES = [command.__name__.rstrip("_") for command in COMMANDS]
HEAVY = ("duckdb", "textual", "eventsourcing", "pydantic", "asyncio", "rich", "orchestrion.eventstore")


def test_every_promised_command_is_there() -> None:
    assert set(NAMES) >= set(PROMISED.split())


@pytest.mark.parametrize("name", NAMES)
def test_each_command_explains_itself_and_each_of_its_options(speak, name) -> None:
    said = speak(name, "--help")
    assert said.code == 0
    summary = said.out.splitlines()[2].strip()
    assert summary.endswith((".", ",")) or len(summary) > 60
    for line in said.out.split("Options:")[1].splitlines():
        if line.startswith("  -") and not line.startswith("   "):
            assert "  " in line.strip() or len(line) > 30, line


def test_the_command_list_cuts_no_sentence(speak) -> None:
    listed = speak("--help").out.split("Commands:")[1].splitlines()
    assert not [line for line in listed if line.endswith("...") and line.split()[0] in PROMISED.split()]


def test_the_document_is_what_the_commands_say() -> None:
    written = (ROOT / "docs" / "cli.md").read_text()
    assert written == helpdoc.document(), "run: python -m orchestrion.cli.helpdoc > docs/cli.md"


def test_help_imports_nothing_heavy() -> None:
    run = [sys.executable, "-X", "importtime", "-m", "orchestrion.cli.main", "--help"]
    done = subprocess.run(run, capture_output=True, text=True, check=True, timeout=60)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "typer" in imported
    assert not [name for name in imported for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")]


def test_every_exit_code_of_an_error_is_in_the_help(speak) -> None:
    codes = {cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and hasattr(cls, "exit_code")}
    listed = {code for code, _ in exits.EXIT_CODES}
    assert codes <= listed
    out = speak("--help").out
    assert all(f"  {code}  {meaning}" in out for code, meaning in exits.EXIT_CODES)


def test_the_version_is_the_packages(program) -> None:
    from importlib.metadata import version

    assert program("--version").out == f"orchestrion {version('orchestrion')}\n"


def test_the_shell_gets_its_completion(program) -> None:
    import os

    said = program(
        env={**os.environ, "_ORCHESTRION_COMPLETE": "complete_bash", "COMP_WORDS": "orchestrion ses", "COMP_CWORD": "1"}
    )
    assert said.out.split() == ["sessions"]


def test_without_arguments_the_help_is_shown(speak) -> None:
    said = speak()
    assert said.code == 2
    assert "Commands:" in said.out + said.err


@pytest.mark.parametrize(
    "arguments",
    [("nothing",), ("sessions", "--formt", "json"), ("tools", "--at", "-1"), ("sessions", "--format", "xml")],
)
def test_what_is_not_understood_is_refused_with_a_way_on(speak, arguments) -> None:
    said = speak(*arguments)
    assert (said.code, said.out) == (2, "")
    assert "--help" in said.err
    assert "Traceback" not in said.err


WITHOUT_AT = {
    "it acts, and is no answer": """
        demo init run resume cancel approve deny import collect hook install uninstall send judge
    """,
    "it takes what is said to somebody, which is an act": "inbox",
    "it follows what happens now; `replay --at` shows the same screens as they were": "watch",
    "it serves: the page has its own way into the past, and the tools of agents tell what holds now": "web mcp",
    "it tells of this version or a file beside the log, which have no positions": "config prices schema bench",
    "it proves the whole log, and what it finds is true of what stands now": "doctor verify rebuild",
}
"""Why which commands cannot be asked how it was."""


def test_whatever_shows_state_shows_it_as_of_a_position(speak) -> None:
    without = {name for names in WITHOUT_AT.values() for name in names.split()}
    assert {name for name in NAMES if "--at N" not in speak(name, "--help").out} == without
