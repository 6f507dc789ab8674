"""The Markdown report has the specification's sections in its order, and says nothing that the log does not."""

import re
from types import ModuleType

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.errors import NotFound
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.tui.report import build, markdown
from orchestrion.tui.report.escape import code_span, markdown_text, mermaid_ids

SECTIONS = [
    "# 🚀 Live Execution Dashboard",
    "## 📊 Real-Time Agent Status",
    "## 🔄 Agent Communication Flow",
    "## 🎯 Execution Progress",
    "## 💬 Recent Agent Messages",
    "## ⚡ Performance Metrics",
    "## 🎓 Learned Patterns",
    "## 📈 Execution Summary",
    "### Recommendations",
]

WITH_AGENTS = [*SECTIONS[:6], "### Time, Tokens and Cost by Agent", *SECTIONS[6:]]


def text_of(store: Store, at: int | None = None) -> str:
    store.catch_up()
    return markdown(build(store, "ses_play", at))


def headings(text: str) -> list[str]:
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)
    return [line for line in outside.splitlines() if line.startswith("#")]


def test_the_whole_story_reads_like_the_specification(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    for _ in stage.story(stage.Play(log)):
        pass
    text = text_of(store)
    assert headings(text) == WITH_AGENTS
    assert "| security-auditor | ✅ completed | 7.0 s | 3 | 3 | positions 2, 10 |" in text
    assert '    security_auditor -->|"2"| backend_api_developer' in text
    assert '    security_auditor ==>|"handoff 1"| backend_api_developer' in text
    assert "[██████████] 100% (4/4 agents)" in text
    assert "- **10:23:52** 🔍 `security-auditor` → `backend-api-developer`: *finding_report* (Priority: high)" in text
    assert "  - organizationId is not checked (auth.py:45)" in text
    assert "- **MCP Utilization**: 11%" in text
    assert "- **Tool Calls**: 9 (positions 3, 4, 5, 6, 7, 8, 14, 15, … 18 in all)" in text
    assert "- 💡 **security**: `missing-organizationId-validation` (Confidence: 95%)" in text
    assert "- 🟡 **missed parallelism**: backend-api-developer and test-suite-developer" in text
    assert text.endswith("**🎉 Execution completed successfully!**\n")


def test_each_agent_has_its_time_its_tokens_and_its_cost(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    play = stage.Play(log)
    play.begin()
    for agent, model in (("thinker", "claude-sonnet-4-5"), ("dreamer", "model-without-a-price"), ("worker", None)):
        play.run(agent, 1, 3)
        if model:
            tokens = {"input_tokens": 1_000_000, "output_tokens": 1000}
            play.add(e.UsageRecorded, 2, agent, request_id=f"r-{agent}", model=model, **tokens)
            play.add(e.UsageRecorded, 2, agent, request_id=f"r-{agent}", model=model, input_tokens=5)
    play.end(4)
    lines = [line for line in text_of(store).splitlines() if line.startswith("|")][-3:]
    assert lines[0].startswith("| thinker | 1 | 2.0 s | 0 | 1 | 1,000,000 | 1,000 | 0 | 0 | $")
    assert lines[1] == "| dreamer | 1 | 2.0 s | 0 | 1 | 1,000,000 | 1,000 | 0 | 0 | unknown |"
    assert lines[2] == "| worker | 1 | 2.0 s | 0 | 0 | – | – | – | – | – |"


def test_what_nothing_tells_is_unknown(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    stage.Play(log).begin()
    text = text_of(store)
    assert headings(text) == SECTIONS
    assert "- **Parallel Execution**: unknown" in text
    assert "- **MCP Utilization**: unknown" in text
    assert "- **Avg Response Time**: unknown (of 0 timed calls)" in text
    assert "- **Input Tokens**: unknown" in text
    assert "[░░░░░░░░░░] unknown (0/0 agents)" in text
    assert text.count("*None in the log.*") == 3
    assert text.endswith("**🔄 Execution is running.**\n")


IMPORTED = {"source": "transcript"}


def test_an_import_whose_end_nobody_told_is_not_said_to_have_ended(
    log: MemoryLog, store: Store, stage: ModuleType
) -> None:
    play = stage.Play(log)
    play.add(e.SessionStarted, 0, product="codex", **IMPORTED)
    play.add(e.AgentStarted, 0, "main", **IMPORTED)
    play.say("main", "human", "response", 2, **IMPORTED)
    text = text_of(store)
    assert "| main | ✅ completed |" in text
    assert text.endswith("**❔ The log knows no end of this session; its status is ✅ completed.**\n")


@pytest.mark.parametrize("status", ["unknown", "interrupted"])
def test_a_run_that_may_go_on_is_no_progress(log: MemoryLog, store: Store, stage: ModuleType, status: str) -> None:
    play = stage.Play(log)
    play.add(e.SessionStarted, 0, product="codex", **IMPORTED)
    play.add(e.AgentStarted, 0, "main", **IMPORTED)
    play.say("main", "human", "prompt", 2, **IMPORTED)
    if status == "interrupted":
        play.add(e.IncidentObserved, 3, "main", incident="i", type="interrupted", **IMPORTED)
    text = text_of(store)
    assert f" {status} | 2" in text or f" {status} | 3" in text
    assert "[░░░░░░░░░░] 0% (0/1 agents)" in text
    assert text.endswith(f" {status}.**\n")


def test_a_session_that_waits_for_a_person_has_not_ended(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    play = stage.Play(log)
    play.begin()
    play.run("worker", 1, None)
    play.add(e.ApprovalRequested, 2, "worker", approval="a", tool="Bash", params={})
    assert text_of(store).endswith("**⏸️ Execution waits for a person's approval.**\n")


def test_at_a_position_it_says_what_it_said_then(log: MemoryLog, store: Store, stage: ModuleType) -> None:
    said = {}
    for step, _ in enumerate(stage.story(stage.Play(log))):
        if step in (1, 3, 6):
            said[log.head()] = text_of(store)
    assert len(said) == 3
    assert {position: text_of(store, position) for position in said} == said


def test_a_session_that_is_not_there_is_refused_with_its_position(log: MemoryLog, store: Store) -> None:
    with pytest.raises(NotFound, match="no session 'ses_nope' at position 3"):
        build(store, "ses_nope", 3)


def test_hostile_text_makes_no_heading_no_row_no_link_no_tag(
    log: MemoryLog, store: Store, stage: ModuleType, hostile: ModuleType
) -> None:
    hostile.hostile_play(stage.Play(log))
    text = text_of(store)
    assert headings(text) == WITH_AGENTS
    assert not set(text) & set(hostile.OBEYED)
    outside = re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", text)  # a code span shows what it holds
    assert "<" not in outside
    assert not re.search(r"(?<!\\)\]\(", outside)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7, 11}
    assert len(re.findall("^ *```", text, re.M)) == 4, "two fences, opened and closed by us alone"


def test_a_mermaid_graph_of_hostile_names_has_only_our_own_statements(
    log: MemoryLog, store: Store, stage: ModuleType, hostile: ModuleType
) -> None:
    hostile.hostile_play(stage.Play(log))
    graph = text_of(store).split("```mermaid\n")[1].split("```")[0].splitlines()
    node = r'[A-Za-z]\w*\["[\w .,/()@+=#;-]*"\]'
    edge = r'[A-Za-z]\w* (-->|==>)\|"(handoff )?\d+"\| [A-Za-z]\w*'
    assert graph[0] == "graph LR"
    assert [line for line in graph[1:] if not re.fullmatch(f"    ({node}|{edge})", line)] == []


def test_names_that_differ_get_nodes_that_differ_and_no_node_is_a_word_of_mermaid() -> None:
    ids = mermaid_ids(["a-b", "a_b", "a b", "end", "END", "", "9lives", "日本", "constructor"])
    assert len({node.lower() for node in ids.values()}) == len(ids) == 9
    assert not {"end", "graph", "constructor"} & {node.lower() for node in ids.values()}


@pytest.mark.parametrize("text", ["plain words, and more.", "auth.py:45", "src/a_b/c-d.py", "12.5 s", "a — b"])
def test_harmless_text_stays_readable(text: str) -> None:
    assert markdown_text(text) == text


def test_a_code_span_holds_any_number_of_backticks() -> None:
    assert code_span("a `b` ``c``") == "``` a `b` ``c`` ```"
