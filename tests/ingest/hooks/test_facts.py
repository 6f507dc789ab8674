"""What each hook event becomes in the log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.eventstore import MemoryLog
from orchestrion.ingest.hooks.events import EVENTS
from orchestrion.ingest.hooks.facts import facts_of
from orchestrion.ingest.hooks.known import Known
from orchestrion.ingest.hooks.payload import Payload

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Spool:
    """Takes payloads as they arrive, one a second, into a log in memory."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.arrived = 0

    def takes(self, event: str, **fields: Any) -> list[e.Event]:
        """The events of one payload, without the one that tells of its session."""
        said = {"session_id": "s1", "cwd": "/home/ann/shop", "hook_event_name": event, **fields}
        self.arrived += 1
        at = START + timedelta(seconds=self.arrived)
        facts = facts_of(Payload(said, at, f"arrival-{self.arrived}"), Known(self.log))
        assert not self.log.observe(facts).conflicts
        return [fact.event for fact in facts if not isinstance(fact.event, e.SessionStarted)]

    def close(self) -> None:
        self.log.close()


@pytest.fixture
def spool() -> Any:
    made = Spool()
    yield made
    made.close()


def test_the_first_payload_of_a_session_tells_that_it_exists_and_later_ones_do_not(spool: Spool) -> None:
    spool.takes("Notification", message="hello")
    spool.takes("Notification", message="again", cwd="/elsewhere")
    started = [r.event for r in spool.log.read_stream("session-s1")]
    assert [(s.product, s.workspace, s.project) for s in started if isinstance(s, e.SessionStarted)] == [
        ("claude-code", "/home/ann/shop", "shop")
    ]


def test_a_call_and_its_return_meet_under_the_id_of_the_tool_use(spool: Spool) -> None:
    asked = spool.takes("PreToolUse", tool_name="Bash", tool_input={"command": "ls"}, tool_use_id="t1")
    back = spool.takes(
        "PostToolUse", tool_name="Bash", tool_input={"command": "ls"}, tool_use_id="t1",
        tool_response={"stdout": "a"}, duration_ms=12,
    )  # fmt: skip
    assert [(c.kind, c.source, c.run, c.agent) for c in asked] == [("tool.called", "hook", "s1/main", "main")]
    assert [(c.kind, c.call, c.status, c.duration_ms) for c in back] == [("tool.returned", "t1", "ok", 12)]


def test_a_return_without_its_call_tells_the_call_too_but_no_time_of_it(spool: Spool) -> None:
    told = spool.takes("PostToolUse", tool_name="Edit", tool_input={"file_path": "x"}, tool_use_id="t1")
    assert [(c.kind, c.happened_at is None) for c in told] == [("tool.called", True), ("tool.returned", False)]


@pytest.mark.parametrize(
    ("event", "more", "status"),
    [
        ("PostToolUse", {"tool_response": {"interrupted": True}}, "interrupted"),
        ("PostToolUseFailure", {"error": "no such file"}, "error"),
        ("PostToolUseFailure", {"error": "stopped", "is_interrupt": True}, "interrupted"),
        ("PermissionDenied", {"reason": "not allowed"}, "denied"),
    ],
)
def test_how_a_call_ended_is_told_by_the_event(spool: Spool, event: str, more: dict[str, Any], status: str) -> None:
    told = spool.takes(event, tool_name="Bash", tool_input={}, tool_use_id="t1", **more)
    back = [r for r in told if isinstance(r, e.ToolReturned)]
    assert [r.status for r in back] == [status]
    assert back[0].error == (more.get("error") or more.get("reason"))


def test_calls_without_an_id_are_paired_in_their_order(spool: Spool) -> None:
    same: dict[str, Any] = {"tool_name": "Bash", "tool_input": {"command": "git status"}}
    asked = [spool.takes("PreToolUse", **same)[0] for _ in range(2)]
    back = [spool.takes("PostToolUse", **same, tool_response=n)[-1] for n in range(2)]
    ids = [c.call for c in asked if isinstance(c, e.ToolCalled)]
    assert len(set(ids)) == 2
    assert ids == [c.call for c in back if isinstance(c, e.ToolReturned)]


def test_the_server_of_an_mcp_tool_is_read_from_its_name(spool: Spool) -> None:
    (asked,) = spool.takes("PreToolUse", tool_name="mcp__git_hub__list_issues", tool_use_id="t1")
    assert isinstance(asked, e.ToolCalled)
    assert asked.mcp_server == "git_hub"


def test_a_subagent_is_a_run_of_its_own_with_its_result(spool: Spool) -> None:
    (started,) = spool.takes("SubagentStart", agent_id="a7", agent_type="Explore")
    (asked,) = spool.takes("PreToolUse", tool_name="Read", tool_use_id="t2", agent_id="a7", agent_type="Explore")
    (ended,) = spool.takes("SubagentStop", agent_id="a7", agent_type="", last_assistant_message="found it")
    assert {started.run, asked.run, ended.run} == {"s1/a7"}
    assert (started.agent, ended.agent) == ("Explore", None)
    assert isinstance(ended, e.AgentCompleted)
    assert ended.summary == "found it"


def test_the_return_of_a_spawn_tells_whose_child_the_agent_is(spool: Spool) -> None:
    task = {"prompt": "look around", "subagent_type": "Explore"}
    spool.takes("PreToolUse", tool_name="Agent", tool_input=task, tool_use_id="t1")
    spool.takes("SubagentStart", agent_id="a7", agent_type="Explore")
    answer = {"status": "completed", "agentId": "a7", "content": [{"type": "text", "text": "all well"}]}
    told = spool.takes("PostToolUse", tool_name="Agent", tool_input=task, tool_use_id="t1", tool_response=answer)
    assert [t.kind for t in told] == [
        "tool.returned", "agent.started", "message.sent", "handoff.offered", "handoff.completed", "message.sent",
    ]  # fmt: skip
    linked, asked, offered, _, result = told[1:]
    assert isinstance(linked, e.AgentStarted)
    assert (linked.run, linked.parent_run, linked.parent_call) == ("s1/a7", "s1/main", "t1")
    assert isinstance(asked, e.MessageSent)
    assert isinstance(result, e.MessageSent)
    assert (asked.message, result.message, result.payload) == ("t1:task", "t1:result", {"text": "all well"})
    assert offered.happened_at == START + timedelta(seconds=1)


def test_prompt_and_answer_are_messages(spool: Spool) -> None:
    (prompt,) = spool.takes("UserPromptSubmit", prompt="fix it", prompt_id="p1")
    (answer,) = spool.takes("Stop", last_assistant_message="done", prompt_id="p1")
    assert isinstance(prompt, e.MessageSent)
    assert isinstance(answer, e.MessageSent)
    assert (prompt.message, prompt.sender, prompt.recipient, prompt.type) == ("p1", "human", "main", "prompt")
    assert (answer.sender, answer.recipient, answer.type, answer.in_reply_to) == ("main", "human", "response", "p1")


def test_the_same_prompt_without_an_id_is_two_prompts(spool: Spool) -> None:
    ids = {spool.takes("UserPromptSubmit", prompt="go on")[0].model_dump()["message"] for _ in range(2)}
    assert len(ids) == 2


def test_a_session_that_resumes_and_ends_again_keeps_its_first_end_and_the_rest_raw(spool: Spool) -> None:
    kinds = [
        (told.kind, getattr(told, "type", None))
        for event, more in [
            ("SessionStart", {"source": "startup", "model": "m1"}),
            ("SessionEnd", {"reason": "logout"}),
            ("SessionStart", {"source": "resume"}),
            ("SessionEnd", {"reason": "other"}),
        ]
        for told in spool.takes(event, **more)
    ]
    assert kinds == [
        ("agent.started", None),
        ("session.ended", None),
        ("incident.observed", "hook:SessionStart"),
        ("incident.observed", "hook:SessionEnd"),
    ]


def test_a_task_with_an_owner_is_a_handoff_and_one_without_is_kept_raw(spool: Spool) -> None:
    (made,) = spool.takes("TaskCreated", task_id="3", task_subject="paint", teammate_name="bob", team_name="red")
    (done,) = spool.takes("TaskCompleted", task_id="3", task_subject="paint", teammate_name="bob", team_name="red")
    (loose,) = spool.takes("TaskCreated", task_id="4", task_subject="rest")
    assert isinstance(made, e.HandoffOffered)
    assert isinstance(done, e.HandoffCompleted)
    assert made.handoff == done.handoff == "red/task-3"
    assert isinstance(loose, e.IncidentObserved)


FIELDS = [
    "tool_name",
    "tool_input",
    "tool_use_id",
    "tool_response",
    "error",
    "is_interrupt",
    "duration_ms",
    "agent_id",
    "agent_type",
    "prompt",
    "prompt_id",
    "last_assistant_message",
    "reason",
    "source",
    "model",
    "task_id",
    "task_subject",
    "teammate_name",
    "team_name",
    "cwd",
    "transcript_path",
    "mcp_server",
]


@pytest.mark.parametrize("event", [*EVENTS, "SomethingNew", "weird \x00 name"])
@pytest.mark.parametrize("strange", [None, 7, {"a": [1]}, ["x"], "\ud800", 2**70, -1.5, True])
def test_every_event_is_taken_whatever_its_fields_hold(spool: Spool, event: str, strange: Any) -> None:
    assert len(EVENTS) == 33
    assert spool.takes(event, **dict.fromkeys(FIELDS, strange))


def test_what_is_not_mapped_is_kept_whole(spool: Spool) -> None:
    (kept,) = spool.takes("SomethingNew", a={"b": 1})
    assert isinstance(kept, e.IncidentObserved)
    assert kept.type == "hook:SomethingNew"
    assert kept.detail["a"] == {"b": 1}


def test_a_payload_without_a_session_is_kept(spool: Spool) -> None:
    (kept,) = spool.takes("Notification", session_id=None, message="hm")
    assert (kept.kind, kept.session, kept.run) == ("incident.observed", None, None)
