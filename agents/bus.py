"""Messages between the agents of a session: each is a fact, and so is what becomes of it at every recipient."""

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from orchestrion.agents.exchange import ALL, CONDUCTOR, HUMAN, Instance, Talk
from orchestrion.agents.journal import MESSAGE, Journal
from orchestrion.agents.outside import Outside
from orchestrion.domain.errors import NotFound
from orchestrion.domain.events import (
    Event,
    HandoffOffered,
    MessageDelivered,
    MessageExpired,
    MessageSent,
    MessageType,
    Priority,
)
from orchestrion.domain.payloads import checked, priority_of
from orchestrion.domain.streams import stream_of

PROGRESS = "progress_update"


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
    topic: str | None = None
    name: str | None = None
    """Its id, where that follows from the call that says it; else it is numbered within its run."""


class Bus:
    """Addresses are instances (runs); a name stands for its live instance."""

    def __init__(self, journal: Journal, session: str, talk: Talk | None = None) -> None:
        self._journal, self._session, self.talk = journal, session, talk or Talk()
        self._members: dict[str, Member] = {}
        self._waiting: dict[str, list[MessageSent]] = defaultdict(list)
        self._outside = Outside(journal.log, session)
        self._known: set[str] = set()

    def restore(self, facts: Iterable[Event]) -> None:
        """Take up what the log knows was said: what a run has not got yet waits until it joins again."""
        facts = list(facts)
        settled = {(f.message, f.run) for f in facts if isinstance(f, MessageDelivered | MessageExpired)}
        for message in (fact for fact in facts if isinstance(fact, MessageSent)):
            self._known.add(message.message)
            for run in message.recipient_runs:
                if (message.message, run) not in settled:
                    self._waiting[run].append(message)

    def expire_rest(self, reason: str) -> None:
        """What was restored for runs that did not come back will not be delivered any more."""
        for run, messages in self._waiting.items():
            member = Member(run, run.rpartition("/")[2].rpartition("-")[0], deque(messages))
            self._expire(member, reason)
        self._waiting.clear()

    def __contains__(self, run: object) -> bool:
        return run in self._members

    def join(self, run: str, agent: str) -> None:
        """From now on `run` can be spoken to."""
        if run not in self._members:
            self._members[run] = Member(run, agent, deque(self._waiting.pop(run, ())))

    def leave(self, run: str, reason: str) -> None:
        """`run` can be spoken to no more; what it has not taken expires for `reason`."""
        if member := self._members.pop(run, None):
            self._outside.expire(run, self._known, reason)
            self._expire(member, reason)

    def _expire(self, member: Member, reason: str) -> None:
        self._journal.write_all(
            [
                MessageExpired(
                    **self._about(message, member), recipient=member.agent, message=message.message, reason=reason
                )
                for message in member.inbox
                if not self._outside.has_got(message.message, member.run)
            ]
        )

    def send(self, sender: str, recipient: str, draft: Draft, *, cause: str | None = None) -> MessageSent:
        """Say something from the run `sender` to an agent, a run or `human`. Raises NotFound and Refused (payload)."""
        target = self._instance(recipient, but=sender)
        return self._post(sender, target.agent, [target], [draft], cause)[0]

    def broadcast(self, sender: str, drafts: Sequence[Draft], *, cause: str | None = None) -> list[MessageSent]:
        """Say each of `drafts` to all agents but the sender: one message each, delivered to each. Raises Refused.

        How far the sender is concerns the conductor alone.
        """
        if any(draft.type == PROGRESS for draft in drafts):
            return [
                self.send(sender, CONDUCTOR, draft, cause=cause)
                if draft.type == PROGRESS
                else self.broadcast(sender, [draft], cause=cause)[0]
                for draft in drafts
            ]
        others = [m for m in self._members.values() if m.run != sender and m.agent != CONDUCTOR]
        others += [Member(each.run, each.agent) for each in self._outside.agents(but=self._members)]
        return self._post(sender, ALL, others, drafts, cause)

    def publish(self, sender: str, draft: Draft, *, cause: str | None = None) -> MessageSent:
        """Say something to whoever subscribed to the draft's topic, perhaps nobody. Raises Refused."""
        listening = [Member(each.run, each.agent) for each in self._outside.subscribers(draft.topic or "", but=sender)]
        targets = [self._members.get(each.run, each) for each in listening]
        return self._post(sender, ALL, targets, [draft], cause)[0]

    def reply(self, sender: str, to: MessageSent, draft: Draft, *, cause: str | None = None) -> MessageSent:
        """Answer the run that said `to`. Raises NotFound and Refused."""
        target = self._instance(to.run or to.sender, but=sender)
        answer = Draft(draft.type, draft.payload, draft.priority, to.message, to.thread or to.message)
        return self._post(sender, target.agent, [target], [answer], cause)[0]

    def able(self, capability: str, *, but: str) -> list[Instance]:
        """Who has `capability` and is there now, the most able first; never the asker."""
        return self._outside.able(capability, but=but)

    def everything_said(self) -> list[MessageSent]:
        """Every message of the session, here or by another process, oldest first."""
        return self._outside.messages()

    def everything_offered(self) -> list[HandoffOffered]:
        """Every handoff of the session, likewise."""
        return self._outside.everything_offered()

    def offers(self, run: str) -> list[HandoffOffered]:
        """What was ever offered to `run`, here or by another process."""
        return self._outside.offers(run)

    def take(self, run: str) -> list[MessageSent]:
        """What was said to `run` since it last looked, by whichever process; with this it is delivered."""
        member = self._members[run]
        from_outside = self._outside.take(run, self._known)
        now = self._journal.now()
        late = [m for m in member.inbox if m.expires_at is not None and m.expires_at <= now]
        taken = [m for m in member.inbox if m not in late and not self._outside.has_got(m.message, run)]
        member.inbox = deque(late)
        self._expire(member, "its time ran out")
        self._journal.write_all(
            [MessageDelivered(**self._about(m, member), recipient=member.agent, message=m.message) for m in taken]
        )
        member.inbox.clear()
        return taken + from_outside

    def _instance(self, address: str, *, but: str) -> Member:
        box = f"{self._session}/{HUMAN}"
        if address in {HUMAN, box}:
            return Member(box, HUMAN)
        member = self._members.get(address)
        named = [m for m in self._members.values() if m.agent == address and m.run != but]
        if member is None and not named:
            outside = self._outside.agents(but=self._members)
            named = [Member(each.run, each.agent) for each in outside if address in (each.run, each.agent)]
        if member is None and not named:
            raise NotFound(f"nobody called {address!r} is there to be spoken to in session {self._session}")
        return member or named[-1]

    def _post(
        self, sender: str, recipient: str, targets: Sequence[Member], drafts: Sequence[Draft], cause: str | None
    ) -> list[MessageSent]:
        runs = tuple(target.run for target in targets)
        made = [self._message(sender, recipient, runs, draft, cause) for draft in drafts]
        messages = [message for message in self._journal.write_all(made) if isinstance(message, MessageSent)]
        new = [message for message in messages if not self._journal.past(stream_of(message))]
        for target in targets:
            target.inbox.extend(new)
        self._known |= {message.message for message in new}
        return messages

    def _message(
        self, sender: str, recipient: str, runs: tuple[str, ...], draft: Draft, cause: str | None
    ) -> MessageSent:
        payload = checked(draft.type, draft.payload)
        identity = draft.name or self._journal.identity(MESSAGE, sender)
        agent, now = self._members[sender].agent if sender in self._members else sender, self._journal.now()
        return MessageSent(
            source="conductor",
            happened_at=now,
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
            topic=draft.topic,
            expires_at=now + timedelta(seconds=self.talk.seconds) if self.talk.seconds is not None else None,
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
