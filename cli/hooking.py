"""Finds where a coding agent keeps its settings, and what it must run to reach us."""

import os
import shlex
import shutil
import sys
from pathlib import Path

SCRIPT = "orchestrion-hook"


def settings_file(project: bool) -> Path:
    """Claude Code's settings: of the project in this folder, or of the user."""
    if project:
        return Path.cwd() / ".claude" / "settings.json"
    folder = os.environ.get("CLAUDE_CONFIG_DIR")
    return (Path(folder) if folder else Path.home() / ".claude") / "settings.json"


def posting_to(home: Path | None, port: int | None, project: bool) -> str:
    """Where hooks are posted to. Raises Refused for a project's settings, which others may read."""
    from orchestrion.cli.receiving import hook_url
    from orchestrion.cli.wiring import home_of
    from orchestrion.domain.errors import Refused

    if project:
        raise Refused("--http writes a token, and a project's settings are shared: install it with --user")
    return hook_url(home_of(home), port)


def hook_command(home: Path | None) -> str:
    """The command line of our hook, by its full path: an agent's PATH may not have it.

    Without `home`, the hook finds the home when it runs, as all commands do.
    """
    beside = shutil.which(SCRIPT, path=str(Path(sys.executable).parent)) or shutil.which(SCRIPT)
    words = [beside] if beside else [sys.executable, "-P", "-m", "orchestrion.cli.hook"]
    if home is not None:
        words += ["--home", str(home.expanduser().absolute())]
    return shlex.join(words)
