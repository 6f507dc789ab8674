"""Rubbish of any kind never stops an import, and its ledger always adds up."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KINDS = ["user", "assistant", "system", "progress", "attachment", "queue-operation", "summary", "brand-new"]
NAMES = [
    "type", "uuid", "sessionId", "timestamp", "message", "content", "role", "id", "name", "input", "tool_use_id",
    "is_error", "usage", "input_tokens", "data", "agentId", "parentToolUseID", "toolUseResult", "task", "isSidechain",
    "cwd", "subtype", "attachment", "prompt", "operation", "text", "model", "isMeta", "parentUuid", "isApiErrorMessage",
]  # fmt: skip
WORDS = [*KINDS, "s1", "s2", "u1", "u2", "tool_use", "tool_result", "text", "Task", "Agent", "SendMessage", "toolu_1",
         "agent_progress", "hook_progress", "2026-03-01T09:00:00Z", "a1", "<task-notification><task-id>a1</task-id>",
         "completed", "compact_boundary", "queued_command", "agentId: a1", "enqueue"]  # fmt: skip

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=9)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=7)
)
lines = st.fixed_dictionaries(
    {"type": st.sampled_from(KINDS), "sessionId": st.sampled_from(["s1", "s2", None, 3])},
    optional={name: values for name in NAMES if name not in ("type", "sessionId")},
)
files = st.lists(st.binary(max_size=40) | lines.map(lambda line: json.dumps(line).encode()), max_size=12)


UNCHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
"""What speaks of the machine and of chance, not of the importer."""


@settings(max_examples=60, deadline=None, suppress_health_check=UNCHECKED)
@given(files)
def test_any_bytes_reconcile(workshop, whole, found):
    raw = b"\n".join(found)
    report = workshop.bring_bytes(raw)
    assert whole(report)
    assert report["lines"] == raw.count(b"\n") + bool(raw and not raw.endswith(b"\n"))
    assert workshop.bring_bytes(raw)["events_appended"] == 0


@settings(max_examples=30, deadline=None, suppress_health_check=UNCHECKED)
@given(st.lists(lines, max_size=8), st.data())
def test_a_part_of_any_file_tells_nothing_that_the_whole_does_not(tmp_path_factory, workshop, found, data):
    cut = data.draw(st.integers(0, len(found)))
    encoded = [json.dumps(line).encode() + b"\n" for line in found]
    at_once, stepwise = (type(workshop)(tmp_path_factory.mktemp("any")) for _ in range(2))
    at_once.bring_bytes(b"".join(encoded))
    stepwise.bring_bytes(b"".join(encoded[:cut]))
    stepwise.bring_bytes(b"".join(encoded))

    assert stepwise.facts() == at_once.facts()
