"""Agents' and commands' files looked at before anybody relies on them, and templates of new ones."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrion.agents.commanding import PROJECT_COMMANDS, commands_in
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.front_matter import read_command, read_definition
from orchestrion.agents.roster import PROJECT_AGENTS
from orchestrion.domain.errors import BadDefinition, NotFound, Refused

TEMPLATES = Path(__file__).parent / "templates"
AGENT, COMMAND = "agent", "command"
_NAME = re.compile(r"/?[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Checked:
    """What a file defines; `problem` (with file and line) if it cannot be used, `note` if it can only in part."""

    path: Path
    kind: str
    name: str | None = None
    runner: str | None = None
    problem: str | None = None
    note: str | None = None


def check_folder(folder: Path) -> list[Checked]:
    """Every definition below `folder`: a project, a folder of agents, of commands, or of both. Raises NotFound."""
    if not folder.is_dir():
        raise NotFound(f"{folder}: there is no such folder; give a project, or a folder of agents' Markdown files")
    found = [_checked(path, kind, name) for path, kind, name in _files(folder)]
    return list(_without_twins(found))


def new_definition(name: str, project: Path, runner: str) -> Path:
    """Write a template of an agent called `name` (of a command if it begins with `/`) into `project`; its file.

    Raises Refused (a bad name or runner, a file that is there already), NotFound (the project).
    """
    if not project.is_dir():
        raise NotFound(f"{project}: there is no such folder to write into")
    if not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name: use letters, digits, `.`, `_` and `-`")
    known = sorted(path.stem for path in TEMPLATES.glob("*.md") if path.stem != COMMAND)
    if runner not in known:
        raise Refused(f"there is no template for the runner {runner!r}; there are: {', '.join(known)}")
    command = name.startswith("/")
    folder, template = (PROJECT_COMMANDS, COMMAND) if command else (PROJECT_AGENTS, runner)
    path = project / folder / f"{name.removeprefix('/')}.md"
    text = (TEMPLATES / f"{template}.md").read_text(encoding="utf-8").replace("NAME", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise Refused(f"{path} is there already; it stays as it is") from None
    return path


def _files(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Files by their folder's name, `agents` or `commands`; where nothing is called so, all are agents' files."""
    homes = [path for path in sorted(folder.rglob("*")) if path.is_dir() and path.name in {"agents", "commands"}]
    homes = [path for path in homes if not any(other in path.parents for other in homes)]
    for home in homes or [folder]:
        if home.name == "commands":
            yield from ((path, COMMAND, name) for name, path in commands_in(home))
        else:
            agents = (path for path in sorted(home.rglob("*.md")) if path.is_file() and path.stem.lower() != "readme")
            yield from ((path, AGENT, path.stem) for path in agents)


def _checked(path: Path, kind: str, name: str) -> Checked:
    try:
        if kind == COMMAND:
            command = read_command(path, name)
            return Checked(path, kind, f"/{name}", note=_unused(command.without_effect))
        agent = read_definition(path)
    except BadDefinition as bad:
        return Checked(path, kind, problem=str(bad))
    return Checked(path, kind, agent.name, agent.runner, note=_note(agent))


def _note(agent: AgentDefinition) -> str | None:
    notes = [] if agent.runner else ["has no runner: it thinks, if there is a model for it"]
    unused = _unused(agent.without_effect)
    return "; ".join([*notes, *([unused] if unused else [])]) or None


def _unused(keys: tuple[str, ...]) -> str | None:
    return f"without effect here: {', '.join(keys)}" if keys else None


def _without_twins(found: list[Checked]) -> Iterator[Checked]:
    """Two agents of one name in one folder: the second is a problem, as it is when a team is read."""
    seen: dict[tuple[Path, str | None], Path] = {}
    for each in found:
        key = (each.path.parent, each.name)
        if each.kind == AGENT and each.name and key in seen:
            problem = f"{each.path}:1: {seen[key]} defines an agent {each.name!r} already"
            yield Checked(each.path, each.kind, each.name, each.runner, problem)
            continue
        seen[key] = each.path
        yield each
