"""The usage of a whole folder, against the figures of `ccusage` 20, the peer that counts Claude Code's tokens."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PACKAGES = ("ccusage@20", "@ccusage/ccusage-linux-x64")
INSTALL_SECONDS = 120


@pytest.fixture
def ccusage(tmp_path: Path) -> Path:
    """The peer, installed into a folder of its own."""
    if not shutil.which("npm"):
        pytest.skip("npm is not installed, so ccusage cannot be asked")
    folder = tmp_path / "peer"
    folder.mkdir()
    done = subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", *PACKAGES],
        cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"ccusage could not be installed: {done.stderr.strip()[-200:]}")
    return folder / "node_modules" / ".bin" / "ccusage"


def totals(program: Path, command: str, folder: Path) -> list[int]:
    """Input, output, cache read and cache write tokens of all sessions in `folder`, as the peer counts them."""
    done = subprocess.run(
        [program, command, "--json", "--offline"],
        env={**os.environ, "CLAUDE_CONFIG_DIR": str(folder)}, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout[done.stdout.index("{") :])["totals"]
    return [found[name] for name in ("inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens")]


@pytest.mark.slow
def test_a_folders_usage_equals_the_peers(workshop, recordings, ccusage, tmp_path):
    projects = tmp_path / "claude" / "projects"
    spotter = "-home-USER-projects-spotter"
    shutil.copytree(recordings / "claude-code-spotter" / spotter, projects / spotter, copy_function=shutil.copyfile)
    skipped = ("gemini", "snapshot1", "snapshot2")
    for path in sorted(recordings.glob("claude-code-*/*/full.jsonl")):
        if not any(word in path.parent.name for word in skipped):
            target = projects / path.parent.name / f"{path.parent.name}.jsonl"
            target.parent.mkdir(parents=True)
            shutil.copyfile(path, target)
    workshop.bring(projects)
    columns = "sum(input_tokens), sum(output_tokens), sum(cache_read_tokens), sum(cache_write_tokens)"
    ours = workshop.rows(f"SELECT [{columns}]::BIGINT[] AS ours FROM usage")[0]["ours"]  # noqa: S608
    assert ours == totals(ccusage, "daily", projects.parent)
