"""Handoffs between agents of a session: offered with a package, held against the workspace, taken or turned down."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrion.agents.bus import Bus, Draft
from orchestrion.agents.definition import AgentDefinition
from orchestrion.agents.handover import completed_tasks, enriched
from orchestrion.agents.journal import Journal
from orchestrion.agents.package import build_package, problems_of, used_of
from orchestrion.agents.workspace import Workspace
from orchestrion.domain import handoff as handoffs
from orchestrion.domain.bodies import whole
from orchestrion.domain.events import Event, HandoffAccepted, HandoffOffered, HandoffRejected, RunStatus

HANDOFF = "handoff"


@dataclass
class Offer:
    """One handoff as this session knows it."""

    handoff: str
    giver: str
    giver_run: str
    taker: str
    taker_run: str
    task: str
    urgency: str
    package: dict[str, Any]
    completed: tuple[str, ...]
    status: str = "offered"
    problems: tuple[str, ...] = ()
    place: str = ""
    used: tuple[str, ...] = field(default=())
    redone: bool = False
    """Whether its giver has put it right by another offer."""


class Handing:
    """Every handoff has an id of its own, so two to one agent are two."""

    def __init__(self, journal: Journal, bus: Bus, session: str, place: Workspace) -> None:
        self._journal, self._bus, self._session, self._place = journal, bus, session, place
        self._offers: list[Offer] = []

    def offer(
        self,
        giver: AgentDefinition,
        run: str,
        taker: AgentDefinition,
        taker_run: str,
        *,
        task: str,
        completed: list[str],
        given: Mapping[str, Any] | None = None,
        name: str | None = None,
    ) -> str:
        """Offer `task` to the run of `taker`, with what the log knows of the giver's run; the handoff's id.

        `given` is what the giver adds (see `Handover.offer`), `name` the id if it is not numbered. Raises Refused.
        """
        package = build_package(
            self._journal.facts(self._session),
            run=run,
            giver=giver.name,
            taker=taker.name,
            completed=completed,
            validated_later=taker.validation is not None,
        )
        package = enriched(package, given or {})
        identity = name or self._journal.identity(HANDOFF, run)
        known = [event for event in self._journal.past(f"handoff-{identity}") if isinstance(event, HandoffOffered)]
        data = known[0].package if known else package.as_json()
        offer = Offer(identity, giver.name, run, taker.name, taker_run, task, package.urgency, data, tuple(completed))
        command = handoffs.Offer(
            identity,
            self._session,
            run,
            giver.name,
            taker.name,
            task,
            package.urgency,
            data,
            self._journal.now(),
            f"run-{run}@{1 if name else 2}",
            taker_run,
        )
        offer.place = self._journal.handoff(command)
        self._offers = [each for each in self._offers if each.handoff != identity] + [offer]
        notice = Draft("handoff", {"handoff": identity, "task": task}, package.urgency, name=name and f"{name}/notice")
        self._bus.send(run, taker_run, notice, cause=offer.place)
        return identity

    def restore(self, facts: Iterable[Event], agents: Mapping[str, AgentDefinition]) -> None:
        """Take up what runs offered by themselves before the conductor was resumed; the rest is offered anew."""
        for fact in facts:
            if not isinstance(fact, HandoffOffered) or fact.giver not in agents:
                continue
            run, now = fact.run or "", self._journal.now()
            if fact.handoff.startswith(f"{run}/{HANDOFF}-"):
                continue
            command = handoffs.Offer(
                fact.handoff, self._session, run, fact.giver, fact.taker, fact.task, fact.urgency, fact.package, now
            )
            place, taker_run = self._journal.handoff(command), fact.taker_run or ""
            self._offers.append(
                Offer(
                    fact.handoff, fact.giver, run, fact.taker, taker_run, fact.task, fact.urgency,
                    fact.package, (), place=place,
                )
            )  # fmt: skip

    def take(self, agent: AgentDefinition, run: str) -> list[dict[str, Any]]:
        """Everything offered to `run` since: the packages that hold up; the others are rejected with reasons.

        The reasons go to the giver, as a task if it is still at work, else see `rejected`.
        """
        packages = []
        self._take_in(self._bus.offers(run))
        for offer in self._offers_to(run, "offered"):
            offer.problems = self._judged(offer)
            now = self._journal.now()
            if offer.problems:
                offer.status = "rejected"
                command: handoffs.Command = handoffs.Reject(offer.handoff, agent.name, run, offer.problems, now)
            else:
                offer.status = "accepted"
                command = handoffs.Accept(offer.handoff, agent.name, run, now)
                packages.append(offer.package)
            offer.place = self._journal.handoff(command)
            if offer.problems and offer.giver_run in self._bus:
                said = {"text": f"{agent.name} rejected your handoff {offer.handoff}: {'; '.join(offer.problems)}"}
                task = Draft("task", said, "high", name=f"{offer.handoff}/rejection")
                self._bus.send(run, offer.giver_run, task, cause=offer.place)
        return packages

    def accepted(self, run: str) -> list[dict[str, Any]]:
        """The packages that `run` has taken."""
        return [offer.package for offer in self._offers_to(run, "accepted")]

    def completed(self, run: str) -> list[dict[str, Any]]:
        """The packages that `run` took and worked by."""
        return [offer.package for offer in self._offers_to(run, "completed")]

    def rejected(self, run: str) -> list[Offer]:
        """What `run` has turned down and nobody has put right."""
        return [offer for offer in self._offers_to(run, "rejected") if not offer.redone]

    def _take_in(self, offers: Iterable[HandoffOffered]) -> None:
        """Know what programs of the session's agents, and its guests, offered through the log."""
        known = {offer.handoff for offer in self._offers}
        for fact in offers:
            if fact.handoff in known:
                continue
            found = whole(fact, self._journal.log.blob)
            package = found.package if isinstance(found, HandoffOffered) else {}
            done = tuple(completed_tasks(self._journal.facts(self._session)))
            place = self._journal.adopt_offer(fact)
            offer = Offer(
                fact.handoff, fact.giver, fact.run or "", fact.taker, fact.taker_run or "", fact.task, fact.urgency,
                package, done, place=place,
            )  # fmt: skip
            self._offers.append(offer)

    def _judged(self, offer: Offer) -> tuple[str, ...]:
        """What speaks against an offer: what was said of it already, else what is found now."""
        for event in self._journal.past(f"handoff-{offer.handoff}"):
            if isinstance(event, HandoffAccepted):
                return ()
            if isinstance(event, HandoffRejected):
                return event.problems
        return problems_of(offer.package, self._place.work, offer.completed)

    def problems(self, run: str) -> list[str]:
        """Why handoffs to `run` were rejected."""
        return [f"{offer.giver}: {each}" for offer in self.rejected(run) for each in offer.problems]

    def cause(self, run: str) -> str | None:
        """The place of the last answer `run` gave to a handoff."""
        answered = [offer for offer in self._offers if offer.taker_run == run]
        return answered[-1].place if answered else None

    def complete(self, run: str, agent: str, status: RunStatus) -> None:
        """The work `run` took over has ended; what it used of the packages is in the log."""
        for offer in self._offers_to(run, "accepted"):
            offer.status, offer.used = "completed", used_of(offer.package, self._journal.facts(self._session), run)
            command = handoffs.Complete(offer.handoff, agent, run, status, offer.used, self._journal.now())
            self._journal.handoff(command)

    def rows(self) -> list[dict[str, Any]]:
        """Every handoff with its state, as far as it was answered here."""
        self._take_in(self._bus.everything_offered())
        return [
            {
                "handoff": offer.handoff,
                "giver": offer.giver,
                "taker": offer.taker,
                "task": offer.task,
                "urgency": offer.urgency,
                "status": offer.status,
                "problems": list(offer.problems),
                "used": list(offer.used),
            }
            for offer in self._offers
        ]

    def _offers_to(self, run: str, status: str) -> list[Offer]:
        return [offer for offer in self._offers if offer.taker_run == run and offer.status == status]


def reasons_of(offers: Iterable[Offer]) -> list[str]:
    """Why `offers` were rejected, each reason once."""
    return list(dict.fromkeys(problem for offer in offers for problem in offer.problems))
