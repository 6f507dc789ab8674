"""Handoffs between agents of any process: offered by name, bound to the instance, judged when they are received."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from orchestrion.agents.membership import decided
from orchestrion.agents.package import Package, build_package, problems_of, used_of
from orchestrion.agents.post import Letter, Post
from orchestrion.domain import events as e
from orchestrion.domain import handoff as handoffs
from orchestrion.domain.bodies import whole
from orchestrion.domain.deciding import replay
from orchestrion.domain.errors import NotFound, Refused, RuleBroken
from orchestrion.domain.payloads import RANKS
from orchestrion.domain.record import Record
from orchestrion.domain.streams import new_id


class Handover:
    """The handoffs of a session. `workspace` is where the files lie that packages name."""

    def __init__(self, post: Post, workspace: Path) -> None:
        self._post, self._workspace = post, workspace

    def offer(self, giver: str, taker: str, given: Mapping[str, Any]) -> e.HandoffOffered:
        """The run `giver` offers work to a name or run, with what the log knows and what `given` adds.

        `given`: task; and, as wanted, outputs (goes into the execution context), recommendations, urgency,
        requires_validation, blocking_issues, dependencies, mcp_data. Raises Refused, NotFound, RuleBroken (giver).
        """
        post = self._post
        if not given.get("task"):
            raise Refused("a handoff needs a task: say what is to be done")
        post.exchange.catch_up()
        source, target = post.exchange.live.get(giver), post.exchange.resolve(taker, but=giver)
        if source is None:
            raise RuleBroken(
                f"the run {giver} is not at work in session {post.session}, so it has nothing to hand over"
            )
        known = build_package(
            self._facts(), run=giver, giver=source.agent, taker=target.agent, completed=(), validated_later=False
        )
        package = enriched(known, given)
        handoff = new_id("hnd")
        command = handoffs.Offer(
            handoff, post.session, giver, source.agent, target.agent, package.execution_context.task,
            package.urgency, package.as_json(), post.now(), f"run-{giver}@1", target.run,
        )  # fmt: skip
        (offered,) = self._decide(command)
        notice = {"handoff": handoff, "task": command.task}
        post.send(giver, target.run, Letter("handoff", notice, package.urgency))
        if not isinstance(offered, e.HandoffOffered):
            raise TypeError(f"an offer led to {offered.kind}")
        return offered

    def pending(self, taker: str) -> list[e.HandoffOffered]:
        """What was offered to the run `taker` and not answered, oldest first; every one has an id of its own."""
        offered, answered = [], set()
        for fact in self._facts():
            if isinstance(fact, e.HandoffOffered) and fact.taker_run == taker:
                offered.append(fact)
            elif isinstance(fact, e.HandoffAccepted | e.HandoffRejected):
                answered.add(fact.handoff)
        return [fact for fact in offered if fact.handoff not in answered]

    def receive(self, taker: str, handoff: str | None = None) -> dict[str, Any]:
        """Judge an offer to the run `taker` (the oldest, if none is named) and take it: handoff, giver, task, package.

        Raises NotFound if there is none; RuleBroken if it does not hold up: then it is rejected, and the reasons go
        to the giver as work.
        """
        waiting = self.pending(taker)
        found = next((each for each in waiting if handoff in (None, each.handoff)), None)
        if found is None:
            raise NotFound(f"no handoff {handoff or ''} waits for {taker}".replace("  ", " "))
        problems = problems_of(found.package, self._workspace, completed_tasks(self._facts()))
        if problems:
            self._decide(handoffs.Reject(found.handoff, found.taker, taker, problems, self._post.now()))
            said = f"The handoff {found.handoff} was rejected: {'; '.join(problems)}"
            if found.run in self._post.exchange.live:
                self._post.send(taker, found.run, Letter("task", {"text": said, "handoff": found.handoff}, "high"))
            raise RuleBroken(said)
        self._decide(handoffs.Accept(found.handoff, found.taker, taker, self._post.now()))
        return {"handoff": found.handoff, "giver": found.giver, "task": found.task, "package": found.package}

    def complete(self, taker: str, handoff: str, status: e.RunStatus = "completed") -> tuple[str, ...]:
        """The handed-over work has ended; what of the package the taker used, as the log shows it."""
        used = self._used(taker, handoff)
        name = self._post.exchange.live[taker].agent if taker in self._post.exchange.live else taker
        self._decide(handoffs.Complete(handoff, name, taker, status, used, self._post.now()))
        return used

    def history(self) -> list[dict[str, Any]]:
        """Every handoff of the session, oldest first, with its state."""
        rows: dict[str, dict[str, Any]] = {}
        for fact in self._facts():
            match fact:
                case e.HandoffOffered():
                    keep = {"handoff", "giver", "taker", "task", "urgency", "happened_at", "package"}
                    rows[fact.handoff] = {
                        **fact.model_dump(include=keep),
                        "status": "offered",
                        "problems": [],
                        "used": [],
                    }
                case e.HandoffAccepted():
                    rows[fact.handoff]["status"] = "accepted"
                case e.HandoffRejected():
                    rows[fact.handoff] |= {"status": "rejected", "problems": list(fact.problems)}
                case e.HandoffCompleted():
                    rows[fact.handoff] |= {"status": fact.status, "used": list(fact.used)}
                case _:
                    pass
        return list(rows.values())

    def _used(self, taker: str, handoff: str) -> tuple[str, ...]:
        facts = self._facts()
        offers = [fact for fact in facts if isinstance(fact, e.HandoffOffered) and fact.handoff == handoff]
        return used_of(offers[0].package if offers else {}, facts, taker)

    def _decide(self, command: handoffs.Command) -> list[e.Event]:
        def answering(past: list[e.Event]) -> list[e.Event]:
            return list(handoffs.decide(replay(handoffs.evolve, handoffs.Handoff(), past), command))

        return decided(self._post.log, f"handoff-{command.handoff}", answering)

    def _facts(self) -> list[e.Event]:
        """All that happened in the session, in full."""
        log, session = self._post.log, self._post.session
        began = log.read_stream(f"session-{session}")[0].position - 1
        found = (record.event for record in log.read(after=began) if isinstance(record, Record))
        return [whole(event, log.blob) for event in found if event.session == session]


def completed_tasks(facts: Iterable[e.Event]) -> set[str]:
    """Tasks that ended well: their ids, and what they were called."""
    done: set[str] = set()
    tasks: dict[str | None, tuple[str | None, str | None]] = {}
    for fact in facts:
        if isinstance(fact, e.AgentStarted):
            tasks[fact.run] = (fact.task_id, fact.task)
        elif isinstance(fact, e.AgentCompleted):
            done |= {name for name in tasks.get(fact.run, ()) if name}
    return done


def enriched(package: Package, given: Mapping[str, Any]) -> Package:
    """`package` with what the giver adds; lists are joined, the rest replaced. Raises Refused for what has no place."""
    data = package.as_json()
    for name, value in given.items():
        key = to_camel(name)
        if key == "task":
            data["executionContext"]["task"] = value
        elif key == "outputs" and isinstance(value, Mapping):
            _add_outputs(data["executionContext"], value)
        elif isinstance(value, Mapping) and isinstance(data.get(key), dict):
            for inner, more in value.items():
                _add(data[key], to_camel(inner) if key != "mcpData" else inner, more)
        elif key == "urgency" and value in RANKS:
            data[key] = max(data[key], value, key=RANKS.index)
        else:
            _add(data, key, value)
    try:
        return Package.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise Refused(f"this cannot be handed over: {where}: {first['msg']}") from error


def _add_outputs(context: dict[str, Any], outputs: Mapping[str, Any]) -> None:
    """What the package has a place for goes there; the rest is told as discoveries."""
    for name, value in outputs.items():
        if to_camel(name) in context:
            _add(context, to_camel(name), value)
        else:
            context["discoveries"] = [*context["discoveries"], f"{name}: {value}"]


def _add(part: dict[str, Any], key: str, value: Any) -> None:
    if isinstance(part.get(key), list) and isinstance(value, list | tuple):
        part[key] = [*part[key], *(each for each in value if each not in part[key])]
    else:
        part[key] = value
