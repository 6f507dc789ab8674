"""What `init` writes into a project: a configuration that says what holds already, and the built-in team to edit."""

from collections.abc import Iterator
from pathlib import Path

from orchestrion.cli.settings import SETTINGS
from orchestrion.cli.settings_file import CONFIG_NAMES
from orchestrion.domain.errors import NotFound, Refused

AGENTS_FOLDER = Path(".claude/agents")


def write_starter(project: Path, *, force: bool) -> list[tuple[str, str]]:
    """Write the starter files and return (file, what it is) for each. Nothing is overwritten without `force`.

    Raises NotFound if `project` is no folder, Refused (before anything is written) if a file is there already.
    """
    if not project.is_dir():
        raise NotFound(f"there is no folder {project}; make it first")
    files = [(project / CONFIG_NAMES[0], _configuration(), "settings, all at their defaults"), *_team(project)]
    there = [path for path, _, _ in files if path.exists()]
    if there and not force:
        names = ", ".join(str(path) for path in there[:3]) + (", …" if len(there) > 3 else "")
        raise Refused(f"{names} already there; --force overwrites, and nothing was written")
    for path, content, _ in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return [(str(path), what) for path, _, what in files]


def _team(project: Path) -> Iterator[tuple[Path, str, str]]:
    from orchestrion.agents.roster import BUILT_IN

    for source in sorted(BUILT_IN.rglob("*.md")):
        yield project / AGENTS_FOLDER / source.name, source.read_text(encoding="utf-8"), "an agent of the built-in team"


def _configuration() -> str:
    lines = ["# Orchestrion's settings for this project; `orchestrion config` shows what holds and why."]
    section = ""
    for setting in SETTINGS:
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        value = setting.default
        shown = f'"{value}"' if isinstance(value, str) else str(value).lower()
        without_effect = "" if setting.used else " (accepted, without effect in this version)"
        lines.append(f"# {setting.help}{without_effect}")
        lines.append(f"# {setting.key} = {'' if value is None else shown}".rstrip())
    lines += [
        "",
        "[mcp]",
        "# A server of .mcp.json, or a ready-made one (memory_bank, postgres, github), by name: true or false",
    ]
    return "\n".join(lines) + "\n"
