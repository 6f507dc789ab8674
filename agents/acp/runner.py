"""Runs any agent that speaks the Agent Client Protocol: what it does becomes facts, what it may do is decided here."""

import asyncio
import contextlib
import os
import shlex
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

from orchestrion.agents.calling import Answer, Call, filled, make
from orchestrion.agents.conclusion import conclude
from orchestrion.agents.ear import whole
from orchestrion.agents.environment import child_environment
from orchestrion.agents.runner import Desk, Outcome, Work
from orchestrion.agents.runner_process import prompt_for

if TYPE_CHECKING:
    from acp import ClientSideConnection

    from orchestrion.agents.acp.child import Line
    from orchestrion.agents.acp.client import AcpClient

START_SECONDS = 120.0
"""For an agent to start, say what it can, and begin a session; some load packages first."""
CANCEL_SECONDS = 1.0
"""For an agent to stop by itself when it is cancelled."""
AUTH_REQUIRED = -32000
INSTALL = "pip install 'orchestrion[acp]'"
ENDINGS = {
    "max_tokens": "it reached the most tokens its model may answer with",
    "max_turn_requests": "it made as many model requests as it may in one turn",
    "refusal": "its model refused the task",
    "cancelled": "it was cancelled",
}
"""Stop reasons of the protocol that are no end of the work."""
_Value = TypeVar("_Value")


def missing_extra() -> str | None:
    """How to install the library, if it is missing."""
    return None if find_spec("acp") else f"the extra `acp` is not installed: {INSTALL}"


class AcpRunner:
    """Starts `command` and prompts it once."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        """See `Runner`."""
        desk.take()
        if missing := missing_extra():
            return Outcome("failed", reason=missing, remedy=f"run: {INSTALL}")
        agent, prompt = work.agent, prompt_for(work)
        params = {"command": agent.command, "protocol": "acp", "prompt": prompt}
        call = Call(agent.command[0], params, agent.idempotent, agent.retry_on)
        _, answer = await make(call, work, desk, _Talk(work, desk, prompt).act)
        outcome = Outcome(outputs=dict(answer.result.get("told") or {}))
        if answer.status == "ok":
            conclude(answer.result.get("text", ""), outcome, work, desk)
        answer.end(outcome)
        return outcome


class _Talk:
    """One session with an agent, from its start to its end."""

    def __init__(self, work: Work, desk: Desk, prompt: str) -> None:
        self._work, self._desk, self._prompt = work, desk, prompt

    async def act(self, spawned: Callable[[int], None]) -> Answer:
        """Have it once."""
        from orchestrion.agents.acp.child import connected  # noqa: PLC0415 - the library is an extra
        from orchestrion.agents.acp.client import AcpClient  # noqa: PLC0415

        work, loop = self._work, asyncio.get_running_loop()
        values = {"workspace": str(work.workspace), "python": str(work.python), "out": str(work.out)}
        args = [filled(part, values) for part in work.agent.command]
        trouble: asyncio.Future[None] = loop.create_future()
        client = AcpClient(work, self._desk, child_environment(work, os.environ, secrets=False), trouble)
        begun = loop.time()
        try:
            env = child_environment(work, os.environ, secrets=True)
            async with connected(args, work.workspace, env, spawned) as line:
                answer = await self._converse(line, client, trouble)
        except OSError as error:
            install = work.agent.install
            remedy = f"run: {install}" if install else f"install it, or change 'command' in {work.agent.path}"
            return Answer("error", f"{args[0]} cannot be run: {error.strerror or error}", {"remedy": remedy})
        finally:
            if trouble.done() and not trouble.cancelled():
                trouble.exception()  # so that it is not missed where we are cancelled
        answer.duration_ms = round((loop.time() - begun) * 1000)
        return answer

    async def _converse(self, line: "Line", client: "AcpClient", trouble: "asyncio.Future[None]") -> Answer:
        from acp import RequestError, connect_to_agent  # noqa: PLC0415

        connection = connect_to_agent(cast(Any, client), line)  # what the library passes by name alone is left out
        talking = _Talking(connection, line, trouble)
        try:
            answer = await self._turn(talking, client)
        except RequestError as error:
            answer = self._refused(error)
        except _Gone as gone:
            why = "it broke the protocol: " if line.broken else "the agent went away: "
            answer = Answer("error", f"{why}{gone}")
        except BaseException:
            await self._leave(talking, client)
            client.closed("the run was stopped before the tool answered")
            raise
        await self._leave(talking, client)
        client.closed("the agent ended its turn before the tool answered")
        answer.result["told"] = {"acp": _told(line, client)}
        answer.result["text"] = client.text
        return answer

    async def _turn(self, talking: "_Talking", client: "AcpClient") -> Answer:
        """Handshake, session, prompt. Raises RequestError, _Gone, and what `trouble` holds."""
        from acp import PROTOCOL_VERSION, text_block  # noqa: PLC0415
        from acp import schema as s  # noqa: PLC0415

        from orchestrion.agents.acp.servers import servers_for  # noqa: PLC0415

        connection = talking.connection
        capabilities = s.ClientCapabilities(
            fs=s.FileSystemCapabilities(read_text_file=True, write_text_file=True), terminal=True
        )
        us = s.Implementation(name="orchestrion", title="Orchestrion", version="0")
        hello = await talking.within(
            START_SECONDS,
            connection.initialize(PROTOCOL_VERSION, client_capabilities=capabilities, client_info=us),
        )
        if hello.protocol_version != PROTOCOL_VERSION:
            return Answer("error", f"it speaks version {hello.protocol_version} of the protocol, we {PROTOCOL_VERSION}")
        if hello.agent_info:
            client.outputs["agent"] = hello.agent_info.model_dump(include={"name", "version"}, exclude_none=True)
        servers, left_out = servers_for(self._work, hello.agent_capabilities)
        if left_out:
            client.noticed("mcp-servers-left-out", left_out)
        session = await talking.within(
            START_SECONDS, connection.new_session(cwd=str(self._work.workspace), mcp_servers=servers)
        )
        client.session = talking.session = session.session_id
        await self._choose_model(talking, client, session)
        client.prompted()
        ended = await talking.within(None, connection.prompt(session.session_id, [text_block(self._prompt)]))
        client.said()
        self._used(session.session_id, ended.usage)
        client.outputs["stop_reason"] = ended.stop_reason
        why = ENDINGS.get(ended.stop_reason)
        return Answer("error", why) if why else Answer("ok")

    async def _choose_model(self, talking: "_Talking", client: "AcpClient", session: Any) -> None:
        """Ask for the model that the agent's file names, where the agent lets one choose it."""
        model = self._work.agent.model
        if model is None or model == "inherit":
            return
        for option in session.config_options or ():
            choices = [str(each.value) for each in getattr(option, "options", None) or () if hasattr(each, "value")]
            if option.category == "model" and model in choices:
                await talking.within(
                    START_SECONDS, talking.connection.set_config_option(option.id, session.session_id, model)
                )
                return
        client.noticed("model-not-chosen", {"model": model, "reason": "the agent offers no such model"})

    def _used(self, session: str, usage: Any) -> None:
        if usage is None:
            return
        self._desk.used(
            f"{self._work.run}/{session}/turn-1",
            self._work.agent.model,
            input_tokens=whole(usage.input_tokens),
            output_tokens=whole(usage.output_tokens),
            cache_read_tokens=whole(usage.cached_read_tokens),
            cache_write_tokens=whole(usage.cached_write_tokens),
        )

    def _refused(self, error: Any) -> Answer:
        """The agent answered one of our requests with an error."""
        data = error.data.get("details") if isinstance(error.data, dict) else error.data
        said = f"{error}" + (f": {data}" if isinstance(data, str) and data not in str(error) else "")
        if error.code == AUTH_REQUIRED:
            remedy = f"sign in once by running it yourself: {shlex.join(self._work.agent.command)}"
            return Answer("error", f"the agent wants you to sign in ({said})", {"remedy": remedy})
        return Answer("error", f"the agent answered with an error: {said}")

    async def _leave(self, talking: "_Talking", client: "AcpClient") -> None:
        """End what is under way: the turn, the terminals, the connection."""
        await talking.cancel()
        await client.terminals.close()
        await talking.connection.close()


class _Gone(Exception):
    """The agent is not there any more."""


class _Talking:
    """Requests to an agent, each until it is answered, or the agent is gone, or something else ends the run."""

    def __init__(self, connection: "ClientSideConnection", line: "Line", trouble: "asyncio.Future[None]") -> None:
        self.connection, self._line, self._trouble = connection, line, trouble
        self.session: str | None = None
        self._prompting = False

    async def within(self, seconds: float | None, request: Awaitable[_Value]) -> _Value:
        """The answer to `request`. Raises _Gone, RequestError, and what `trouble` holds."""
        task = asyncio.ensure_future(request)
        self._prompting = seconds is None
        try:
            await asyncio.wait((task, self._trouble), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if self._trouble.done():
                self._trouble.result()
            if not task.done():
                raise _Gone(f"it did not answer within {seconds:g} s")
            answer = task.result()
        except ConnectionError as error:
            raise _Gone(self._line.why or str(error)) from error
        finally:
            task.cancel()
            await asyncio.wait((task,))  # it raises nothing of the task's; who cancels us meanwhile is heard
            if not task.cancelled():
                task.exception()  # looked at here, whatever became of it
        self._prompting = False
        return answer

    async def cancel(self) -> None:
        """If it was in the midst of a turn: ask it to stop."""
        if self._prompting and self.session and self._line.why is None:
            with contextlib.suppress(Exception):  # a courtesy: whatever becomes of it, its processes are ended next
                await asyncio.wait_for(self.connection.cancel(self.session), CANCEL_SECONDS)


def _told(line: "Line", client: "AcpClient") -> dict[str, Any]:
    """What the agent told beside its calls and words."""
    told: dict[str, Any] = dict(client.outputs)
    if client.passed_over:
        told["passed_over"] = dict(client.passed_over)
    if line.odd:
        told["not_understood"] = dict(line.odd)
    return told
