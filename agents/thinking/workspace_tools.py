"""The tools of a workspace: read, list, search, edit, write, and run a command."""

import asyncio
import os
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from orchestrion.agents.calling import Answer, last_words, output_of
from orchestrion.agents.child import run_child
from orchestrion.agents.environment import child_environment
from orchestrion.agents.permissions import RUN, permitted
from orchestrion.agents.runner import Work
from orchestrion.agents.thinking.files import MAX_LINES, Unreachable
from orchestrion.agents.thinking.toolbox import Params, Seat, ToolOf, answer_of

COMMAND_SECONDS = 120.0
MAX_COMMAND_SECONDS = 1_800.0
SHELL_SIGNS = frozenset({"|", "||", "&&", "&", ";", ">", ">>", "<", "2>", "2>&1"})

Spawned = Callable[[int], None]


class ReadFile(Params):
    """Of the tool `read_file`."""

    path: str = Field(description="Relative to the workspace.")
    first: int = Field(1, ge=1, description="The first line to read, from 1.")
    lines: int = Field(MAX_LINES, ge=1, description="How many lines to read at most.")


class ListFiles(Params):
    """Of the tool `list_files`."""

    pattern: str = Field("**", description="A glob such as `src/**/*.py`.")
    folder: str = Field(".", description="Only below this folder.")


class Search(Params):
    """Of the tool `search`."""

    pattern: str = Field(description="A regular expression (RE2), looked for in each line.")
    glob: str = Field("**", description="Only in files that match this glob.")
    folder: str = Field(".", description="Only below this folder.")


class EditFile(Params):
    """Of the tool `edit_file`."""

    path: str = Field(description="Relative to the workspace.")
    old: str = Field(description="The text to replace, exactly as it stands, without line numbers.")
    new: str = Field(description="The text to put in its place.")
    everywhere: bool = Field(False, description="Replace it wherever it stands, not just where it stands once.")


class WriteFile(Params):
    """Of the tool `write_file`."""

    path: str = Field(description="Relative to the workspace; folders are made as needed.")
    text: str = Field(description="The whole content.")


class RunCommand(Params):
    """Of the tool `run_command`."""

    command: str = Field(description="One command with its arguments. There is no shell: no pipes, && or redirection.")
    seconds: float = Field(COMMAND_SECONDS, gt=0, le=MAX_COMMAND_SECONDS, description="It is stopped after so long.")


async def _read(seat: Seat, _call: str, asked: ReadFile, _spawned: Spawned) -> Answer:
    try:
        text = await asyncio.to_thread(seat.files.read, asked.path, asked.first, asked.lines)
    except Unreachable as why:
        return Answer("error", str(why))
    return answer_of(text, source=f"file {seat.files.inside(asked.path)}")


async def _list(seat: Seat, _call: str, asked: ListFiles, _spawned: Spawned) -> Answer:
    try:
        found = await asyncio.to_thread(seat.files.listed, asked.pattern, asked.folder)
    except Unreachable as why:
        return Answer("error", str(why))
    return answer_of("\n".join(found) or "no file matches", files=len(found))


async def _search(seat: Seat, _call: str, asked: Search, _spawned: Spawned) -> Answer:
    try:
        found = await asyncio.to_thread(seat.files.search, asked.pattern, asked.glob, asked.folder)
    except Unreachable as why:
        return Answer("error", str(why))
    return answer_of("\n".join(found) or "nothing matches", matches=len(found))


async def _edit(seat: Seat, _call: str, asked: EditFile, _spawned: Spawned) -> Answer:
    try:
        name, times = await asyncio.to_thread(
            seat.files.edit, asked.path, asked.old, asked.new, everywhere=asked.everywhere
        )
    except Unreachable as why:
        return Answer("error", str(why))
    return answer_of(f"replaced {times} time{'s' * (times != 1)} in {name}", file=name)


async def _write(seat: Seat, _call: str, asked: WriteFile, _spawned: Spawned) -> Answer:
    try:
        name = await asyncio.to_thread(seat.files.write, asked.path, asked.text)
    except Unreachable as why:
        return Answer("error", str(why))
    return answer_of(f"wrote {name}", file=name)


async def _run(seat: Seat, _call: str, asked: RunCommand, spawned: Spawned) -> Answer:
    try:
        args = shlex.split(asked.command)
    except ValueError as error:
        return Answer("error", f"the command cannot be read: {error}")
    if not args:
        return Answer("error", "the command is empty")
    if signs := [part for part in args if part in SHELL_SIGNS]:
        return Answer("error", f"there is no shell, so {signs[0]!r} means nothing; run one command at a time")
    work = seat.work
    try:
        ended = await run_child(
            args,
            cwd=work.workspace,
            env=_environment(work, os.environ),
            seconds=asked.seconds,
            output_bytes=work.limits.output_bytes,
            spawned=spawned,
        )
    except OSError as error:
        return Answer("error", f"{args[0]} cannot be run: {error.strerror or error}")
    result = {**output_of(ended), "text": f"{ended.stdout.text()}{ended.stderr.text()}"[-20_000:]}
    answer = Answer("ok", None, result, ended.exit_code, ended.duration_ms)
    if ended.timed_out:
        answer.status, answer.error = "timed_out", f"it did not end within {asked.seconds:g} s and was stopped"
    elif ended.exit_code:
        answer.status, answer.error = "error", f"{args[0]} {last_words(ended)}"
    else:
        result["text"] = result["text"] or "it ended well and said nothing"
    return answer


def _environment(work: Work, environ: Mapping[str, str]) -> dict[str, str]:
    """That of a step's command: no secrets, no token; `python` is the project's."""
    found = child_environment(work, environ, secrets=False)
    return {**found, "PATH": os.pathsep.join([str(Path(work.python).parent), found.get("PATH", "")])}


def _command_needs(work: Work, given: dict[str, Any]) -> str | None:
    return None if permitted(work.agent, RUN, str(given.get("command", ""))) else "it runs a command"


def _asked_for(name: str) -> Callable[[Work, dict[str, Any]], str | None]:
    def needs(work: Work, _given: dict[str, Any]) -> str | None:
        return None if permitted(work.agent, name) else "the agent's file wants approval for it"

    return needs


READING = (
    ToolOf("read_file", "Read a text file; its lines are numbered.", ReadFile, _read, True,
           wants_approval=_asked_for("read_file")),
    ToolOf("list_files", "List the files of the workspace.", ListFiles, _list, True,
           wants_approval=_asked_for("list_files")),
    ToolOf("search", "Find lines in the files of the workspace.", Search, _search, True,
           wants_approval=_asked_for("search")),
)  # fmt: skip
WRITING = (
    ToolOf("edit_file", "Replace text in a file.", EditFile, _edit, quoted=False,
           wants_approval=_asked_for("edit_file")),
    ToolOf("write_file", "Write a whole file.", WriteFile, _write, True, quoted=False,
           wants_approval=_asked_for("write_file")),
)  # fmt: skip
RUNNING = ToolOf(
    RUN, "Run a command in the workspace; a person may have to approve it first.", RunCommand, _run,
    wants_approval=_command_needs,
)  # fmt: skip
