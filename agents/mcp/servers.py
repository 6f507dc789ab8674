"""The MCP servers of a session: started once on demand, shared by its agents, every call a fact, stopped at its end."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.calling import Answer, answered
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.identity import born, host
from orchestrion.agents.journal import Journal
from orchestrion.agents.limits import Limits
from orchestrion.agents.mcp.answers import Trouble, answer_of
from orchestrion.agents.mcp.config import Servers, server_of
from orchestrion.agents.mcp.link import Link, Place
from orchestrion.agents.mcp.sharing import Key, Sharing, key_of, shared
from orchestrion.agents.mcp.tools import CHANGED, SEEN, RemoteTool, changes, remote_tools
from orchestrion.agents.membership import decided
from orchestrion.agents.runner import Desk
from orchestrion.domain import events as e

MAX_NAMED = 20
"""Tools named in one sentence."""
RESTARTED, FAILED, REFUSED = "mcp_server_restarted", "mcp_server_failed", "mcp_tools_refused"


class ServerPool:
    """What runners call MCP tools by. `conductor` is the run on the bus in whose name warnings are sent."""

    def __init__(
        self,
        servers: Servers,
        place: Place,
        *,
        journal: Journal,
        bus: Bus,
        limits: Limits,
        conductor: str,
        seed: int = 0,
        sharing: bool = True,
    ) -> None:
        self.servers, self._place, self._limits, self._seed = servers, place, limits, seed
        self._journal, self._bus, self._conductor = journal, bus, conductor
        self._sharing = Sharing() if sharing else None
        self._links: dict[str, Link] = {}
        self._tools: dict[str, dict[str, RemoteTool]] = {}
        self._looking: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._problems: dict[str, list[str]] = {}
        self._told: set[tuple[str, str]] = set()
        """(server, run): whose tools were looked at for which run."""
        self._incidents = sum(
            isinstance(fact, e.IncidentObserved) and fact.incident.startswith(f"{place.session}/mcp-")
            for fact in journal.all_past()
        )

    async def tools(self, names: Iterable[str]) -> list[RemoteTool]:
        """All tools of the servers called so, as they describe them now.

        A server that does not answer is a fact (incident `mcp_server_failed`), and its tools are not there. Raises
        NotFound (a name), CannotRun (a variable that is not set, the missing extra).
        """
        configs = [self.servers.usable(name) for name in dict.fromkeys(names)]
        found = await asyncio.gather(*(self._listed(config.name) for config in configs))
        return [tool for tools in found for tool in tools]

    async def tools_of(self, agent: AgentDefinition) -> list[RemoteTool]:
        """The tools that `agent` may use: of its servers, and where it names single ones, these."""
        tools = await self.tools(servers_of(agent, self.servers))
        return [tool for tool in tools if may_use(agent, tool)]

    async def call(self, tool: RemoteTool, params: dict[str, Any], desk: Desk) -> Answer:
        """Call `tool`; both the call and its answer are facts of the desk's run. `result["text"]` is what it said.

        Whatever a server does ends as an Answer: `result["problem"]` names what went wrong (`answers.Problem`).
        Raises Stopped and Lost (see `Desk`).
        """
        return await self._made(tool, params, desk, lambda call: self._answer(tool, params, call))

    async def call_named(self, server: str, tool: str, params: dict[str, Any], desk: Desk) -> Answer:
        """As `call`, for a tool that is only known by its name."""
        if server not in self._tools:
            try:
                await self._look(server)
            except Trouble as trouble:
                failed = trouble.as_answer()
                return await self._made(RemoteTool(server, tool), params, desk, lambda _: _settled(failed))
        known = self._tools[server].get(tool) or RemoteTool(server, tool)
        return await self.call(known, params, desk)

    async def _made(
        self, tool: RemoteTool, params: dict[str, Any], desk: Desk, act: Callable[[str], Awaitable[Answer]]
    ) -> Answer:
        name = desk.called(tool.full_name, params, tool.server)
        known = desk.recall(name, idempotent=tool.idempotent)
        return Answer.of(known) if known is not None else await answered(name, desk, lambda _: act(name))

    async def close(self) -> None:
        """Stop every server."""
        links, self._links = list(self._links.values()), {}
        await asyncio.gather(*(link.close() for link in links))

    # What a tool answers

    async def _answer(self, tool: RemoteTool, params: dict[str, Any], call: str) -> Answer:
        run, key = call.rpartition("/")[0], key_of(tool.server, tool.name, params)
        share = self._sharing is not None and tool.read_only and self.servers[tool.server].share
        if not share or self._sharing is None:
            return await self._asked(tool, params, run)
        while held := self._sharing.holds(key, run):
            got = await asyncio.shield(held.answer)
            if got is not None:
                return shared(got, held.call)
        return await self._first(self._sharing, key, run, call, lambda: self._asked(tool, params, run))

    async def _first(
        self, sharing: Sharing, key: Key, run: str, call: str, ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        held, answer = sharing.asks(key, run, call), None
        try:
            answer = await ask()
        finally:
            sharing.answered(key, held, answer)
        return answer

    async def _asked(self, tool: RemoteTool, params: dict[str, Any], run: str) -> Answer:
        begun = time.monotonic()
        try:
            answer = await self._called(tool, params, run)
        except Trouble as trouble:
            answer = trouble.as_answer()
        finally:
            if not tool.read_only and self._sharing is not None:
                self._sharing.wrote(tool.server)
        answer.duration_ms = round((time.monotonic() - begun) * 1000)
        return answer

    async def _called(self, tool: RemoteTool, params: dict[str, Any], run: str) -> Answer:
        link = self._link(tool.server)
        if link.tools_changed or (tool.server, run) not in self._told:
            await self._look(tool.server)
            self._told.add((tool.server, run))
        now = self._tools.get(tool.server, {})
        if tool.name not in now:
            there = ", ".join(sorted(now)[:MAX_NAMED]) or "none"
            raise Trouble("refused", f"the MCP server {tool.server!r} has no tool {tool.name!r}; it has: {there}")
        if not tool.read_only and self._sharing is not None:
            self._sharing.wrote(tool.server)
        starts = link.starts
        result = await link.call(tool.name, params, again=tool.idempotent or now[tool.name].idempotent)
        if link.starts != starts:  # it died of this call and answered after a restart
            await self._look(tool.server)
        return answer_of(tool.full_name, result)

    # What tools there are

    async def _listed(self, server: str) -> list[RemoteTool]:
        try:
            await self._look(server)
        except Trouble as trouble:
            self._incident(server, FAILED, {"problem": trouble.problem, "error": trouble.sentence})
            return []
        return list(self._tools[server].values())

    async def _look(self, server: str) -> None:
        """Ask for the server's tools, and tell everybody if they are not what they were. Raises Trouble."""
        async with self._looking[server]:
            config, link = self.servers[server], self._link(server)
            tools, problems = remote_tools(config, await link.list())
            self._tools[server] = {tool.name: tool for tool in tools}
            if problems and problems != self._problems.get(server):
                self._problems[server] = problems
                self._incident(server, REFUSED, {"problems": problems[:MAX_NAMED], "count": len(problems)})
            changed = self._remember(server, tools)
        if changed:
            self._warn(server, changed)

    def _remember(self, server: str, tools: list[RemoteTool]) -> dict[str, list[str]]:
        """Keep how the tools are described, whoever saw them last; what changed since."""
        origin = sha256(str(self._place.origin).encode("utf-8", "backslashreplace")).hexdigest()[:12]
        prints = {tool.name: tool.print for tool in tools}
        found: dict[str, list[str]] = {}
        seen = e.IncidentObserved(
            source="conductor",
            happened_at=self._journal.now(),
            session=self._place.session,
            incident=f"mcp-tools/{origin}/{server}",
            type=SEEN,
            detail={"server": server, "tools": prints},
        )

        def deciding(past: list[e.Event]) -> list[e.Event]:
            found.clear()
            before = past[-1].detail if past and isinstance(past[-1], e.IncidentObserved) else None
            if isinstance(before, dict) and isinstance(before.get("tools"), dict):
                found.update(changes(before["tools"], tools))
                return [seen] if found else []
            return [seen]

        decided(self._journal.log, f"incident-{seen.incident}", deciding)
        return found

    def _warn(self, server: str, changed: Mapping[str, list[str]]) -> None:
        if self._sharing is not None:
            self._sharing.wrote(server)
        place = self._incident(server, CHANGED, {**changed, "tools": self._described(server, changed)})
        named = "; ".join(f"{what}: {', '.join(names[:MAX_NAMED])}" for what, names in changed.items())
        warning = f"The tools of the MCP server {server!r} are not what they were when they were last seen ({named})"
        if self._conductor in self._bus:
            self._bus.broadcast(self._conductor, [Draft("warning", {"warning": warning}, "high")], cause=place)

    def _described(self, server: str, changed: Mapping[str, list[str]]) -> dict[str, str]:
        named = [*changed.get("added", ()), *changed.get("changed", ())]
        return {name: self._tools[server][name].description for name in named[:MAX_NAMED]}

    # The servers themselves

    def _link(self, server: str) -> Link:
        if server not in self._links:

            def restarting(why: str, wait_ms: int) -> None:
                self._incident(server, RESTARTED, {"why": why, "wait_ms": wait_ms})

            self._links[server] = Link(
                self.servers.usable(server),
                self._place,
                self._limits,
                seed=self._seed,
                restarting=restarting,
                spawned=lambda pid: self._spawned(server, pid),
            )
        return self._links[server]

    def _incident(self, server: str, kind: str, detail: dict[str, Any]) -> str:
        self._incidents += 1
        event = e.IncidentObserved(
            source="conductor",
            happened_at=self._journal.now(),
            session=self._place.session,
            incident=f"{self._place.session}/mcp-{self._incidents}",
            type=kind,
            detail={"server": server, **detail},
        )
        return self._journal.write([event])

    def _spawned(self, server: str, pid: int) -> None:
        """A server's process, so that it is found and ended if we are not there to do it."""
        event = e.ProcessStarted(
            source="conductor",
            happened_at=self._journal.now(),
            session=self._place.session,
            call=f"{self._place.session}/mcp/{server}",
            pid=pid,
            born=born(pid) or "",
            host=host(),
        )
        self._journal.write([event])


async def _settled(answer: Answer) -> Answer:
    return answer


def servers_of(agent: AgentDefinition, servers: Servers) -> tuple[str, ...]:
    """The servers of `agent`: those it declares, those its steps call, and those its `tools` name if they are there."""
    named = [found[0] for tool in agent.tools if (found := server_of(tool))]
    stepped = [step.mcp.partition("/")[0] for step in agent.steps if step.mcp]
    return tuple(dict.fromkeys([*agent.mcp_servers, *stepped, *(name for name in named if name in servers)]))


def may_use(agent: AgentDefinition, tool: RemoteTool) -> bool:
    """Whether `agent` may: a server that it declares is all its own; one that only `tools` names, as far as named."""
    named = [found[1] for each in agent.tools if (found := server_of(each)) and found[0] == tool.server]
    if not named:
        return tool.server in agent.mcp_servers
    return None in named or "*" in named or tool.name in named
