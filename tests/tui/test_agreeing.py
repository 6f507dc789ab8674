"""The dashboard, the report and the views say the same figures of one log."""

import re
from collections import Counter
from typing import Any

import pytest

from orchestrion.cli.statistics import question
from orchestrion.domain import events as e
from orchestrion.tui.report import Report, build, html, markdown
from orchestrion.tui.widgets.overview import Overview

STATUSES = ("ok", "error", "denied", "interrupted", "timed_out")


def calls_of_every_status(story: Any) -> None:
    """Of two tools; one call has no answer, and one is told by two witnesses."""
    story.team()
    for status in STATUSES:
        story.call("ses_1/x", "x", "Bash", status=status, seconds=1 + STATUSES.index(status))
    story.call("ses_1/x", "x", "mcp__memory__find", status="denied", mcp_server="memory")
    story.tell(e.ToolCalled, run="ses_1/x", agent="x", call="open", tool="Bash")
    for source in ("hook", "transcript"):
        story.tell(e.ToolCalled, run="ses_1/x", agent="x", call="twice", tool="Bash", source=source)
        story.tell(e.ToolReturned, run="ses_1/x", call="twice", status="error", source=source)


def planned(story: Any, *agents: str) -> None:
    story.tell(e.SessionStarted, product="orchestrion", request="r")
    tasks = tuple(e.PlannedTask(id=f"t{n}", agent=agent, task="x") for n, agent in enumerate(agents))
    story.tell(e.PlanMade, request="r", planner="words", tasks=tasks, phases=(agents,))


def a_second_attempt_runs(story: Any) -> None:
    planned(story, "a")
    about = {"agent": "a", "task_id": "t0"}
    story.tell(e.AgentStarted, run="ses_1/a-1", attempt=1, **about)
    story.tell(e.AgentFailed, run="ses_1/a-1", agent="a", reason="it broke")
    story.tell(e.AgentStarted, run="ses_1/a-2", attempt=2, **about)


def a_second_attempt_went_well(story: Any) -> None:
    a_second_attempt_runs(story)
    story.tell(e.AgentCompleted, run="ses_1/a-2", agent="a")


def one_of_two_tasks_of_an_agent_is_done(story: Any) -> None:
    planned(story, "a", "a", "b")
    story.tell(e.AgentStarted, run="ses_1/a-1", agent="a")
    story.tell(e.AgentCompleted, run="ses_1/a-1", agent="a")


def of(pattern: str, text: str) -> list[str]:
    """What stands where `pattern` has its groups. Fails if it does not stand there."""
    found = re.search(pattern, text, re.S)
    assert found is not None, (pattern, text)
    return list(found.groups())


async def glance(open_dashboard: Any) -> str:
    async with open_dashboard(session="ses_1", size=(200, 40)) as reader:
        return str(reader.app.screen.query_one(Overview).plain)


def report_of(feed: Any) -> Report:
    feed.views.catch_up()
    return build(feed.views, "ses_1")


async def test_as_many_calls_failed_for_the_dashboard_as_for_the_report_the_statistics_and_the_views(
    story: Any, feed: Any, open_dashboard: Any
) -> None:
    calls_of_every_status(story)
    failed = of(r"calls (\d+)  failed (\d+)", await glance(open_dashboard))
    assert failed == ["13", "7"]
    report = report_of(feed)
    assert of(r"\*\*Tool Calls\*\*: (\d+).*\*\*Failed Tool Calls\*\*: (\d+)", markdown(report)) == failed
    assert of(r"Tool calls</span><strong[^>]*>(\d+)<.*Failed</span><strong[^>]*>(\d+)<", html(report)) == failed
    by_tool = Counter[str]()
    for line in report.tools:
        by_tool.update({line.tool: line.failed.value})
    stats = feed.views.query(*question("tool", session="ses_1", since=None)).dicts()
    assert {row["tool"]: row["failed"] for row in stats} == by_tool
    assert dict(feed.views.query("SELECT tool, sum(failures) FROM tool_stats GROUP BY tool").rows) == by_tool
    async with open_dashboard(session="ses_1") as reader:
        await reader.presses("5")
        shown = zip(reader.column("tools", "tool"), reader.column("tools", "failures"), strict=True)
        assert {tool: int(failures) for tool, failures in shown} == by_tool


def test_a_failed_call_is_drawn_as_one_and_only_an_unanswered_one_as_open(story: Any, feed: Any) -> None:
    calls_of_every_status(story)
    report = report_of(feed)
    kinds = [bar.kind for bar in report.timeline.bars]
    assert kinds.count("failed") == report.metrics["failed_calls"].value
    assert kinds.count("open") == 1


@pytest.mark.parametrize(
    ("tell", "progress"),
    [
        (a_second_attempt_runs, ["0", "1"]),
        (a_second_attempt_went_well, ["1", "1"]),
        (one_of_two_tasks_of_an_agent_is_done, ["1", "3"]),
    ],
)
async def test_a_plan_is_as_far_for_the_dashboard_as_for_the_report(
    tell: Any, progress: list[str], story: Any, feed: Any, open_dashboard: Any
) -> None:
    tell(story)
    assert of(r"of \d+ tasks  1 [█░]+ (\d)/(\d)", await glance(open_dashboard)) == progress
    report = report_of(feed)
    assert of(r"\((\d)/(\d) agents\)", markdown(report)) == progress
    assert of(r"Progress</span><strong[^>]*>(\d) / (\d) agents<", html(report)) == progress
