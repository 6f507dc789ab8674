"""Messages between the agents of a session: each is a fact, and so is what becomes of it at every recipient."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from orchestrion.agents.journal import Journal
from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import MessageDelivered, MessageExpired, MessageSent, MessageType, Priority
from orchestrion.domain.payloads import checked, priority_of
from orchestrion.domain.streams import new_id

ALL = "all"
CONDUCTOR = "conductor"


@dataclass
class Member:
    """One instance that can be spoken to, and what lies in its inbox."""

    run: str
    agent: str
    inbox: deque[MessageSent] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Draft:
    """A message before it has a sender, an id and a time."""

    type: MessageType
    payload: dict[str, Any]
    priority: Priority | None = None
    in_reply_to: str | None = None
    thread: str | None = None


class Bus:
    """Addresses are instances (runs); a name stands for its live instance."""

    def __init__(self, journal: Journal, session: str) -> None:
        self._journal, self._session = journal, session
        self._members: dict[str, Member] = {}
        self.sent: list[MessageSent] = []

    def __contains__(self, run: object) -> bool:
        return run in self._members

    def join(self, run: str, agent: str) -> None:
        """From now on `run` can be spoken to."""
        self._members.setdefault(run, Member(run, agent))

    def leave(self, run: str, reason: str) -> None:
        """`run` can be spoken to no more; what it has not taken expires for `reason`."""
        member = self._members.pop(run, None)
        if member is None:
            return
        self._journal.write_all(
            [
                MessageExpired(
                    **self._about(message, member), recipient=member.agent, message=message.message, reason=reason
                )
                for message in member.inbox
            ]
        )

    def send(self, sender: str, recipient: str, draft: Draft, *, cause: str | None = None) -> MessageSent:
        """Say something from the run `sender` to an agent or a run. Raises NotFound and Refused (payload)."""
        target = self._instance(recipient, but=sender)
        return self._post(sender, target.agent, [target], [draft], cause)[0]

    def broadcast(self, sender: str, drafts: Sequence[Draft], *, cause: str | None = None) -> list[MessageSent]:
        """Say each of `drafts` to all agents but the sender: one message each, delivered to each. Raises Refused."""
        others = [m for m in self._members.values() if m.run != sender and m.agent != CONDUCTOR]
        return self._post(sender, ALL, others, drafts, cause)

    def reply(self, sender: str, to: MessageSent, draft: Draft, *, cause: str | None = None) -> MessageSent:
        """Answer the run that said `to`. Raises NotFound and Refused."""
        target = self._instance(to.run or to.sender, but=sender)
        answer = Draft(draft.type, draft.payload, draft.priority, to.message, to.thread or to.message)
        return self._post(sender, target.agent, [target], [answer], cause)[0]

    def take(self, run: str) -> list[MessageSent]:
        """What was said to `run` since it last looked; with this it is delivered."""
        member = self._members[run]
        taken = list(member.inbox)
        self._journal.write_all(
            [MessageDelivered(**self._about(m, member), recipient=member.agent, message=m.message) for m in taken]
        )
        member.inbox.clear()
        return taken

    def _instance(self, address: str, *, but: str) -> Member:
        member = self._members.get(address)
        named = [m for m in self._members.values() if m.agent == address and m.run != but]
        if member is None and not named:
            raise NotFound(f"nobody called {address!r} is there to be spoken to in session {self._session}")
        return member or named[-1]

    def _post(
        self, sender: str, recipient: str, targets: Sequence[Member], drafts: Sequence[Draft], cause: str | None
    ) -> list[MessageSent]:
        runs = tuple(target.run for target in targets)
        messages = [self._message(sender, recipient, runs, draft, cause) for draft in drafts]
        self._journal.write_all(messages)
        for target in targets:
            target.inbox.extend(messages)
        self.sent += messages
        return messages

    def _message(
        self, sender: str, recipient: str, runs: tuple[str, ...], draft: Draft, cause: str | None
    ) -> MessageSent:
        payload = checked(draft.type, draft.payload)
        identity = new_id("msg")
        agent = self._members[sender].agent if sender in self._members else sender
        return MessageSent(
            source="conductor",
            happened_at=self._journal.now(),
            session=self._session,
            run=sender,
            agent=agent,
            cause=cause,
            message=identity,
            sender=agent,
            recipient=recipient,
            recipient_runs=runs,
            type=draft.type,
            priority=priority_of(payload, draft.priority),
            payload=payload.model_dump(mode="json", exclude_none=True),
            in_reply_to=draft.in_reply_to,
            thread=draft.thread or identity,
        )

    def _about(self, message: MessageSent, member: Member) -> dict[str, Any]:
        return {
            "source": "conductor",
            "happened_at": self._journal.now(),
            "session": self._session,
            "run": member.run,
            "agent": member.agent,
            "cause": f"message-{message.message}@1",
        }
