"""Subagents: who spawned whom, what they were asked and answered, told alike by every file that shows them."""

import itertools
import json

import pytest

ASK = {"description": "look", "prompt": "Find the till", "subagent_type": "scout"}
STUB = {"isAsync": True, "status": "async_launched", "agentId": "a1", "description": "look", "prompt": "Find the till"}


def answer(text, agent_id="a1", **extra):
    tail = f"agentId: {agent_id} (for resuming)\n<usage>total_tokens: 9\ntool_uses: 1\nduration_ms: 4200</usage>"
    return [{"type": "text", "text": text}, {"type": "text", "text": tail}]


def agent_file(session_of, session, agent_id="a1"):
    """A subagent's own file: asked, one call, answered."""
    own = session_of(session, agent=agent_id)
    own.user("Find the till")
    own.assistant("Looking.")
    own.call(f"toolu_in_{agent_id}", "Grep", pattern="till")
    own.result(f"toolu_in_{agent_id}", "till.py")
    own.assistant("It is in till.py")
    return own


def trunk(transcript, own=None, *, result=True):
    """A session that asks the subagent, with copies of its lines where `own` is given."""
    transcript.user("go")
    transcript.call("toolu_1", "Task", **ASK)
    for line in own.lines[:-1] if own else ():
        if line["message"]["content"] != [{"type": "text", "text": "Looking."}]:  # copies are not complete
            transcript.copy("toolu_1", own.agent, line)
    if result:
        extra = {"status": "completed", "agentId": "a1", "totalDurationMs": 4200, "totalTokens": 9}
        transcript.result("toolu_1", answer("It is in till.py"), toolUseResult=extra)
        transcript.assistant("Found.")
    return transcript


def test_a_spawn_and_its_answer_make_a_run_a_task_a_result_and_a_handoff(workshop, transcript):
    workshop.bring_lines(trunk(transcript))
    child = f"{transcript.session}/a1"
    run = workshop.rows("FROM agent_runs WHERE parent_run IS NOT NULL")[0]
    assert (run["run"], run["agent"], run["parent_call"], run["task"]) == (child, "scout", "toolu_1", "Find the till")
    assert (run["parent_run"], run["status"], run["duration_ms"]) == (f"{transcript.session}/main", "completed", 4200)
    said = workshop.rows("SELECT * FROM messages WHERE type IN ('task', 'result') ORDER BY position")
    assert [(row["sender"], row["recipient"], json.loads(row["payload"])["text"]) for row in said] == [
        ("main", "scout", "Find the till"),
        ("scout", "main", "It is in till.py"),
    ]
    (handoff,) = workshop.rows("FROM handoffs")
    assert (handoff["giver"], handoff["taker"], handoff["status"]) == ("main", "scout", "completed")
    assert handoff["accepted_at"] is None, "only a sign of life shows that the work was taken on"


@pytest.mark.parametrize("ask", [{"subagent_type": "scout"}, {"name": "scout"}])
def test_an_agent_is_named_by_its_type_or_its_name(workshop, transcript, ask):
    transcript.call("toolu_1", "Agent", prompt="p", **ask)
    transcript.result("toolu_1", answer("done"))
    workshop.bring_lines(transcript)
    assert workshop.rows("SELECT agent FROM agent_runs WHERE parent_call = 'toolu_1'") == [{"agent": "scout"}]


def test_an_agent_without_a_name_is_called_agent(workshop, transcript):
    transcript.call("toolu_1", "Task", prompt="p", description="d")
    transcript.result("toolu_1", answer("done"))
    workshop.bring_lines(transcript)
    assert workshop.rows("SELECT agent FROM agent_runs WHERE parent_call = 'toolu_1'") == [{"agent": "agent"}]


def test_a_spawn_whose_agent_is_never_named_stays_an_unresolved_call(workshop, transcript):
    transcript.call("toolu_1", "Task", **ASK)
    transcript.call("toolu_2", "Task", **ASK)
    transcript.result("toolu_2", "Agent type 'scout' not found", error=True)
    workshop.bring_lines(transcript)
    assert len(workshop.rows("FROM agent_runs")) == 1
    assert workshop.rows("SELECT status FROM tool_calls ORDER BY call") == [
        {"status": "unresolved"},
        {"status": "error"},
    ]


def test_the_agents_file_and_the_trunks_copies_tell_the_same_in_any_order(workshop, session_of, tmp_path):
    session = "5e551011-0000"
    own = agent_file(session_of, session)
    files = [trunk(session_of(session), own).write(tmp_path / "t.jsonl"), own.write(tmp_path / "x" / "agent-a1.jsonl")]
    told = []
    for number, order in enumerate([files, files[::-1]]):
        shop = workshop.fresh(f"order{number}")
        reports = [shop.bring(path).as_json() for path in order]
        assert [row["conflicts"] for report in reports for row in report["ledger"]] == [0, 0]
        told.append(shop.tables())
    assert told[0] == told[1]
    assert len(told[0]["agent_runs"]) == 2
    assert len(told[0]["tool_calls"]) == 2
    assert len(told[0]["usage"]) == 5, "two requests of the trunk, three of the agent, each once"


def test_copies_alone_tell_what_the_agent_did(workshop, transcript, session_of):
    own = agent_file(session_of, transcript.session)
    workshop.bring_lines(trunk(transcript, own))
    call = workshop.rows("SELECT run, agent, status FROM tool_calls WHERE tool = 'Grep'")
    assert call == [{"run": f"{transcript.session}/a1", "agent": "scout", "status": "ok"}]
    assert workshop.rows("SELECT accepted_at IS NOT NULL AS taken FROM handoffs") == [{"taken": True}]


def test_an_agents_file_alone_is_a_run_of_its_trunks_session(workshop, session_of):
    workshop.bring_lines(agent_file(session_of, "5e551011-0000"))
    runs = workshop.rows("SELECT run, agent, parent_run, task FROM agent_runs ORDER BY parent_run NULLS FIRST")
    assert runs == [
        {"run": "5e551011-0000/main", "agent": "main", "parent_run": None, "task": None},
        {"run": "5e551011-0000/a1", "agent": "a1", "parent_run": "5e551011-0000/main", "task": "Find the till"},
    ]
    assert len(workshop.rows("FROM sessions")) == 1


def test_what_stands_beside_an_agents_file_names_it(workshop, session_of, tmp_path):
    path = agent_file(session_of, "s").write(tmp_path / "subagents" / "agent-a1.jsonl")
    path.with_suffix(".meta.json").write_text(json.dumps({"agentType": "scout", "toolUseId": "toolu_1"}))
    workshop.bring(path)
    run = workshop.rows("SELECT agent, parent_call FROM agent_runs WHERE parent_run IS NOT NULL")
    assert run == [{"agent": "scout", "parent_call": "toolu_1"}]
    path.with_suffix(".meta.json").write_text("no JSON")
    assert workshop.bring(path).as_json()["files"] == 1


def test_a_trunk_brings_its_subagents_along_where_they_are_now_and_where_they_were(workshop, session_of, tmp_path):
    session = "5e551011-0000"
    path = trunk(session_of(session)).write(tmp_path / f"{session}.jsonl")
    agent_file(session_of, session).write(tmp_path / session / "subagents" / "agent-a1.jsonl")
    agent_file(session_of, session, "a2").write(tmp_path / "agent-a2.jsonl")
    agent_file(session_of, "another", "a3").write(tmp_path / "agent-a3.jsonl")
    report = workshop.bring(path)
    assert [row.path.name for row in report.rows] == [f"{session}.jsonl", "agent-a1.jsonl", "agent-a2.jsonl"]
    assert len(workshop.rows("FROM sessions")) == 1


def test_a_compaction_helper_has_the_trunk_as_parent(workshop, session_of):
    own = session_of("s", agent="acompact-77")
    own.user("Your task is to summarise", parentUuid="somewhere-in-the-trunk")
    own.assistant("Summary.")
    workshop.bring_lines(own)
    run = workshop.rows("SELECT run, agent, parent_run FROM agent_runs WHERE parent_run IS NOT NULL")
    assert run == [{"run": "s/acompact-77", "agent": "acompact", "parent_run": "s/main"}]


def test_agents_spawn_agents(workshop, session_of, tmp_path):
    """A nested result names its agent in its tail alone."""
    session = "5e551011-0000"
    outer = session_of(session, agent="a1")
    outer.user("Find the till")
    outer.call("toolu_n", "Agent", prompt="Go deeper", subagent_type="digger")
    outer.result("toolu_n", answer("deep", agent_id="b2"))
    outer.assistant("done")
    inner = session_of(session, agent="b2")
    inner.user("Go deeper")
    inner.assistant("deep")
    files = [
        trunk(session_of(session)).write(tmp_path / "t.jsonl"),
        outer.write(tmp_path / "x" / "agent-a1.jsonl"),
        inner.write(tmp_path / "y" / "agent-b2.jsonl"),
    ]
    told = []
    for number, order in enumerate(itertools.permutations(files)):
        shop = workshop.fresh(f"order{number}")
        for path in order:
            shop.bring(path)
        told.append(shop.tables())
    assert all(each == told[0] for each in told)
    rows = shop.rows("SELECT run, agent, parent_run FROM agent_runs ORDER BY run")
    assert rows[1:] + rows[:1] == [
        {"run": f"{session}/b2", "agent": "digger", "parent_run": f"{session}/a1"},
        {"run": f"{session}/main", "agent": "main", "parent_run": None},
        {"run": f"{session}/a1", "agent": "scout", "parent_run": f"{session}/main"},
    ]


def notification(status="completed", agent_id="a1", result="", tag="task"):
    inside = f"<result>{result}</result>" if result else ""
    return (
        f"<{tag}-notification>\n<{tag}-id>{agent_id}</{tag}-id>\n<tool-use-id>REDACTED</tool-use-id>\n"
        f"<status>{status}</status>\n<summary>Agent finished</summary>\n{inside}</{tag}-notification>"
    )


def test_several_signals_make_one_completion(workshop, transcript):
    transcript.call("toolu_1", "Task", **ASK, run_in_background=True)
    transcript.result("toolu_1", "Async agent launched successfully.\nagentId: a1 (internal)", toolUseResult=STUB)
    queued = {"type": "queue-operation", "operation": "enqueue", "sessionId": transcript.session}
    transcript.add({**queued, "timestamp": transcript.time(50), "content": notification(tag="agent")})
    transcript.call("toolu_2", "TaskOutput", task_id="a1")
    task = {"task_id": "a1", "task_type": "local_agent", "status": "completed", "result": "It is in till.py"}
    transcript.result("toolu_2", "x", toolUseResult={"retrieval_status": "success", "task": task})
    transcript.user(notification(result="It is in till.py"))
    report = workshop.bring_lines(transcript)
    (end,) = workshop.events("agent.completed")
    assert end.happened_at.isoformat() == transcript.time(50).replace(".000Z", "+00:00")
    assert [e.payload for e in workshop.events("message") if e.type == "result"] == [{"text": "It is in till.py"}]
    assert workshop.rows("SELECT status FROM handoffs") == [{"status": "completed"}]
    assert report["ledger"][0]["rules"] == {"task-notification": 1}


def test_a_task_that_is_no_agent_ends_nobodys_run(workshop, transcript):
    transcript.call("toolu_1", "TaskOutput", task_id="b7")
    task = {"task_id": "b7", "task_type": "local_bash", "status": "completed", "output": "ok"}
    transcript.result("toolu_1", "x", toolUseResult={"retrieval_status": "success", "task": task})
    transcript.user(notification(agent_id="b7"))
    workshop.bring_lines(transcript)
    assert not workshop.events("agent.completed")
    assert not workshop.events("message")


@pytest.mark.parametrize(
    ("status", "ends"), [("failed", "failed"), ("killed", "cancelled"), ("running", None), ("", None)]
)
def test_an_end_without_a_result_has_its_reason(workshop, transcript, status, ends):
    transcript.call("toolu_1", "Task", **ASK)
    transcript.result("toolu_1", "Async agent launched", toolUseResult=STUB)
    transcript.user(notification(status))
    workshop.bring_lines(transcript)
    assert [(e.status, e.reason) for e in workshop.events("agent.failed")] == (
        [(ends, "Agent finished")] if ends else []
    )


def test_an_agent_that_was_interrupted_at_work_ends_so(workshop, transcript, session_of):
    own = agent_file(session_of, transcript.session)
    trunk(transcript, own, result=False)
    transcript.result("toolu_1", "[Request interrupted by user for tool use]", error=True)
    workshop.bring_lines(transcript)
    (end,) = workshop.events("agent.failed")
    assert (end.run, end.status) == (f"{transcript.session}/a1", "interrupted")


def test_a_side_chain_within_the_trunk_is_a_run_found_by_its_prompt(workshop, transcript):
    """Before there were agents' files, their lines stood in the trunk, without an agent's id."""
    transcript.user("go")
    transcript.call("toolu_1", "Task", **ASK)
    root = transcript.user("Find the till", isSidechain=True, parentUuid=None)
    transcript.assistant("Looking.", isSidechain=True)
    transcript.call("toolu_2", "Grep", pattern="x")["isSidechain"] = True
    transcript.result("toolu_1", [{"type": "text", "text": "It is there"}], toolUseResult={"totalDurationMs": 7})
    workshop.bring_lines(transcript)
    run = workshop.rows(
        "SELECT run, agent, parent_call, status, duration_ms FROM agent_runs WHERE parent_run IS NOT NULL"
    )
    assert run == [
        {
            "run": f"{transcript.session}/side-{root['uuid']}",
            "agent": "scout",
            "parent_call": "toolu_1",
            "status": "completed",
            "duration_ms": 7,
        }
    ]
    assert workshop.rows("SELECT count(*) AS n FROM messages WHERE type = 'prompt'") == [{"n": 1}]
