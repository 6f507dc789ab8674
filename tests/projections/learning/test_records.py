"""The learning record of each run is a view over the log, in the specification's words."""

from orchestrion.domain import events as e
from orchestrion.projections.learning import learning_records


def test_a_record_says_what_was_done_found_and_how_it_ended(told, past, judged) -> None:
    log = told().runs(past(errors={2: "boom"}, server="pg"))
    shared = {"source": "conductor", "session": "s0", "run": "s0/fixer-0", "agent": "fixer"}
    log.facts(
        e.PatternDiscovered(**shared, pattern="p", name="n'1", type="security", confidence=0.9),
        e.MessageSent(**shared, message="m1", sender="fixer", recipient="auditor", type="finding_report",
                      payload={"severity": "high", "issue": "open \"door\""}),
        e.MessageSent(**shared, message="m2", sender="fixer", recipient="all", type="assistance_request",
                      payload={"capability": "x"}),
        e.HandoffOffered(source="conductor", session="s0", handoff="h", giver="planner", taker="fixer",
                         taker_run="s0/fixer-0", task="t"),
    )  # fmt: skip
    log.judge(judged(past(), 0, verdict="accepted", quality=90))
    (record,) = learning_records(log.store(), "fixer")
    assert (record["agent"], record["sessionId"], record["position"]) == ("fixer", "s0", 1)
    assert record["successPatterns"] == {
        "toolSequence": ["Read", "Edit", "Bash"],
        "parallelExecutions": [],
        "mcpUsage": ["pg"],
        "duration": 4000,
        "filesModified": ["src/login.py"],
    }
    assert record["failures"] == {"errors": [{"tool": "Bash", "status": "error", "said": "boom"}], "reasons": []}
    assert record["discoveries"]["findings"] == ['open "door"']
    assert record["discoveries"]["newPatterns"] == [{"name": "n'1", "type": "security", "confidence": 0.9}]
    assert record["collaboration"]["collaborators"] == ["auditor", "planner"]
    assert record["collaboration"]["messagesSent"] == 2
    assert record["collaboration"]["assistanceRequests"] == 1
    assert record["outcomes"] == {"success": True, "qualityScore": 90.0, "requiresRework": False}


def test_what_nobody_knows_is_null(told, past) -> None:
    started = past().facts(0)[:1]
    (record,) = learning_records(told().facts(*started).store(), "fixer")
    assert record["outcomes"] == {"success": None, "qualityScore": None, "requiresRework": None}
    assert record["successPatterns"]["toolSequence"] == []


def test_learning_sees_the_status_that_agent_runs_shows(told, past) -> None:
    log = told().runs(past(), past(failed="no"))
    shared = {"source": "transcript", "session": "t", "parser": 1, "agent": "main"}
    for run, last in (("t/1", "response"), ("t/2", "prompt")):
        log.facts(
            e.AgentStarted(**shared, run=run),
            e.ToolCalled(**shared, run=run, call=f"{run}-c", tool="Read"),
            e.ToolReturned(**shared, run=run, call=f"{run}-c", status="ok"),
            e.MessageSent(**shared, run=run, message=f"{run}-m", sender="main", recipient="human", type=last),
        )
    log.facts(
        e.AgentStarted(**shared, run="t/3"), e.IncidentObserved(**shared, run="t/3", incident="i", type="interruption")
    )
    store = log.store()
    both = "SELECT run, agent_runs.status, learn_runs.status FROM agent_runs JOIN learn_runs USING (run) ORDER BY run"
    rows = store.query(both).rows
    assert [row[1] for row in rows] == ["completed", "failed", "completed", "unknown", "interrupted"]
    assert all(one == other for _, one, other in rows)
