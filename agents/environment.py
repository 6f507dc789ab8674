"""What a child process of an agent gets to see: its run, the project's code first, and no secret it does not need."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from orchestrion.agents.child import RUN_VARIABLE
from orchestrion.agents.orphans import SESSION_VARIABLE
from orchestrion.agents.runner import Work
from orchestrion.agents.tokens import TOKEN_VARIABLE, credentials

SECRET_NAME = re.compile(r"(?i)password|passwd|secret|token|credential|apikey|(^|_)(key|pwd|auth|dsn)s?($|_)")
HOME_VARIABLE = "ORCHESTRION_HOME"
OURS_ALONE = ("PYTEST_", "COV_CORE_", "PYTHONHOME", "PYTHONPATH")


def child_environment(work: Work, environ: Mapping[str, str], *, secrets: bool) -> dict[str, str]:
    """`environ` for a child of `work`; variables with a secret's name only where `secrets` are needed.

    These also get what the run proves itself with on the bus (`orchestrion send`, `inbox`).
    """
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(OURS_ALONE) and (secrets or not SECRET_NAME.search(name))
    }
    source = work.workspace / "src"
    paths = [str(path) for path in (source, work.workspace) if path.is_dir()]
    kept.pop(TOKEN_VARIABLE, None)  # it would be that of a run we are a child of
    if secrets and work.home:
        kept |= credentials(work.home, work.run) | {HOME_VARIABLE: str(work.home)}
    return kept | {
        SESSION_VARIABLE: work.session,
        RUN_VARIABLE: work.run,
        "ORCHESTRION_AGENT": work.agent.name,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }


def project_python(workspace: Path, asked: Path | None) -> tuple[Path, str]:
    """Whose interpreter runs a project's own code, and why: the one asked for, the project's, or ours."""
    if asked is not None:
        return asked, "asked for"
    for folder in (".venv", "venv"):
        for name in ("bin/python", "Scripts/python.exe"):
            if (found := workspace / folder / name).is_file():
                return found.absolute(), f"the project's {folder}"
    return Path(sys.executable), "the one that runs Orchestrion, for the project has none of its own"
