"""Each kind of line, one by one: what it tells, or the rule it is ignored by."""

import json

import pytest


def test_a_session_begins_with_what_its_first_line_knows(workshop, transcript):
    transcript.user("Fix the till")
    workshop.bring_lines(transcript)
    (session,) = workshop.rows("FROM sessions")
    assert session["source"] == "claude-code"
    assert (session["project"], session["workspace"], session["client"]) == ("shop", "/home/someone/shop", "2.1.40")
    assert session["request"] == "Fix the till"
    (run,) = workshop.rows("FROM agent_runs")
    assert (run["run"], run["agent"], run["parent_run"]) == (f"{transcript.session}/main", "main", None)


def test_prompts_and_responses_are_messages_between_a_person_and_the_main_run(workshop, transcript):
    prompt = transcript.user([{"type": "text", "text": "Look at this"}, {"type": "image", "source": {}}])
    transcript.assistant("Seen.")
    workshop.bring_lines(transcript)
    said = workshop.rows(
        "SELECT message, sender, recipient, type, payload, in_reply_to FROM messages ORDER BY position"
    )
    assert [(row["sender"], row["recipient"], row["type"]) for row in said] == [
        ("human", "main", "prompt"),
        ("main", "human", "response"),
    ]
    assert json.loads(said[0]["payload"]) == {"text": "Look at this", "images": 1}
    assert said[1]["in_reply_to"] == said[0]["message"] == prompt["uuid"]


def test_several_texts_in_one_answer_are_several_messages(workshop, transcript):
    line = transcript.assistant("first", "second")
    workshop.bring_lines(transcript)
    assert [e.message for e in workshop.events("message")] == [line["uuid"], f"{line['uuid']}:1"]


def test_a_call_and_its_return_make_one_row_with_the_time_between(workshop, transcript):
    transcript.call("toolu_1", "Bash", command="ls")
    transcript.result("toolu_1", "till.py")
    workshop.bring_lines(transcript)
    (call,) = workshop.rows("FROM tool_calls")
    assert (call["tool"], call["status"], call["duration_ms"], call["agent"]) == ("Bash", "ok", 1000, "main")
    assert json.loads(call["params"]) == {"command": "ls"}


def test_a_duration_is_told_only_where_the_line_says_it(workshop, transcript):
    transcript.call("toolu_1", "Glob", pattern="*")
    transcript.result("toolu_1", "a", toolUseResult={"durationMs": 37, "numFiles": 1})
    transcript.call("toolu_2", "WebSearch", query="q")
    transcript.result("toolu_2", "a", toolUseResult={"durationSeconds": 1.5})
    transcript.call("toolu_3", "Bash", command="ls")
    transcript.result("toolu_3", "a", toolUseResult={"stdout": "a"})
    workshop.bring_lines(transcript)
    assert [e.duration_ms for e in workshop.events("tool.returned")] == [37, 1500, None]


@pytest.mark.parametrize(
    ("content", "extra", "ends"),
    [
        ("Exit code 7\nboom", "Error: Exit code 7\nboom", ("error", 7)),
        ("<tool_use_error>no such file</tool_use_error>", "Error: no such file", ("error", None)),
        ("The user doesn't want to proceed with this tool use. STOP", "User rejected tool use", ("denied", None)),
        ("The user doesn't want to proceed with this tool use.", None, ("denied", None)),
        ("Permission to use Bash has been denied.", "Error: Permission", ("denied", None)),
        ("[Request interrupted by user for tool use]", "Error: [Request", ("interrupted", None)),
        ("Command timed out after 2m 0.0s", "Error: Command timed", ("timed_out", None)),
        ("Sibling tool call errored", "Sibling tool call errored", ("error", None)),
    ],
)
def test_failures_are_told_apart_by_their_words(workshop, transcript, content, extra, ends):
    transcript.call("toolu_1", "Bash", command="x")
    transcript.result("toolu_1", content, error=True, **({"toolUseResult": extra} if extra else {}))
    workshop.bring_lines(transcript)
    (told,) = workshop.events("tool.returned")
    assert (told.status, told.exit_code, told.error) == (*ends, content)


def test_a_shell_that_was_interrupted_is_no_success(workshop, transcript):
    transcript.call("toolu_1", "Bash", command="x")
    transcript.result("toolu_1", "half", toolUseResult={"stdout": "half", "interrupted": True})
    workshop.bring_lines(transcript)
    assert workshop.events("tool.returned")[0].status == "interrupted"


def test_a_call_without_a_return_is_unresolved_and_a_return_without_a_call_is_kept(workshop, transcript):
    transcript.call("toolu_1", "Bash", command="x")
    transcript.result("toolu_9", "orphan")
    workshop.bring_lines(transcript)
    assert workshop.rows("SELECT call, tool, status FROM tool_calls ORDER BY call") == [
        {"call": "toolu_1", "tool": "Bash", "status": "unresolved"},
        {"call": "toolu_9", "tool": None, "status": "ok"},
    ]


def test_parallel_calls_of_one_message_are_joined_by_id_whatever_the_order_of_their_returns(workshop, transcript):
    for number in range(9):
        transcript.assistant(
            {"type": "tool_use", "id": f"toolu_{number}", "name": "Read", "input": {"n": number}}, message="msg_1"
        )
    for number in reversed(range(9)):
        transcript.result(f"toolu_{number}", f"file {number}", timestamp=transcript.time(99))
    workshop.bring_lines(transcript)
    found = workshop.rows("SELECT params->>'n' AS n, result FROM tool_calls ORDER BY 1")
    assert [json.loads(row["result"]) for row in found] == [f"file {row['n']}" for row in found]
    assert len(found) == 9
    assert len(workshop.rows("FROM usage")) == 1


def test_names_of_tools_are_kept_as_they_are_and_servers_are_named(workshop, transcript):
    transcript.call("toolu_1", "mcp__my-notes__write_note", text="x")
    transcript.call("toolu_2", 'Task" >\n<parameter name="description', x=1)
    workshop.bring_lines(transcript)
    found = workshop.rows("SELECT tool, mcp_server FROM tool_calls ORDER BY call")
    assert found[0] == {"tool": "mcp__my-notes__write_note", "mcp_server": "my-notes"}
    assert found[1]["tool"].startswith('Task" >\n')


def test_usage_of_a_split_message_counts_once_with_the_largest_of_each_field(workshop, transcript):
    for figures in ((3, 1, 100, 20), (3, 8, 100, 20), (3, 8, 100, 20), (3, 5, 110, 20)):
        names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
        transcript.assistant("x", message="msg_1", usage=dict(zip(names, figures, strict=True)))
    workshop.bring_lines(transcript)
    (row,) = workshop.rows("FROM usage")
    assert [row[n] for n in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")] == [
        3, 8, 110, 20,
    ]  # fmt: skip
    assert len(workshop.events("usage")) == 3, "an observation is told only where it grew"


def test_what_the_client_made_up_costs_nothing_and_says_nothing(workshop, transcript):
    line = transcript.assistant("No response requested.")
    line["message"]["model"] = "<synthetic>"
    report = workshop.bring_lines(transcript)
    assert report["ledger"][0]["rules"] == {}  # it is the session's first line, so it is recorded
    assert [e.kind for e in workshop.events()] == ["session.started", "agent.started", "import.completed"]


def test_an_api_error_is_an_incident_and_no_answer(workshop, transcript):
    transcript.user("go")
    line = transcript.assistant("API Error: 529 overloaded", isApiErrorMessage=True, error="overloaded")
    line["message"]["model"] = "<synthetic>"
    transcript.system("api_error", error={"status": 529}, retryAttempt=2, retryInMs=1000, maxRetries=10)
    workshop.bring_lines(transcript)
    first, second = workshop.events("incident")
    assert (first.type, first.detail["text"]) == ("api_error", "API Error: 529 overloaded")
    assert second.detail == {"error": {"status": 529}, "retryAttempt": 2, "retryInMs": 1000, "maxRetries": 10}
    assert not workshop.events("usage")


@pytest.mark.parametrize("said", ["[Request interrupted by user]", "[Request interrupted by user for tool use]"])
def test_an_interruption_is_an_incident_and_no_prompt(workshop, transcript, said):
    transcript.user("go")
    transcript.user([{"type": "text", "text": said}])
    workshop.bring_lines(transcript)
    assert [e.type for e in workshop.events("incident")] == ["interruption"]
    assert workshop.rows("SELECT status FROM sessions") == [{"status": "interrupted"}]


def test_a_compaction_is_an_incident_and_its_summary_no_prompt(workshop, transcript):
    transcript.user("go")
    transcript.system("compact_boundary", compactMetadata={"trigger": "auto", "preTokens": 9}, content="Compacted")
    transcript.user("This session is being continued", isCompactSummary=True, isVisibleInTranscriptOnly=True)
    report = workshop.bring_lines(transcript)
    assert report["ledger"][0]["rules"] == {"compact-summary": 1}
    assert [e.type for e in workshop.events("incident")] == ["compaction"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("<command-name>/mcp</command-name>", "slash-command"),
        ("<command-message>review</command-message>", "slash-command"),
        ("<local-command-stdout>ok</local-command-stdout>", "local-command"),
        ("<bash-input>pwd</bash-input>", "bash-mode"),
        ("<bash-stdout>/</bash-stdout><bash-stderr></bash-stderr>", "bash-mode"),
        ("<system-reminder>\nbe good\n</system-reminder>", "system-reminder"),
        ([{"type": "text", "text": "<ide_opened_file>a</ide_opened_file>"}], "ide-context"),
        ("", "empty-user"),
        ([], "empty-user"),
        (None, "empty-user"),
        ([{"type": "hologram"}], "unknown:block/hologram"),
    ],
)
def test_what_no_person_typed_is_no_prompt(workshop, transcript, content, rule):
    transcript.user("go")
    transcript.user(content)
    report = workshop.bring_lines(transcript)
    assert report["ledger"][0]["rules"] == {rule: 1}
    assert len(workshop.events("message")) == 1


def test_a_person_may_begin_a_prompt_with_a_tag_or_type_beside_the_editors_context(workshop, transcript):
    transcript.user("<div> is broken")
    transcript.user([{"type": "text", "text": "<ide_selection>x</ide_selection>"}, {"type": "text", "text": "Why?"}])
    workshop.bring_lines(transcript)
    assert [e.payload for e in workshop.events("message")] == [{"text": "<div> is broken"}, {"text": "Why?"}]


def test_meta_lines_are_no_prompts(workshop, transcript):
    transcript.user("go")
    transcript.user("Base directory for this skill: x", isMeta=True)
    assert workshop.bring_lines(transcript)["ledger"][0]["rules"] == {"meta": 1}


def test_a_prompt_typed_while_the_agent_worked_is_a_prompt(workshop, transcript):
    transcript.user("go")
    transcript.attachment(type="queued_command", prompt="and hurry", commandMode="prompt")
    transcript.attachment(type="hook_success", stdout="", exitCode=0)
    transcript.attachment(type="hook_blocking_error", stderr="no")
    transcript.attachment(type="brand_new", x=1)
    report = workshop.bring_lines(transcript)
    assert [e.payload["text"] for e in workshop.events("message")] == ["go", "and hurry"]
    assert [e.type for e in workshop.events("incident")] == ["hook_error"]
    assert report["ledger"][0]["rules"] == {"attachment/hook_success": 1, "unknown:attachment/brand_new": 1}


def test_lines_without_an_envelope_have_rules_of_their_own(workshop, transcript):
    transcript.user("go")
    for kind in ("file-history-snapshot", "summary", "custom-title", "last-prompt", "pr-link", "cost-state", "started"):
        transcript.add({"type": kind})
    transcript.add({"type": "queue-operation", "operation": "dequeue", "sessionId": transcript.session})
    transcript.add({"type": "brand-new", "sessionId": transcript.session})
    transcript.add({"no": "type"})
    transcript.system("turn_duration", durationMs=3)
    transcript.system("brand_new")
    transcript.progress(type="hook_progress", hookEvent="Stop")
    transcript.progress(type=["odd"])
    report = workshop.bring_lines(transcript)
    row = report["ledger"][0]
    assert row["rules"] == {
        "file-history-snapshot": 1, "summary": 1, "custom-title": 1, "last-prompt": 1, "pr-link": 1, "cost-state": 1,
        "started": 1, "queue-operation/dequeue": 1, "unknown:brand-new": 1, "unknown:none": 1,
        "system/turn_duration": 1, "unknown:system/brand_new": 1, "progress/hook_progress": 1,
        "unknown:progress/none": 1,
    }  # fmt: skip
    assert row["types"]["user"] == row["types"]["none"] == 1
    assert sum(row["types"].values()) == row["lines"]


def test_teammates_letters_come_from_both_sides(workshop, transcript):
    transcript.user("go")
    transcript.call("toolu_1", "SendMessage", type="message", recipient="tester", content="ready?")
    transcript.call("toolu_2", "SendMessage", type="broadcast", content="all stop")
    transcript.user(
        '<teammate-message teammate_id="tester" color="blue" summary="s">\nyes\n</teammate-message>\n'
        '<teammate-message teammate_id="system">{"type":"notice"}</teammate-message>'
    )
    workshop.bring_lines(transcript)
    letters = [e for e in workshop.events("message") if e.type == "context_share"]
    assert [(e.sender, e.recipient, e.payload["context"]) for e in letters] == [
        ("main", "tester", "ready?"),
        ("main", "all", "all stop"),
        ("tester", "main", "yes"),
    ]


def test_strange_times_and_ids_never_stop_an_import(workshop, transcript, whole):
    transcript.user("one", timestamp="[trimmed for fixture]")
    transcript.user("two", timestamp=17)
    transcript.user("three", timestamp="0001-01-01T00:00:00+14:00")
    transcript.user("four", uuid=None)
    transcript.user("five", sessionId=None)
    transcript.user("six", cwd="/elsewhere", version="9.9.9")
    report = workshop.bring_lines(transcript)
    assert whole(report)
    assert report["ledger"][0]["rules"] == {"no-session": 1, "no-uuid": 1}
    assert [e.happened_at is None for e in workshop.events("message")] == [True, True, True, False]
    assert len(workshop.rows("FROM sessions")) == 1
