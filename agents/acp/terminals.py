"""Terminals that an agent of the protocol lets us run: each one command, without a shell, within the workspace."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrion.agents.child import Captured, Ended, run_child

MAX_TERMINALS = 32
"""That are there at a time."""
TERMINAL_VARIABLE = "ORCHESTRION_TERMINAL"
"""A command and whatever it starts carry their terminal here: the run's own mark would end the agent with them."""
NO_LIMIT_SECONDS = 10**9
SHOWN = 4_000
"""Letters of a terminal's output in the answer of a call."""


@dataclass
class Terminal:
    """One command at work, or done."""

    work: "asyncio.Task[Ended]"
    output: Captured
    limit: int

    def text(self) -> tuple[str, bool]:
        """What it printed so far, its end if that is more than the limit; and whether something is missing."""
        printed = self.output.text()
        raw = printed.encode()
        return printed if len(raw) <= self.limit else raw[-self.limit :].decode("utf-8", "ignore"), (
            self.output.cut or len(raw) > self.limit
        )

    def exit(self) -> tuple[int | None, str | None] | None:
        """Its exit code and its signal; None while it works."""
        if not self.work.done():
            return None
        if self.work.cancelled() or self.work.exception() is not None:
            return None, "SIGKILL"
        code = self.work.result().exit_code
        return (None, f"signal {-code}") if code is not None and code < 0 else (code, None)


class Terminals:
    """All terminals of one session."""

    def __init__(self, run: str, output_bytes: int) -> None:
        self._run, self._output_bytes = run, output_bytes
        self._open: dict[str, Terminal] = {}
        self._seen: dict[str, dict[str, Any]] = {}
        self._number = 0

    @property
    def full(self) -> bool:
        """Whether no more may be opened."""
        return len(self._open) >= MAX_TERMINALS

    def open(
        self,
        args: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        *,
        limit: int | None,
        spawned: Callable[[int], None],
        ended: Callable[["Ended | BaseException"], None],
    ) -> str:
        """Begin a command; the terminal's id. `spawned` is told its pid, `ended` how it went."""
        output = Captured(self._output_bytes)
        self._number += 1
        name = f"terminal-{self._number}"
        mark = f"{self._run}/{name}"
        running = run_child(
            args, cwd=cwd, env={**env, TERMINAL_VARIABLE: mark}, seconds=NO_LIMIT_SECONDS,
            output_bytes=self._output_bytes, spawned=spawned, heard=output.add, heard_errors=output.add,
            mark=f"{TERMINAL_VARIABLE}={mark}",
        )  # fmt: skip
        work = asyncio.ensure_future(running)
        self._open[name] = Terminal(work, output, self._output_bytes if limit is None else limit)

        def done(task: "asyncio.Task[Ended]") -> None:
            ended(asyncio.CancelledError() if task.cancelled() else task.exception() or task.result())

        work.add_done_callback(done)
        return name

    def __getitem__(self, name: str) -> Terminal:
        return self._open[name]

    def __contains__(self, name: object) -> bool:
        return name in self._open

    async def kill(self, name: str) -> None:
        """End a command, if it still works; what it printed stays."""
        work = self._open[name].work
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError, OSError):
            await work

    async def release(self, name: str) -> None:
        """End it and let go of it."""
        self.seen(name)
        await self.kill(name)
        self._seen[name] = self.seen(name)
        del self._open[name]

    async def close(self) -> None:
        """End all."""
        for name in list(self._open):
            await self.release(name)

    def seen(self, name: str) -> dict[str, Any]:
        """What was to be seen in a terminal, also after its release."""
        if name not in self._open:
            return self._seen.get(name, {"terminal": name})
        printed, cut = self._open[name].text()
        seen: dict[str, Any] = {"terminal": name, "output": printed[-SHOWN:], "cut": cut or len(printed) > SHOWN}
        if (exit_ := self._open[name].exit()) is not None:
            seen["exit_code"], seen["signal"] = exit_
        return seen


def environment(kept: Mapping[str, str], asked: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What a terminal's command gets: ours without secrets, and what the agent sets beyond it."""
    return dict(kept) | {name: value for name, value in asked if name and "\0" not in name + value and "=" not in name}


def program_of(command: str) -> str | None:
    """Why `command` is none that can be run without a shell, if so."""
    if os.sep not in command and any(sign in command for sign in " |&;<>$`\n"):
        return (
            f"{command[:80]!r} is no program: give the program as `command` and its arguments as `args`; no shell runs"
        )
    return None
