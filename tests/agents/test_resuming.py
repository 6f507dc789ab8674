"""What a resumed conductor does with calls that were under way, places that are gone, and rivals."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import Conductor, load_roster
from orchestrion.agents.holding import Holding
from orchestrion.agents.identity import host
from orchestrion.agents.journal import SteadyClock
from orchestrion.agents.past import recall
from orchestrion.domain import events as e
from orchestrion.domain.errors import CannotRun, Conflict, LogUnavailable, NotFound, RuleBroken
from orchestrion.domain.record import Appended, Fact, Record
from orchestrion.eventstore import MemoryLog

Agent = Callable[..., Path]


class Mortal(MemoryLog):
    """A log that takes no more once it has met a fact of the kind `dies_at`, as if its conductor had died there."""

    dies_at = ""
    dead = False

    def append(self, stream: str, events: list[e.Event], *, expect: int) -> Appended:
        self._die_at(events)
        return super().append(stream, events, expect=expect)

    def observe(self, facts: list[Fact], **options: object) -> Appended:
        self._die_at([fact.event for fact in facts])
        return super().observe(facts, **options)

    def _die_at(self, events: list[e.Event]) -> None:
        self.dead = self.dead or any(event.kind == self.dies_at for event in events)
        if self.dead:
            raise LogUnavailable("dead")

    def facts(self) -> list[e.Event]:
        return [record.event for record in self.read() if isinstance(record, Record)]


@pytest.fixture
def mortal() -> MemoryLog:
    log = Mortal()
    yield log
    log.close()


@pytest.fixture
def die(mortal: Mortal, home: Path, workspace: Path) -> Callable[[str, str, Path], str]:
    """Runs a request until the conductor would say a fact of a kind; the session it leaves."""

    def run(request: str, kind: str, team: Path) -> str:
        mortal.dies_at = kind
        with pytest.raises(LogUnavailable):
            asyncio.run(Conductor(mortal, home=home).execute(request, workspace, load_roster(workspace, team=team)))
        mortal.dies_at, mortal.dead = "", False
        return mortal.facts()[0].session or ""

    return run


def resume(log: MemoryLog, home: Path, session: str, **options: object) -> object:
    return asyncio.run(Conductor(log, home=home).resume(session, **options))


def count(mark: Path) -> str:
    return f"open({str(mark)!r}, 'a').write('x')"


def test_a_call_under_way_that_is_idempotent_is_made_again(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    session = die("alpha", "tool.returned", agent("alpha", count(mark), step={"idempotent": True}))
    assert resume(mortal, home, session).status == "completed"
    assert mark.read_text() == "xx"
    kinds = [fact.kind for fact in mortal.facts()]
    assert [kinds.count(kind) for kind in ("agent.started", "tool.called", "tool.returned", "agent.completed")] == [
        1
    ] * 4
    assert kinds.count("process.started") == 2


def test_a_call_under_way_that_is_not_idempotent_is_lost_and_not_made_again(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    agent("beta")
    session = die("alpha", "tool.returned", agent("alpha", count(mark)))
    result = resume(mortal, home, session)
    assert result.status == "failed"
    assert mark.read_text() == "x"
    (failed,) = [fact for fact in mortal.facts() if isinstance(fact, e.AgentFailed)]
    assert failed.status == "lost"
    assert "whether it took effect is not known, and it is not declared idempotent" in failed.reason
    (returned,) = [fact for fact in mortal.facts() if isinstance(fact, e.ToolReturned)]
    assert returned.status == "interrupted"


@pytest.mark.parametrize("kind", ["agent.completed", "handoff.offered", "handoff.accepted", "session.ended"])
def test_an_answered_call_is_never_made_again(  # noqa: PLR0917 - each is a fixture
    kind: str, agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    agent("beta", after=["alpha-work"])
    session = die("alpha beta", kind, agent("alpha", count(mark)))
    assert resume(mortal, home, session).status == "completed"
    assert mark.read_text() == "x"
    kinds = [fact.kind for fact in mortal.facts()]
    assert [kinds.count(k) for k in ("agent.completed", "handoff.offered", "handoff.completed")] == [2, 1, 1]


def test_what_was_found_before_the_crash_is_known_after_it(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    script = 'print(\'{"runs": [{"results": [{"ruleId": "R", "message": {"text": "bad"}}]}]}\')'
    agent("beta", after=["alpha-work"])
    session = die("alpha beta", "handoff.offered", agent("alpha", script, step={"reads": "sarif"}))
    result = resume(mortal, home, session)
    assert [row["issue"] for row in result.findings] == ["bad"]
    assert [m["type"] for m in result.messages] == ["finding_report", "handoff"]


def test_a_session_whose_conductor_lives_is_refused(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    session = die("alpha", "tool.returned", agent("alpha"))
    holding = Holding(mortal, session, SteadyClock())
    holding.take(recall(mortal, session).lease)
    with pytest.raises(RuleBroken, match=r"is conducted by process .* orchestrion cancel"):
        resume(mortal, home, session)
    holding.forget()


def test_of_two_that_resume_one_session_one_wins(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    session = die("alpha", "tool.returned", agent("alpha", step={"idempotent": True}))
    lease = recall(mortal, session).lease
    first, second = (Holding(mortal, session, SteadyClock()) for _ in range(2))
    first.take(lease)
    with pytest.raises(RuleBroken, match="another conductor has just taken session"):
        second.take(lease)
    first.forget()
    second.take(recall(mortal, session).lease)
    with pytest.raises(Conflict):
        first.renew()
    second.forget()


def test_a_conductor_on_another_machine_is_waited_for_until_its_lease_ends(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    session = die("alpha", "tool.returned", agent("alpha", step={"idempotent": True}))
    lease = recall(mortal, session).lease
    taken = e.LeaseTaken(
        source="conductor",
        happened_at=SteadyClock()(),
        session=session,
        holder="hld_far",
        pid=1,
        born="boot/1",
        host=f"not-{host()}",
        lease_seconds=60,
    )
    mortal.append(f"lease-{session}", [taken], expect=lease.version)
    with pytest.raises(RuleBroken, match="which may be alive; its lease ends at"):
        resume(mortal, home, session)


def test_a_session_that_has_ended_or_never_was_is_refused(
    agent: Agent, play: Callable[..., object], log: MemoryLog, home: Path
) -> None:
    agent("alpha")
    session = play("alpha").result.session
    with pytest.raises(RuleBroken, match="has ended \\(completed\\); there is nothing to resume"):
        resume(log, home, session)
    with pytest.raises(NotFound):
        resume(log, home, "ses_nowhere")


def test_a_definition_that_is_gone_is_named(agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path) -> None:
    team = agent("alpha", step={"idempotent": True})
    session = die("alpha", "tool.returned", team)
    (team / "alpha.md").unlink()
    with pytest.raises(CannotRun, match=r"alpha\.md: the file of agent alpha is gone"):
        resume(mortal, home, session)


def test_a_working_copy_that_is_gone_is_made_anew_if_nothing_was_changed_in_it(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    session = die("alpha", "tool.returned", agent("alpha", step={"idempotent": True}))
    shutil.rmtree(home / "workspaces" / session)
    assert resume(mortal, home, session).status == "completed"


def test_a_working_copy_that_is_gone_with_its_changes_loses_the_session(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    agent("beta", after=["alpha-work"])
    team = agent("alpha", "open('new', 'w').write('n')", writes=True)
    session = die("alpha beta", "handoff.accepted", team)
    shutil.rmtree(home / "workspaces" / session)
    result = resume(mortal, home, session)
    assert (result.status, result.reason) == ("lost", "its working copy, with what was changed so far, is gone")
    assert [f.status for f in mortal.facts() if isinstance(f, e.SessionEnded)] == ["lost"]


def test_a_session_that_was_cancelled_while_nobody_conducted_it_is_not_gone_on_with(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    session = die("alpha", "tool.called", agent("alpha", count(mark), step={"idempotent": True}))
    asked = e.CancelRequested(source="user", session=session, by="ada")
    mortal.append(f"cancel-{session}", [asked], expect=0)
    assert resume(mortal, home, session).status == "cancelled"
    assert not mark.exists()
    assert [f.status for f in mortal.facts() if isinstance(f, e.AgentFailed)] == ["cancelled"]


def test_what_a_dead_conductors_agent_had_open_by_itself_was_interrupted(
    agent: Agent, die: Callable[..., str], mortal: Mortal, home: Path
) -> None:
    told = (
        '{"type": "system", "session_id": "s"}',
        '{"type": "assistant", "message": {"content": [{"type": "tool_use", "id": "toolu_1", "name": "Task"}]}}',
        '{"type": "assistant", "parent_tool_use_id": "toolu_1", "message": {"content":'
        ' [{"type": "tool_use", "id": "toolu_2", "name": "Read"}]}}',
        '{"type": "assistant", "message": {"content": [{"type": "text", "text": "I wait."}]}}',
    )
    session = die("alpha", "message.sent", agent("alpha", command=["printf", "%s\\n", *told]))
    assert resume(mortal, home, session).status == "failed"
    ends = {fact.call: fact.status for fact in mortal.facts() if isinstance(fact, e.ToolReturned)}
    assert ends == {"toolu_1": "interrupted", "toolu_2": "interrupted", f"{session}/alpha-1/1": "interrupted"}
    assert [fact.status for fact in mortal.facts() if isinstance(fact, e.AgentFailed)] == ["lost"]
