"""Tells the facts of one file of a session, each with what is known of its place: what most formats' readers share."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestrion.domain import events as e
from orchestrion.domain.record import Fact
from orchestrion.domain.streams import place, witnessed
from orchestrion.ingest.ledger import DUPLICATE, RECORDED, ignored
from orchestrion.ingest.values import mapping, text, tokens

MAIN = "main"
"""The agent of a session's own run, and that run's name within the session."""

HUMAN = "human"
ALL = "all"
TRANSFER = "transfer_to_"
"""How tools are named that give the work to another agent."""

PARTIAL = 0
"""The parser version of what another witness knows better, and so supersedes."""


class SessionReader(ABC):
    """Reads the values of one file in order; `line` tells one value's facts by the methods below."""

    product = ""
    parser = 1
    source: e.Source = "transcript"

    def __init__(self) -> None:
        self.session: str | None = None
        self.run: str | None = None
        self.agent: str | None = MAIN
        self.at: datetime | None = None
        self.ordinal = 0
        """The number of the value at hand, from 1: the identity of what has none of its own."""
        self._facts: list[Fact] = []
        self._begun: set[str] = set()

    def read(self, value: Any, facts: list[Fact]) -> str:
        """Add the facts of one value to `facts`; returns its class: recorded, duplicate, or ignored by a named rule."""
        self._facts, before = facts, len(facts)
        self.ordinal += 1
        if not isinstance(value, dict):
            return ignored("not-an-object")
        rule = self.line(value)
        if len(facts) > before:
            return RECORDED
        return DUPLICATE if rule == DUPLICATE else ignored(rule)

    @abstractmethod
    def line(self, value: dict[str, Any]) -> str:
        """Tell one value; returns the rule that holds if it brings no fact."""

    def tell(self, kind: type[e.Event], **fields: Any) -> str:
        """Tell a fact at its natural place, which is returned; `fields` go before what the line at hand says."""
        known = {
            "source": self.source,
            "parser": self.parser,
            "happened_at": self.at,
            "session": self.session,
            "run": self.run,
            "agent": self.agent,
        }
        if kind is e.UsageRecorded:
            fields |= {name: tokens(value) for name, value in fields.items() if name.endswith("_tokens")}
        fact = witnessed(kind(**{**known, **fields}))
        self._facts.append(fact)
        return place(fact)

    def begin(self, session: str, **known: Any) -> None:
        """Tell that a session and its own run exist, once; further facts are theirs."""
        self.session, self.run, self.agent = session, f"{session}/{MAIN}", MAIN
        if session in self._begun:
            return
        self._begun.add(session)
        self.tell(e.SessionStarted, run=None, agent=None, product=self.product, **known)
        self.tell(e.AgentStarted, **({"parser": known["parser"]} if "parser" in known else {}))

    def join(self, agent: str, run: str, **known: Any) -> None:
        """Tell that a run of an agent exists, once; its parent is the session's own unless `known` says so."""
        if run in self._begun:
            return
        self._begun.add(run)
        fields = {"parent_run": f"{self.session}/{MAIN}", **known}
        self.tell(e.AgentStarted, **{**fields, "run": run, "agent": agent})

    def named(self, name: str) -> str:
        """The run of an agent that the session knows by its name alone, told if it is new; none for a person."""
        run = f"{self.session}/{name}"
        self.join(name, run)
        return run

    def say(self, message: str, type: e.MessageType, sender: str, recipient: str, said: Any, **more: Any) -> str:
        """Tell a message; `said` is its text, or a whole payload. Returns its place."""
        payload = said if isinstance(said, dict) else {"context" if type == "context_share" else "text": said}
        fields = {"sender": sender, "recipient": recipient, "type": type, "payload": payload}
        return self.tell(e.MessageSent, message=message, **fields, **more)

    def call(self, call: str, tool: str, params: Any, **more: Any) -> str:
        """Tell a tool call, and the handoff that it may be. Returns its place."""
        fields = {"call": call, "tool": tool, "mcp_server": server_of(tool), "params": params, **more}
        cause = self.tell(e.ToolCalled, **fields)
        if tool.startswith(TRANSFER):
            task = spoken(mapping(params).get("message") or mapping(params).get("task"))
            self.hand_over(call, self.agent or MAIN, tool.removeprefix(TRANSFER), task, cause=cause)
        return cause

    def answer(self, call: str, status: e.CallStatus, result: Any, **more: Any) -> str:
        """Tell a tool's return; the text of a failure is its error. Returns its place."""
        failed = status != "ok" and isinstance(result, str) and result != ""
        told = {"error": result} if failed else {"result": result}
        return self.tell(e.ToolReturned, call=call, status=status, **{**told, **more})

    def incident(self, type: str, detail: Any, key: str | None = None) -> str:
        """Tell of something that is neither call nor message. Returns its place."""
        return self.tell(e.IncidentObserved, incident=key or self.own(), type=type, detail=detail)

    def own(self, name: object = None) -> str:
        """An id of the session's own for what has none, or none that is unique: by default the value's number."""
        return f"{self.session}:{self.ordinal if name is None else name}"

    def hand_over(self, handoff: str, giver: str, taker: str, task: str, **more: Any) -> str:
        """Tell that work was given to another agent. Returns its place."""
        return self.tell(e.HandoffOffered, handoff=handoff, giver=giver, taker=taker, task=task, **more)


def server_of(tool: str) -> str | None:
    """The MCP server in a tool's name `mcp__server__tool`; None if there is none."""
    kind, _, rest = tool.partition("__")
    server, separator, _ = rest.partition("__")
    return server if kind == "mcp" and separator and server else None


def spoken(content: Any) -> str:
    """The text of a message's content as any of the formats write it: a string, or blocks or parts with texts."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        content = content.get("content") or content.get("text") if "text" not in content else [content]
        return content if isinstance(content, str) else spoken(content) if isinstance(content, list) else ""
    if not isinstance(content, list):
        return ""
    pieces = [each if isinstance(each, str) else mapping(each).get("text") for each in content]
    return "\n\n".join(piece for piece in pieces if isinstance(piece, str) and piece)


def kind_of(value: dict[str, Any], name: str = "type") -> str:
    """What kind of line `value` says it is; `none` if it does not."""
    return text(value.get(name)) or "none"


def objects(values: Sequence[Any]) -> list[dict[str, Any]]:
    """Those of `values` that are JSON objects."""
    return [value for value in values if isinstance(value, dict)]
