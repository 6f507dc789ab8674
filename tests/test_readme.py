"""Every command of the README's tour works, in its order, as the shipped program."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM = Path(sys.executable).with_name("orchestrion")
PROJECT = {
    "calc.py": "import os\nimport subprocess\n\n\ndef load():\n    return subprocess.run('true', shell=True)\n",
    "test_calc.py": "import calc\n\n\ndef test_load():\n    assert calc.load().returncode == 0\n",
}


def tour() -> list[list[str]]:
    """The commands of the README's console blocks, in order, as argument lists."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [shlex.split(line[2:]) for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with a small project and one recorded Claude Code session of two lines."""
    for name, text in PROJECT.items():
        (tmp_path / "project" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "project" / name).write_text(text)
    sessions = tmp_path / ".claude" / "projects" / "-project"
    sessions.mkdir(parents=True)
    envelope = {"sessionId": "s-1", "cwd": "/project", "version": "2.1.62", "isSidechain": False}
    said = [
        {"type": "user", "uuid": "u-1", "parentUuid": None, "message": {"role": "user", "content": "Say hello"}},
        {
            "type": "assistant",
            "uuid": "u-2",
            "parentUuid": "u-1",
            "message": {"id": "m-1", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hello"}]},
        },
    ]
    lines = [envelope | line | {"timestamp": f"2026-01-30T10:23:4{n}.000Z"} for n, line in enumerate(said)]
    (sessions / "s-1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {**os.environ, "HOME": str(tmp_path), "ORCHESTRION_HOME": str(tmp_path / "home"), "COLUMNS": "120"}


def test_the_tour_names_the_main_commands() -> None:
    named = {words[1] for words in tour()}
    assert {"demo", "plan", "run", "import", "sessions", "show", "log", "report", "sql", "verify", "rebuild"} <= named


def test_the_readme_gives_the_two_commands() -> None:
    assert "pip install uv && uv run orchestrion demo\nuv run pytest\n" in README


def test_every_command_of_the_tour_works(machine: dict[str, str], tmp_path: Path) -> None:
    for words in tour():
        done = subprocess.run(
            [str(PROGRAM), *words[1:]],
            cwd=tmp_path / "project",
            env=machine,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr[-500:]}"
        assert done.stdout, shlex.join(words)
