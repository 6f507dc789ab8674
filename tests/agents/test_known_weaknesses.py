"""The weaknesses of the original system that the specification lists, each shown to be none of ours."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrion.agents import membership
from orchestrion.agents.assistance import request_assistance
from orchestrion.agents.exchange import ALL
from orchestrion.agents.handover import Handover
from orchestrion.agents.post import Letter, Post
from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.domain.record import Record
from orchestrion.eventstore import MemoryLog, open_log

FINDING = Letter("finding_report", {"severity": "high", "issue": "no validation", "file": "auth.py", "line": 42})
NAMES = [f"agent-{n:02}" for n in range(12)]


@pytest.fixture
def post(log: MemoryLog) -> Post:
    session = membership.begin_session(log, "talk")
    for name in NAMES:
        membership.register(log, session, name, ["work"])
    return Post(log, session)


def run_of(post: Post, number: int) -> str:
    return f"{post.session}/{NAMES[number]}-1"


def facts(log: MemoryLog, kind: type[e.Event]) -> list[e.Event]:
    return [r.event for r in log.read() if isinstance(r, Record) and isinstance(r.event, kind)]


def test_send_message_as_documented_does_not_throw_because_id_and_time_come_before_validation(post: Post) -> None:
    sent = post.send(run_of(post, 0), NAMES[1], FINDING)
    assert sent.message
    assert sent.happened_at


def test_a_message_to_all_reaches_everybody(post: Post) -> None:
    post.send(run_of(post, 0), ALL, FINDING)
    assert [len(post.take(run_of(post, number))) for number in range(12)] == [0] + [1] * 11


def test_a_broadcast_counts_as_one_message_and_eleven_deliveries(post: Post, log: MemoryLog) -> None:
    first, second = (post.send(run_of(post, 0), ALL, FINDING) for _ in range(2))
    for number in range(12):
        post.take(run_of(post, number))
    assert first.message != second.message
    delivered = {(f.message, f.run) for f in facts(log, e.MessageDelivered)}
    assert len(delivered) == len(facts(log, e.MessageDelivered)) == 22
    assert len(facts(log, e.MessageSent)) == 2


def test_what_is_said_on_the_bus_is_in_the_log_and_in_what_is_shown(tmp_path: Path) -> None:
    from orchestrion.projections import Store

    with open_log(tmp_path) as log:
        session = membership.begin_session(log, "talk")
        run, _ = (membership.register(log, session, name, []) for name in NAMES[:2])
        sent = Post(log, session).send(run, NAMES[1], FINDING)
        with Store(log, tmp_path / "projections") as store:
            store.catch_up()
            shown = store.query("SELECT message, sender, recipient, priority FROM messages").rows
            assert shown == [(sent.message, NAMES[0], NAMES[1], "high")]
            assert store.query("SELECT state FROM deliveries").rows == [("queued",)]


def test_a_second_pending_handoff_to_the_same_agent_stands_beside_the_first(post: Post, tmp_path: Path) -> None:
    handover = Handover(post, tmp_path)
    offers = [handover.offer(run_of(post, n), NAMES[2], {"task": f"task of {n}"}) for n in range(2)]
    assert [each.handoff for each in handover.pending(run_of(post, 2))] == [each.handoff for each in offers]
    taken = [handover.receive(run_of(post, 2))["task"] for _ in offers]
    assert taken == ["task of 0", "task of 1"]


def test_runs_are_real_and_so_is_what_is_said_of_their_success_and_duration(
    agent: Callable[..., Path], play: Callable[..., object]
) -> None:
    agent("alpha", "import time; time.sleep(0.3); print('done')")
    agent("beta", "raise SystemExit(3)")
    played = play("alpha beta")
    (completed,), (failed,) = played.of(e.AgentCompleted), played.of(e.AgentFailed)
    assert (completed.agent, failed.agent, failed.status) == ("alpha", "beta", "failed")
    assert completed.duration_ms >= 300
    assert {f.exit_code for f in played.of(e.ToolReturned)} == {0, 3}
    assert played.of(e.OutcomeJudged) == [], "nobody has judged the quality, so none is claimed"


def test_a_report_lists_the_agents_of_its_own_session_alone(tmp_path: Path) -> None:
    from orchestrion.projections import Store
    from orchestrion.tui.report import as_json, build

    with open_log(tmp_path) as log:
        sessions = [membership.begin_session(log, name) for name in ("first", "second")]
        for session, name in zip(sessions, NAMES, strict=False):
            membership.end_run(log, membership.start_run(log, session, name, "work"), summary="done")
        with Store(log, tmp_path / "projections") as store:
            store.catch_up()
            listed = [[each["agent"] for each in as_json(build(store, session))["agents"]] for session in sessions]
    assert listed == [NAMES[:1], NAMES[1:2]]


def test_help_is_never_asked_of_the_one_who_asks(post: Post, log: MemoryLog) -> None:
    for number in range(12):
        sent = request_assistance(post, run_of(post, number), "work", {}, seconds=0)
        assert sent.recipient != NAMES[number]
        post.reply(sent.recipient_runs[0], sent.message, Letter("response", {"text": "done"}))
    alone = membership.begin_session(log, "alone")
    asker = membership.register(log, alone, "asker", ["work"])
    membership.register(log, alone, "asker", ["work"])
    with pytest.raises(NotFound, match="nobody has the capability"):
        request_assistance(Post(log, alone), asker, "work", {}, seconds=0)


SENDER = """
import sys, os, signal
from pathlib import Path
from orchestrion.agents import membership
from orchestrion.agents.handover import Handover
from orchestrion.agents.post import Letter, Post
from orchestrion.eventstore import open_log

home = Path(sys.argv[1])
log = open_log(home)
session = membership.begin_session(log, "talk")
asker, helper = (membership.register(log, session, name, ["work"]) for name in ("asker", "helper"))
post = Post(log, session)
post.subscribe(helper, "auth")
post.send(asker, "helper", Letter("warning", {"warning": "soon gone"}))
Handover(post, home).offer(asker, "helper", {"task": "go on"})
print(session, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_everything_survives_the_death_of_the_process(tmp_path: Path) -> None:
    died = subprocess.run(
        [sys.executable, "-c", SENDER, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )
    assert died.returncode == -9, died.stderr
    session = died.stdout.strip()
    with open_log(tmp_path) as log:
        post = Post(log, session)
        helper = f"{session}/helper-1"
        assert [m.type for m in post.take(helper)] == ["warning", "handoff"]
        assert post.exchange.topics["auth"] == {helper}
        assert Handover(post, tmp_path).receive(helper)["task"] == "go on"
        assert request_assistance(post, helper, "work", {}, seconds=0).recipient == "asker"
