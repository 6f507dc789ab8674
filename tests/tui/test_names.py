"""What a growing commentary remembers of calls, messages and runs is what the log says of them."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from orchestrion.domain import events as e
from orchestrion.domain.streams import WITNESSES, witnessed
from orchestrion.eventstore import MemoryLog
from orchestrion.projections import Store
from orchestrion.tui.asking import Growing, Question, answer, asking
from orchestrion.tui.literals import bound
from orchestrion.tui.names import MOST_KNOWN, Names
from orchestrion.tui.questions import question
from orchestrion.tui.story import Told
from orchestrion.tui.witnesses import OfSession, Witnesses
from tests.tui.conftest import NOON


def commentary(rows: int = 6) -> Question:
    """The newest lines of a session, asked as the session screen does."""
    witnesses = Witnesses()
    return Question(
        "story",
        question("story"),
        {"session": "ses_1"},
        (0, rows),
        order="position DESC",
        counted=question("story_count"),
        growing=Growing(question("story_new"), OfSession("ses_1", witnesses)),
        finish=Told("ses_1", witnesses),
    )


IDS = st.sampled_from(["1", "2"])
RUNS = st.sampled_from(["ses_1/a", "ses_1/b"])
AGENTS = st.sampled_from([None, "ann", "bob"])
ACTS = st.one_of(
    st.builds(lambda run, agent: (e.AgentStarted, {"run": run, "agent": agent or "ann"}), RUNS, AGENTS),
    st.builds(
        lambda call, run, agent, tool: (e.ToolCalled, {"call": call, "run": run, "agent": agent, "tool": tool}),
        IDS, RUNS, AGENTS, st.sampled_from(["Read", "Bash"]),
    ),
    st.builds(lambda call, run: (e.ToolReturned, {"call": call, "run": run, "status": "ok"}), IDS, RUNS),
    st.builds(
        lambda message, kind: (
            e.MessageSent, {"message": message, "sender": "ann", "recipient": "bob", "type": kind, "payload": {}},
        ),
        IDS, st.sampled_from(["finding_report", "response"]),
    ),
    st.builds(lambda message: (e.MessageAcknowledged, {"message": message, "recipient": "bob"}), IDS),
    st.builds(lambda run: (e.IncidentObserved, {"run": run, "type": "retry"}), RUNS),
    # These are no lines, and tell of lines all the same:
    st.builds(
        lambda run, agent, id: (
            e.UsageRecorded,
            {"run": run, "agent": agent, "request_id": id, "model": "m", "input_tokens": 1, "output_tokens": 1},
        ),
        RUNS, AGENTS, IDS,
    ),
    st.builds(lambda run, agent: (e.AgentRegistered, {"run": run, "agent": agent or "ann"}), RUNS, AGENTS),
    st.just((e.LeaseRenewed, {"holder": "hld_1"})),
)  # fmt: skip
TOLD = st.tuples(ACTS, st.sampled_from(WITNESSES), st.floats(0, 3))


def told_of(kind: type[e.Event], **fields: Any) -> Any:
    return (kind, {"run": "ses_1/a", **fields}), "transcript", 1.0


CALLED = told_of(e.ToolCalled, call="1", tool="Read")
NAMED = told_of(e.UsageRecorded, agent="ann", request_id="1", model="m", input_tokens=1, output_tokens=1)


@given(st.lists(st.lists(TOLD, min_size=1, max_size=4), min_size=2, max_size=6))
@example([[CALLED], [CALLED], [NAMED], [told_of(e.ToolCalled, call="2", tool="Bash")]])
@settings(max_examples=8, phases=(Phase.explicit, Phase.reuse, Phase.generate))  # to shrink takes minutes
def test_the_lines_of_a_list_that_grew_are_those_of_the_whole_list(batches: Any) -> None:
    log = MemoryLog()
    told, before, moment = commentary(), None, NOON
    with TemporaryDirectory() as folder, Store(log, Path(folder)) as store:
        for number, batch in enumerate(batches):
            for index, ((kind, fields), source, seconds) in enumerate(batch):
                named = {"incident": f"{number}-{index}"} if kind is e.IncidentObserved else {}
                moment += timedelta(seconds=seconds)
                event = kind(session="ses_1", source=source, happened_at=moment, **fields, **named)
                log.observe([witnessed(event)])
            store.catch_up()
            found = answer(asking(store), told, before)
            assert found == answer(asking(store), replace(told, growing=None))
            before = found
    log.close()


def test_what_came_before_ones_eyes_is_not_asked_for_again(story: Any, feed: Any) -> None:
    story.team()
    asked: list[str] = []

    def query(sql: str, values: Any, **_: Any) -> Any:
        asked.append(sql)
        return feed.views.query(bound(sql, values), like=sql)

    told = commentary()
    before = answer(query, told)
    for _ in range(3):
        story.call("ses_1/x", "x", "Grep")
        feed.views.catch_up()
        before = answer(query, told, before)
        assert [row["told"].strip() for row in before.dicts()[:2]] == [
            "✓ x · Grep ok in 200ms",
            "→ x calls Grep path: auth.py",
        ]
    names = [sql for sql in asked if sql == question("story_names")]
    assert len(names) == 2, "the page at first, and the run x once"


def test_what_comes_while_it_is_asked_is_not_forgotten_for_the_answer_that_does_not_know_it() -> None:
    """Two threads ask for one screen now and then: what is learned ahead, and the next round."""
    names = Names()
    called = {"kind": "tool.called", "call": "c", "message": None, "run": "r", "agent": None, "position": 7}
    called |= {"happened_at": NOON, "data": '{"tool": "Read"}'}
    came = Thread(target=names.heard, args=(called,), kwargs={"first": True})

    def asked(missing: Any) -> list[Any]:
        assert missing["calls"] == ("c",)
        came.start()
        came.join(0.2)
        return []

    assert names.of({"calls": ["c"]}, asked) == []
    came.join()
    [row] = names.of({"calls": ["c"]}, asked)
    assert row["tool"] == "Read"


def test_no_more_calls_are_remembered_than_a_page_can_need() -> None:
    names, asked = Names(), []
    told = {"kind": "tool.called", "message": None, "run": "r", "agent": None, "happened_at": NOON, "data": "{}"}
    for number in range(MOST_KNOWN + 1):
        names.heard({**told, "call": f"c{number}", "position": number}, first=True)
    names.of({"calls": ["c0", f"c{MOST_KNOWN}"]}, lambda missing: asked.append(missing) or [])
    assert asked == [{"calls": ("c0",)}]
