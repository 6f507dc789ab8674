"""What the views say of given events."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.projections import VIEWS

NOON = datetime(2026, 3, 1, 12, 0, 0)

AT_LEAST = {
    "sessions": "session source project request started_at ended_at status agents tool_calls messages input_tokens "
    "output_tokens cache_read_tokens cache_write_tokens",
    "agent_runs": "run session agent parent_run parent_call task started_at ended_at duration_ms status "
    "tool_calls messages",
    "tool_calls": "call session run agent tool mcp_server params result started_at ended_at duration_ms status",
    "messages": "message session sender recipient type priority payload in_reply_to happened_at position",
    "handoffs": "handoff session giver taker task urgency status offered_at accepted_at problems",
    "usage": "session run model input_tokens output_tokens cache_read_tokens cache_write_tokens happened_at",
    "events": "position stream version kind happened_at recorded_at session run agent source cause correlation data",
}


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(session: str = "s", run: str | None = "s/main", source: Any = "transcript", **more: Any) -> dict[str, Any]:
    return {"source": source, "session": session, "run": run, "parser": 1 if source == "transcript" else None, **more}


def called(call: str, seconds: float | None = 0, **more: Any) -> e.ToolCalled:
    tool = more.pop("tool", "Read")
    return e.ToolCalled(call=call, tool=tool, happened_at=None if seconds is None else at(seconds), **seen(**more))


def returned(call: str, seconds: float | None = 1, *, status: Any = "ok", **more: Any) -> e.ToolReturned:
    own = {name: more.pop(name) for name in ("result", "error", "duration_ms") if name in more}
    when = None if seconds is None else at(seconds)
    return e.ToolReturned(call=call, status=status, happened_at=when, **own, **seen(**more))


def said(message: str, kind: e.MessageType, text: str, seconds: float = 0, **more: Any) -> e.MessageSent:
    whose = {"sender": "human" if kind == "prompt" else "main", "recipient": "x", **seen(**more)}
    return e.MessageSent(message=message, type=kind, payload={"text": text}, happened_at=at(seconds), **whose)


def test_every_view_has_help_and_the_promised_columns() -> None:
    views = {view.name: view for view in VIEWS}
    assert all(view.help.endswith(".") or view.help.endswith(").") for view in VIEWS)
    for name, columns in AT_LEAST.items():
        assert set(columns.split()) <= {column for column, _ in views[name].columns}
    assert tuple(column for column, _ in views["events"].columns) == tuple(AT_LEAST["events"].split())


def test_the_stored_state_comes_back_as_it_is(shown: Any, rows_of: Any) -> None:
    event = called("c1", run="s/main")
    store = shown(event)
    [(state, happened, recorded)] = store.query("SELECT data, happened_at, recorded_at FROM events").rows
    assert state.encode() == rows_of([event])[0][5]
    assert happened == NOON
    assert recorded == datetime(2026, 1, 2, 3, 4, 6)


def test_a_call_and_its_return_are_one_row_with_the_time_between(shown: Any) -> None:
    store = shown(called("c1", 0, agent="main"), returned("c1", 1.5, result={"lines": 3}))
    [call] = store.query("SELECT * FROM tool_calls").dicts()
    assert (call["status"], call["duration_ms"], call["result"]) == ("ok", 1500, '{"lines":3}')


@pytest.mark.parametrize(
    ("back", "duration"),
    [
        (lambda: returned("c1", -5), None),
        (lambda: returned("c1", 5, duration_ms=77), 77),
        (lambda: returned("c1", None), None),
    ],
    ids=["clocks that go backwards", "a witness's own figure", "no time"],
)
def test_a_duration_is_never_negative_and_never_invented(shown: Any, back: Any, duration: int | None) -> None:
    [(found,)] = shown(called("c1"), back()).query("SELECT duration_ms FROM tool_calls").rows
    assert found == duration


def spanned(
    *told: tuple[type[e.Event], float | None], source: Any = "transcript", took: int | None = None
) -> list[Any]:
    """Acts of one run, each at its second; an end has `took` as its own figure."""
    more: dict[type[e.Event], dict[str, Any]] = {
        e.AgentStarted: {"agent": "main"},
        e.AgentCompleted: {"duration_ms": took},
        e.UsageRecorded: {"request_id": "r"},
    }
    return [
        kind(happened_at=None if second is None else at(second), **more[kind], **seen(source=source))
        for kind, second in told
    ]


BEGAN, USED, ENDED = e.AgentStarted, e.UsageRecorded, e.AgentCompleted


@pytest.mark.parametrize(
    ("facts", "duration"),
    [
        (spanned((BEGAN, 0), (ENDED, 2)), 2000),
        (spanned((BEGAN, 0), (ENDED, 0)), 0),
        (spanned((BEGAN, 5), (ENDED, 2)), None),
        (spanned((BEGAN, 5), (ENDED, 2), took=77), 77),
        (spanned((BEGAN, 5), (ENDED, 2), source="conductor", took=0), None),
        (spanned((BEGAN, 0), (USED, 3)), 3000),
        (spanned((BEGAN, 3), (USED, 1)), None),
        (spanned((USED, 3)), None),
        (spanned((BEGAN, None), (ENDED, None)), None),
    ],
    ids=[
        "told", "told to be none", "a clock that jumped back", "a witness's own figure", "our own figure made up of it",
        "the last thing known", "nothing known after it began", "one moment is all", "no time",
    ],
)  # fmt: skip
def test_agent_runs_and_learning_know_how_long_a_run_took_or_that_nobody_does(
    shown: Any, facts: list[Any], duration: int | None
) -> None:
    store = shown(*facts)
    for view in ("agent_runs", "learn_runs", "learn_records"):
        assert store.query(f"SELECT duration_ms FROM {view}").rows == [(duration,)], view  # noqa: S608 our own names


def test_an_acceptance_before_its_offer_is_no_time_that_acceptance_takes(shown: Any) -> None:
    def handed(handoff: str, seconds: float) -> list[Any]:
        shared: dict[str, Any] = {"source": "conductor", "session": "s", "handoff": handoff}
        return [
            e.HandoffOffered(happened_at=NOON, giver="a", taker="b", task="t", **shared),
            e.HandoffAccepted(happened_at=at(seconds), taker="b", **shared),
        ]

    store = shown(*handed("h1", -5), *handed("h2", 3))
    assert store.query("SELECT accepted, p50_acceptance_ms FROM handoff_stats").rows == [(2, 3000)]


def test_a_call_without_return_is_unresolved_and_a_return_without_call_is_shown(shown: Any) -> None:
    store = shown(called("c1"), returned("c2", error="no such call"))
    rows = store.query("SELECT call, tool, status, result FROM tool_calls ORDER BY call").rows
    assert rows == [("c1", "Read", "unresolved", None), ("c2", None, "ok", '"no such call"')]


def test_two_witnesses_of_one_call_are_one_row_that_knows_what_either_knew(shown: Any) -> None:
    hook = returned("c1", 9, source="hook", duration_ms=40)
    store = shown(called("c1"), returned("c1", 1, result="text"), hook)
    [call] = store.query("SELECT duration_ms, result, ended_at FROM tool_calls").dicts()
    assert call == {"duration_ms": 40, "result": '"text"', "ended_at": at(9)}


def test_a_better_parsers_facts_supersede_the_older_ones(shown: Any) -> None:
    wrong = returned("c1", status="error", error="misread")
    better = called("c1", tool="Bash", source="transcript").model_copy(update={"parser": 2})
    right = returned("c1", status="ok").model_copy(update={"parser": 2})
    store = shown(called("c1"), wrong, better, right)
    assert store.query("SELECT tool, status, result FROM tool_calls").rows == [("Bash", "ok", None)]


def test_a_replayed_fact_belongs_to_the_session_that_is_no_fork(shown: Any) -> None:
    fork = e.SessionForked(parent="z-first", shared=1, **seen("a-second", None))
    store = shown(
        called("c1", session="a-second", run="a-second/main"), called("c1", session="z-first", run="z-first/main"), fork
    )
    assert store.query("SELECT session, run FROM tool_calls").rows == [("z-first", "z-first/main")]
    assert store.query("SELECT session, tool_calls FROM sessions ORDER BY 1").rows == [("a-second", 0), ("z-first", 1)]


def test_a_fork_that_is_learned_of_later_gives_up_what_it_held(
    shown: Any, rows_of: Any, log_of: Any, tmp_path: Any
) -> None:
    from orchestrion.projections import Store

    facts = [called("c1", session="a", run="a/main"), called("c1", session="b", run="b/main")]
    rows = rows_of([*facts, e.SessionForked(parent="b", shared=1, **seen("a", None))])
    log = log_of(rows[:2])
    with Store(log, tmp_path) as store:
        assert store.query("SELECT session FROM tool_calls").rows == [("a",)]
        log.all = rows
        store.catch_up()
        assert store.query("SELECT session FROM tool_calls").rows == [("b",)]
        assert store.query("SELECT session FROM tool_calls", at=2).rows == [("a",)]


def test_usage_of_one_request_counts_once_at_its_largest(shown: Any) -> None:
    def used(output: int, cached: int) -> e.UsageRecorded:
        return e.UsageRecorded(request_id="r", input_tokens=3, output_tokens=output, cache_read_tokens=cached, **seen())

    store = shown(used(1, 10), used(28, 10), used(7, 10))
    assert store.query("SELECT input_tokens, output_tokens, cache_read_tokens FROM usage").rows == [(3, 28, 10)]
    assert store.query("SELECT output_tokens, cache_write_tokens FROM sessions").rows == [(28, 0)]


def test_tokens_that_nobody_recorded_are_unknown_and_those_of_an_empty_request_are_none(shown: Any) -> None:
    store = shown(
        called("c1"),
        called("c2", session="t", run="t/main"),
        e.UsageRecorded(request_id="r", input_tokens=0, happened_at=at(1), **seen("t", "t/main")),
        e.AgentStarted(agent="x", happened_at=at(0), **seen()),
    )
    kinds = ("input", "output", "cache_read", "cache_write")
    own, whole = (", ".join(f"{prefix}{kind}_tokens" for kind in kinds) for prefix in ("own_", ""))
    for names, of in ((own, "agent_runs ORDER BY run"), (whole, "sessions ORDER BY session")):
        asked = f"SELECT {names} FROM {of}"  # noqa: S608 - our own names
        assert store.query(asked).rows == [(None,) * 4, (0,) * 4]
    assert store.query("SELECT input_tokens, output_tokens FROM agent_stats WHERE agent = 'x'").rows == [(None, None)]


def test_a_session_of_ours_runs_until_it_says_how_it_ended(shown: Any) -> None:
    ours = {"source": "conductor", "session": "ses", "happened_at": NOON}
    begun = [
        e.SessionStarted(product="orchestrion", request="Fix it", project="p", **ours),
        e.AgentStarted(run="ses/a-1", agent="a", task="t", **ours),
    ]
    store = shown(*begun)
    assert store.query("SELECT source, request, status, agents FROM sessions").rows == [
        ("orchestrion", "Fix it", "running", 1)
    ]
    assert store.query("SELECT status, ended_at, duration_ms FROM agent_runs").rows == [("running", None, None)]
    ended = shown(*begun, e.SessionEnded(status="failed", **ours))
    assert ended.query("SELECT status FROM sessions").rows == [("failed",)]
    assert ended.query("SELECT status FROM agent_runs").rows == [("lost",)]


@pytest.mark.parametrize(
    ("last", "status"),
    [
        ([lambda: said("m2", "response", "Done.", 5)], "completed"),
        ([lambda: said("m2", "response", "Done.", 5), lambda: called("c9", 6)], "unknown"),
        (
            [lambda: e.IncidentObserved(incident="i", type="interruption", happened_at=at(7), **seen())],
            "interrupted",
        ),
        ([lambda: said("m2", "response", "Once."), lambda: said("m3", "prompt", "And now?")], "unknown"),
    ],
    ids=["an answer last", "a call that never came back", "an interruption last", "a prompt last"],
)
def test_an_imported_session_ends_by_stated_rules(shown: Any, last: list[Any], status: str) -> None:
    start = e.SessionStarted(product="claude-code", happened_at=at(0), **seen(run=None))
    store = shown(start, said("m1", "prompt", "Please fix it.", 1), *[make() for make in last])
    [session] = store.query("SELECT request, status, started_at, agents FROM sessions").dicts()
    assert session == {"request": "Please fix it.", "status": status, "started_at": at(0), "agents": 1}


def test_a_session_known_by_one_tool_event_alone_is_listed(shown: Any) -> None:
    store = shown(called("c1", source="hook", session="only", run=None))
    assert store.query("SELECT session, source, tool_calls, status FROM sessions").rows == [
        ("only", None, 1, "unknown")
    ]


def test_a_handoff_tells_its_state_and_its_problems(shown: Any) -> None:
    base = {"source": "conductor", "session": "ses", "handoff": "h1", "happened_at": NOON}
    store = shown(
        e.HandoffOffered(giver="a", taker="b", task="t", urgency="high", **base),
        e.HandoffRejected(taker="b", problems=("no file", "no test"), **base),
    )
    [row] = store.query("SELECT giver, taker, urgency, status, problems, accepted_at FROM handoffs").rows
    assert row == ("a", "b", "high", "rejected", ["no file", "no test"], None)


def test_a_message_is_queued_for_each_named_run_until_that_run_says_more(shown: Any) -> None:
    base = {"source": "conductor", "session": "ses", "message": "m1"}
    sent = e.MessageSent(
        sender="a", recipient="all", recipient_runs=("ses/b-1", "ses/c-1", "ses/d-1"), type="warning", **base
    )
    store = shown(
        sent,
        e.MessageDelivered(recipient="b", run="ses/b-1", happened_at=at(1), **base),
        e.MessageExpired(recipient="c", run="ses/c-1", reason="gone", **{**base, "source": "user"}),
    )
    rows = store.query("SELECT run, state, delivered_at, reason FROM deliveries ORDER BY run").rows
    assert rows == [
        ("ses/b-1", "delivered", at(1), None),
        ("ses/c-1", "expired", None, "gone"),
        ("ses/d-1", "queued", None, None),
    ]


def test_how_far_a_message_came_that_others_recorded_is_unknown(shown: Any) -> None:
    base = {"session": "ses", "sender": "a", "recipient": "b", "type": "task"}
    store = shown(
        e.MessageSent(source="transcript", message="theirs", recipient_runs=("ses/b",), **base),
        e.MessageSent(source="transcript", message="both", recipient_runs=("ses/b",), **base),
        e.MessageSent(source="conductor", message="both", recipient_runs=("ses/b",), **base),
        e.MessageSent(source="user", message="ours", recipient_runs=("ses/b",), **base),
    )
    rows = store.query("SELECT message, state FROM deliveries ORDER BY message").rows
    assert rows == [("both", "queued"), ("ours", "queued"), ("theirs", "unknown")]


def test_a_patterns_support_and_contradictions_are_counted_with_their_evidence(shown: Any) -> None:
    base = {"source": "conductor", "session": "ses", "pattern": "p1"}
    found = e.PatternDiscovered(name="n", type="retry", confidence=0.5, evidence=(3, 1), **base)
    against = e.PatternContradicted(evidence=(9,), **base)
    store = shown(found, e.PatternConfirmed(evidence=(3, 7), **base), against)
    [row] = store.query("SELECT name, confidence, confirmations, contradictions, evidence FROM patterns").rows
    assert row == ("n", 0.5, 1, 1, [1, 3, 7, 9])


def test_now_is_the_time_the_last_visible_position_was_recorded(shown: Any) -> None:
    store = shown(called("c1"), called("c2"), called("c3"))
    assert store.query("FROM now").rows == [(3, datetime(2026, 1, 2, 3, 4, 8))]
    assert store.query("FROM now", at=2).rows == [(2, datetime(2026, 1, 2, 3, 4, 7))]


def test_requests_and_calls_join_their_runs_without_doubt_about_what_was_counted(shown: Any) -> None:
    views = {view.name: {column for column, _ in view.columns} for view in VIEWS}
    assert views["usage"] & views["agent_runs"] == {"run", "session", "agent", "model"}
    store = shown(called("c1"), e.UsageRecorded(request_id="r", input_tokens=7, **seen()))
    joined = "SELECT sum(input_tokens)::BIGINT FROM usage JOIN agent_runs USING (run) WHERE parent_run IS NULL"
    assert store.query(joined).rows == [(7,)]
    assert store.query("SELECT count(*) FROM tool_calls JOIN agent_runs USING (run)").rows == [(1,)]
