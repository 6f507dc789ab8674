"""Our side of the Agent Client Protocol: hears what an agent does, answers its requests, and keeps it in its place."""

import asyncio
import shlex
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

from acp import RequestError
from acp import schema as s

from orchestrion.agents.acp import policy
from orchestrion.agents.acp.answering import Answering, Denied
from orchestrion.agents.acp.calls import Calls, Told
from orchestrion.agents.acp.spoken import Spoken
from orchestrion.agents.acp.terminals import Terminals, environment, program_of
from orchestrion.agents.child import Ended
from orchestrion.agents.ear import Ear
from orchestrion.agents.runner import Desk, Work
from orchestrion.agents.thinking.files import Files, Unreachable
from orchestrion.domain.errors import Refused
from orchestrion.domain.spending import Stopped

MAX_PERMISSIONS = 500
"""It may ask for permission so often in one run."""
_Value = TypeVar("_Value")


class AcpClient:
    """The client of one run. `trouble` holds what ends it: a limit, or a log that cannot be written."""

    def __init__(self, work: Work, desk: Desk, env: dict[str, str], trouble: "asyncio.Future[None]") -> None:
        self._work, self._desk, self._env = work, desk, env
        self._trouble = trouble
        self._ear: Ear = desk.ear()
        self.terminals = Terminals(work.run, work.limits.output_bytes)
        self._files = Files(work.workspace, work.agent.writes or True)  # an agent that writes nothing asks first
        self._calls = Calls(self._ear, work.run, work.workspace, self.terminals)
        self._spoken = Spoken()
        self._approved: Counter[str] = Counter()
        """Kinds of calls that a person approved and that were not made yet."""
        self._asked: Counter[str] = Counter()
        self._effects = 0
        self.text = ""
        """What it said last."""
        self.session: str | None = None
        self.outputs: dict[str, Any] = {}
        self.passed_over: Counter[str] = Counter()
        """Updates that are no facts, by kind."""

    async def session_update(self, update: Any, **_: Any) -> None:
        """Hear what the agent tells."""
        self._safely(lambda: self._hear(update))

    def prompted(self) -> None:
        """The turn begins; what was told before it belongs to the start."""
        self.said()
        self.text = ""

    def said(self) -> None:
        """What it was saying is said."""
        if text := self._spoken.take():
            self.text = text
            self._ear.said(text)

    def closed(self, why: str) -> None:
        """The agent is gone; its open calls were interrupted."""
        self.said()
        self._ear.closed(why)

    def noticed(self, type: str, detail: dict[str, Any]) -> None:
        """Something happened that is neither call nor message."""
        self._ear.noticed(type, detail)

    def _hear(self, update: Any) -> None:
        match update:
            case s.AgentMessageChunk():
                if update.message_id != self._spoken.message:
                    self.said()
                self._spoken.message = update.message_id
                if isinstance(update.content, s.TextContentBlock):
                    self._spoken.add(update.content.text)
                else:
                    self.passed_over[f"message of {update.content.type}"] += 1
            case s.ToolCallStart() | s.ToolCallProgress():
                self.said()
                told = self._calls.hear(update)
                if told.name == update.tool_call_id and self.session:
                    self._ear.is_session(self.session)  # Claude Code's own ids: another witness may tell them too
            case s.UsageUpdate():
                cost = update.cost.model_dump(exclude_none=True) if update.cost else None
                self.outputs["context"] = {"used": update.used, "size": update.size}
                self.outputs |= {"cost": cost} if cost else {}
            case s.AgentPlanUpdate():
                self.outputs["plan"] = [each.model_dump(exclude_none=True) for each in update.entries[:100]]
            case _:
                self.passed_over[str(update.session_update)] += 1

    async def request_permission(
        self, tool_call: Any, options: list[s.PermissionOption], **_: Any
    ) -> s.RequestPermissionResponse:
        """Answer by the agent's file, or wait for a person."""
        return await self._bravely(self._permission(tool_call, options))

    async def _permission(
        self, asked: s.ToolCallUpdate, options: list[s.PermissionOption]
    ) -> s.RequestPermissionResponse:
        self.said()
        told = self._calls.hear(asked)
        self._bounded(told)
        command = _command(told.input)
        verdict, rule = policy.answer(self._work.agent, told.kind, told.tool, paths=told.paths, command=command)
        if verdict == "ask":
            given = await self._desk.approval(told.tool, told.params, reason=told.title or None, call=told.name)
            allowed = given.verdict == "approved"
            self._approved[told.kind] += allowed
        else:
            allowed = verdict == "allow"
            detail = {"call": told.name, "tool": told.tool, "verdict": verdict, "rule": rule, "by": "the agent's file"}
            self._ear.noticed("permission", detail)
        told.denied = not allowed
        chosen = _option(options, allowed)
        outcome = (
            s.AllowedOutcome(outcome="selected", option_id=chosen) if chosen else s.DeniedOutcome(outcome="cancelled")
        )
        return s.RequestPermissionResponse(outcome=outcome)

    def _bounded(self, told: Told) -> None:
        """Raises Stopped for an agent that asks for ever."""
        self._asked["all"] += 1
        said = f"{told.tool} {told.params}"
        self._asked[said] = self._asked[said] + 1
        loop = self._work.limits.loop_calls
        if self._asked[said] > loop:
            reason = f"it is in a loop: it asked {loop} times for permission to do the same, and once more"
            raise Stopped("loop", "loopCalls", loop, self._asked[said], self._work.run, reason)
        if self._asked["all"] > MAX_PERMISSIONS:
            reason = f"it asked for permission more than {MAX_PERMISSIONS} times"
            raise Stopped("budget", "permissions", MAX_PERMISSIONS, self._asked["all"], self._work.run, reason)

    async def read_text_file(
        self, path: str, line: int | None = None, limit: int | None = None, **_: Any
    ) -> s.ReadTextFileResponse:
        """Read a file of the workspace, or some of its lines."""
        return await self._bravely(self._read(path, line, limit))

    async def _read(self, path: str, line: int | None, limit: int | None) -> s.ReadTextFileResponse:
        call = self._effect("fs/read_text_file", {"path": self._calls.relative(path), "line": line, "limit": limit})
        with Answering(self._ear, call) as answering:
            text = self._files.text(path)
            lines = text.splitlines(keepends=True)
            first = max(0, (line or 1) - 1)
            text = "".join(lines[first : None if limit is None else first + limit])
            answering.result = {"letters": len(text)}
        return s.ReadTextFileResponse(content=text)

    async def write_text_file(self, path: str, content: str, **_: Any) -> s.WriteTextFileResponse:
        """Write a file of the workspace."""
        return await self._bravely(self._write(path, content))

    async def _write(self, path: str, content: str) -> s.WriteTextFileResponse:
        params = {"path": self._calls.relative(path), "letters": len(content)}
        call = self._effect("fs/write_text_file", params)
        with Answering(self._ear, call):
            self._files.writable(path)
            await self._let("edit", "fs/write_text_file", params, call, paths=[str(params["path"])])
            self._files.write(path, content)
        return s.WriteTextFileResponse()

    async def create_terminal(
        self,
        command: str,
        args: list[str] | None = None,
        env: list[s.EnvVariable] | None = None,
        cwd: str | None = None,
        output_byte_limit: int | None = None,
        **_: Any,
    ) -> s.CreateTerminalResponse:
        """Run a command in the workspace."""
        asked = environment(self._env, [(each.name, each.value) for each in env or ()])
        return await self._bravely(self._terminal([command, *(args or ())], asked, cwd, output_byte_limit))

    async def _terminal(
        self, args: list[str], env: dict[str, str], cwd: str | None, limit: int | None
    ) -> s.CreateTerminalResponse:
        line = shlex.join(args)
        call = self._effect("terminal", {"command": args, "cwd": self._calls.relative(cwd) if cwd else None})
        with Answering(self._ear, call) as answering:
            if self.terminals.full:
                raise Refused("too many terminals are open; release some first")
            if len(args) == 1 and (why := program_of(args[0])):
                raise Refused(why)
            folder = self._folder(cwd)
            await self._let("execute", "terminal", {"command": line}, call, command=line)
            name = self.terminals.open(
                args,
                folder,
                env,
                limit=limit,
                spawned=lambda pid: self._safely(lambda: self._ear.spawned(call, pid)),
                ended=lambda how: self._safely(lambda: self._ended(call, name, how)),
            )
            answering.later = True
        return s.CreateTerminalResponse(terminal_id=name)

    def _folder(self, cwd: str | None) -> Path:
        top = self._work.workspace.resolve()
        folder = (top / (cwd or ".")).resolve()
        if not folder.is_relative_to(top) or not folder.is_dir():
            raise Refused(f"{cwd}: is no folder of the workspace")
        return folder

    def _ended(self, call: str, name: str, how: Ended | BaseException) -> None:
        seen = self.terminals.seen(name)
        if isinstance(how, Ended):
            good = how.exit_code == 0
            error = None if good else f"it ended with exit code {how.exit_code}"
            self._ear.returned(call, "ok" if good else "error", result=seen, error=error, exit_code=how.exit_code)
        elif isinstance(how, asyncio.CancelledError):
            self._ear.returned(call, "interrupted", result=seen, error="the agent or its end stopped it")
        else:
            self._ear.returned(call, "error", error=f"{type(how).__name__}: {how}")

    async def terminal_output(self, terminal_id: str, **_: Any) -> s.TerminalOutputResponse:
        """What it printed so far."""
        terminal = self._there(terminal_id)
        text, cut = terminal.text()
        ended = terminal.exit()
        status = s.TerminalExitStatus(exit_code=ended[0], signal=ended[1]) if ended else None
        return s.TerminalOutputResponse(output=text, truncated=cut, exit_status=status)

    async def wait_for_terminal_exit(self, terminal_id: str, **_: Any) -> s.WaitForTerminalExitResponse:
        """Its end."""
        terminal = self._there(terminal_id)
        await asyncio.wait([terminal.work])
        code, signal = terminal.exit() or (None, None)
        return s.WaitForTerminalExitResponse(exit_code=code, signal=signal)

    async def kill_terminal(self, terminal_id: str, **_: Any) -> s.KillTerminalResponse:
        """Stop it; what it printed stays."""
        self._there(terminal_id)
        await self.terminals.kill(terminal_id)
        return s.KillTerminalResponse()

    async def release_terminal(self, terminal_id: str, **_: Any) -> s.ReleaseTerminalResponse:
        """Stop it and let go of it."""
        self._there(terminal_id)
        await self.terminals.release(terminal_id)
        return s.ReleaseTerminalResponse()

    def _there(self, name: str) -> Any:
        if name not in self.terminals:
            raise RequestError.resource_not_found(name)
        return self.terminals[name]

    def _effect(self, tool: str, params: dict[str, Any]) -> str:
        """Something is to be done by us for the agent: a call of its own."""
        self._effects += 1
        call = f"{self._work.run}/client-{self._effects}"
        self._ear.called(call, tool, {name: each for name, each in params.items() if each is not None})
        return call

    async def _let(
        self, kind: str, tool: str, params: dict[str, Any], call: str, *, paths: list[str] | None = None,
        command: str | None = None,
    ) -> None:  # fmt: skip
        """Pass if such a call is allowed, or was approved when the agent asked before; else ask. Raises Refused."""
        verdict, rule = policy.answer(self._work.agent, kind, tool, paths=paths or (), command=command)
        if verdict == "ask" and self._approved[kind] > 0:
            self._approved[kind] -= 1
            return
        if verdict == "ask":
            given = await self._desk.approval(tool, params, call=call)
            verdict, rule = ("allow", "") if given.verdict == "approved" else ("deny", f"it was {given.verdict}")
        if verdict == "deny":
            raise Denied(f"not permitted: {rule}")

    def _safely(self, hear: Callable[[], None]) -> None:
        """Do it; what it raises ends the run (the library would only write it to its own log)."""
        if self._trouble.done():
            return
        try:
            hear()
        except Exception as error:
            self._trouble.set_exception(error)

    async def _bravely(self, answer: Awaitable[_Value]) -> _Value:
        """Answer a request: a refusal goes to the agent, any other failure ends the run."""
        try:
            return await answer
        except (RequestError, asyncio.CancelledError):
            raise
        except (Refused, Unreachable) as refused:
            raise RequestError(-32602, str(refused)) from refused
        except Exception as error:
            if not self._trouble.done():
                self._trouble.set_exception(error)
            raise RequestError.internal_error({"details": "the run was stopped"}) from error


def _option(options: list[s.PermissionOption], allowed: bool) -> str | None:
    """The answer that holds this once, if the agent offers one; never one that would save it from asking again."""
    wanted = ("allow_once",) if allowed else ("reject_once", "reject_always")
    by_kind = {option.kind: option.option_id for option in reversed(options)}
    if allowed and "allow_once" not in by_kind:
        wanted = ("allow_always",)
    return next((by_kind[kind] for kind in wanted if kind in by_kind), None)


def _command(asked: Any) -> str | None:
    """The command line of a call that runs one."""
    command = asked.get("command") if isinstance(asked, dict) else None
    return command if isinstance(command, str) else None
