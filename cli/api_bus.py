"""The Python API's bus: agents of a program speak to each other, and to agents of other processes, through the log."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self, TypeVar

from orchestrion.agents import membership
from orchestrion.agents.assistance import ASSISTANCE_SECONDS, Plea
from orchestrion.agents.exchange import ALL, HUMAN, agents_of
from orchestrion.agents.post import Letter, Post
from orchestrion.agents.tokens import RUN_VARIABLE, TOKEN_VARIABLE, credentials, require
from orchestrion.cli.wiring import home_of, written_log
from orchestrion.domain.errors import NotFound, Refused, RuleBroken
from orchestrion.domain.events import MessageSent
from orchestrion.domain.ports import Log

Message = Mapping[str, Any]
"""`type` and `payload`; as wanted `priority`, `in_reply_to`, `topic`, `seconds` (until it expires)."""
HOME_VARIABLE = "ORCHESTRION_HOME"
MESSAGE_KEYS = frozenset({"type", "payload", "priority", "in_reply_to", "topic", "seconds"})
WAIT_SECONDS = 0.25
"""A wait for the log is at most so long, for a thread that waits cannot be stopped."""
Found = TypeVar("Found")


class CommunicationBus:
    """One session's bus. Agents are registered by name; each is a run, and speaks only through the bus that has it.

    `session` joins a session that is there (another process's, a conductor's); without it one is begun, and ended by
    `shutdown`. A process that a conductor started for a run finds itself in the environment: `of_this_process`. An
    asynchronous context manager. Every method may raise LogUnavailable.
    """

    def __init__(self, home: Path | None = None, *, session: str | None = None, request: str = "communication") -> None:
        self.home = home_of(home)
        self._given, self._request = session, request
        self._stack, self._lock = ExitStack(), asyncio.Lock()
        self._log: Log | None = None
        self._post: Post | None = None
        self._runs: dict[str, str] = {}
        self._hosted: frozenset[str] = frozenset()
        """Runs that somebody else began and will end."""

    @classmethod
    def of_this_process(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """The bus of the run that this process belongs to, proven by the token in its environment; see `agent`.

        Raises NotFound outside of a run, RuleBroken for a token that is not that run's.
        """
        run, home = environ.get(RUN_VARIABLE), environ.get(HOME_VARIABLE)
        if not run:
            raise NotFound(f"this process belongs to no run: {RUN_VARIABLE} is not set; a conductor sets it")
        bus = cls(Path(home) if home else None, session=run.rpartition("/")[0])
        require(bus.home.path, run, environ.get(TOKEN_VARIABLE))
        bus._runs[run.rpartition("/")[2].rpartition("-")[0]] = run
        bus._hosted = frozenset({run})
        return bus

    @property
    def agent(self) -> str:
        """The agent whose run this process belongs to. Raises Refused for a bus that is not `of_this_process`."""
        for name, run in self._runs.items():
            if run in self._hosted:
                return name
        raise Refused("this bus belongs to no run of its own; register an agent on it")

    async def initialize(self) -> None:
        """Open the log and the session. Raises NotFound for a session that is not there."""
        if self._post is None:
            self._log, _ = self._stack.enter_context(written_log(self.home))
            session = self._given or membership.begin_session(self._log, self._request)
            self._post = Post(self._log, session)

    async def shutdown(self) -> None:
        """End the runs of this bus, let expire what they did not take, and end the session if this bus began it."""
        if self._post is None:
            return
        async with self._lock:
            for run in self._runs.values():
                if run not in self._hosted and run in self.caught_up().exchange.live:
                    membership.end_run(self.log, run, summary="left the bus")
            self.post.sweep()
            if self._given is None and not self.caught_up().exchange.ended:
                membership.end_session(self.log, self.session)
            self._post, self._log = None, None
            self._stack.close()

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    @property
    def post(self) -> Post:
        """The counter at the log. Raises Refused before `initialize`."""
        if self._post is None:
            raise Refused("the bus is not open: await its initialize() first, or use it by `async with`")
        return self._post

    @property
    def log(self) -> Log:
        """The log it speaks through."""
        return self.post.log

    @property
    def session(self) -> str:
        """The session it belongs to."""
        return self.post.session

    async def register_agent(self, name: str, capabilities: Sequence[str] = ()) -> str:
        """Bring an agent into the session; its run, which is its address. A name here twice is refused."""
        if name in self._runs:
            raise Refused(f"{name} is registered on this bus already, as {self._runs[name]}")
        run = await self.do(lambda: membership.register(self.log, self.session, name, capabilities))
        self._runs[name] = run
        return run

    async def retire_agent(self, name: str, reason: str | None = None) -> None:
        """Let an agent leave; what it did not take expires."""
        run = self.run_of(name)
        if run in self._hosted:
            raise RuleBroken(f"{run} belongs to a conductor, which ends it")
        await self.do(lambda: membership.end_run(self.log, run, reason=reason))
        del self._runs[name]
        await self.do(self.post.sweep)

    def run_of(self, agent: str) -> str:
        """The run of an agent of this bus, given by name or run. Raises RuleBroken for others."""
        if agent in self._runs.values() or agent == HUMAN:
            return agent
        if agent not in self._runs:
            raise RuleBroken(f"{agent} is not registered on this bus; an agent speaks only through the bus that has it")
        return self._runs[agent]

    def environment_of(self, agent: str) -> dict[str, str]:
        """What a child process needs in its environment to speak as that agent by `orchestrion send` and `inbox`."""
        own = {HOME_VARIABLE: str(self.home.path)}
        return own | credentials(self.home.path, self.run_of(agent))

    async def send_message(self, sender: str, recipient: str, message: Message) -> MessageSent:
        """Say something to an agent, a run, `human`, `conductor`, or `all`. Raises Refused, NotFound, RuleBroken."""
        run, letter = self.run_of(sender), _letter(message)
        return await self.do(lambda: self.post.send(run, recipient, letter))

    async def broadcast_message(self, sender: str, message: Message) -> MessageSent:
        """Say something to all but oneself: one message, whose `recipient_runs` are who gets it."""
        return await self.send_message(sender, ALL, message)

    async def publish(self, sender: str, topic: str, message: Message) -> MessageSent:
        """Say something to those who subscribed to `topic`."""
        run, letter = self.run_of(sender), _letter(message)
        return await self.do(lambda: self.post.publish(run, topic, letter))

    async def reply(self, sender: str, to: MessageSent | str, message: Message) -> MessageSent:
        """Answer a message, to the very run that said it."""
        run, letter = self.run_of(sender), _letter(message)
        asked = to if isinstance(to, str) else to.message
        return await self.do(lambda: self.post.reply(run, asked, letter))

    async def subscribe(self, agent: str, topic: str) -> None:
        """From now on the agent gets what is published under `topic`."""
        run = self.run_of(agent)
        await self.do(lambda: self.post.subscribe(run, topic))

    async def receive(self, agent: str, seconds: float = 0) -> list[MessageSent]:
        """What was said to the agent and not taken yet, waiting up to `seconds` for it; with this it is delivered."""
        run = self.post.exchange.box(HUMAN) if agent == HUMAN else self.run_of(agent)
        return await self._until(lambda: self.post.take(run), seconds) or []

    async def acknowledge(self, agent: str, message: MessageSent | str) -> None:
        """The agent took note of a message it has got."""
        run = self.post.exchange.box(HUMAN) if agent == HUMAN else self.run_of(agent)
        name = message if isinstance(message, str) else message.message
        await self.do(lambda: self.post.acknowledge(run, name))

    async def request_assistance(
        self,
        sender: str,
        capability: str,
        context: Any,
        urgency: str = "normal",
        *,
        seconds: float = ASSISTANCE_SECONDS,
        start: Callable[[str], str | None] | None = None,
    ) -> MessageSent:
        """Ask the most able idle agent (never the asker) for help, waiting up to `seconds` for one; the request.

        With an urgency of high, critical or immediate `start` may begin a run for the capability. Raises NotFound if
        nobody came: the request is then kept as expired. `answer_to` waits for the answer.
        """
        plea = Plea(self.post, self.run_of(sender), capability, context, urgency, seconds, start)
        sent = await self._until(plea.ask, seconds)
        return sent if sent is not None else await self.do(plea.give_up)

    async def answer_to(self, message: MessageSent, seconds: float) -> MessageSent | None:
        """The first reply to `message` within `seconds`, else None."""
        return await self._until(lambda: self.post.answer_to(message.message, 0), seconds)

    async def get_statistics(self) -> dict[str, Any]:
        """Counts over the session: `active_agents`, `messages`, `by_type`, `by_priority`, `deliveries`, `topics`."""
        exchange = (await self.do(self.caught_up)).exchange
        said = exchange.messages.values()
        fates = Counter[str](exchange.fates.values())
        fates["queued"] = sum(map(len, exchange.pending.values()))
        fates["dead"] = sum(not message.recipient_runs and not message.topic for message in said)
        return {
            "session": exchange.session,
            "active_agents": agents_of(exchange.live.values()),
            "messages": len(said),
            "by_type": dict(Counter(message.type for message in said)),
            "by_priority": dict(Counter(message.priority for message in said)),
            "deliveries": dict(fates),
            "topics": {topic: len(runs) for topic, runs in exchange.topics.items()},
        }

    def caught_up(self) -> Post:
        """The counter, knowing all that the log holds now."""
        self.post.exchange.catch_up()
        return self.post

    async def do(self, act: Callable[[], Found]) -> Found:
        """One act at a time, off the loop: an append waits for the disk."""
        async with self._lock:
            return await asyncio.to_thread(act)

    async def _until(self, attempt: Callable[[], Found | None], seconds: float) -> Found | None:
        """What `attempt` finds, tried again whenever the log has grown, for up to `seconds`."""
        deadline = time.monotonic() + seconds
        while not (found := await self.do(attempt)) and (left := deadline - time.monotonic()) > 0:
            await asyncio.to_thread(self.log.wait, self.post.exchange.position, min(left, WAIT_SECONDS))
        return found


def _letter(message: Message) -> Letter:
    """Raises Refused for a message with keys that mean nothing, or without a type."""
    if unknown := sorted(message.keys() - MESSAGE_KEYS):
        raise Refused(f"a message has no {', '.join(unknown)}; it has: {', '.join(sorted(MESSAGE_KEYS))}")
    if "type" not in message:
        raise Refused("a message needs a type and a payload")
    return Letter(**{"payload": None, **message})
