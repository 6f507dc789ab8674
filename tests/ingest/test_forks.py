"""Forked and mixed sessions: whatever the order of import, what two sessions hold belongs to the elder."""

import itertools
import json


def replayed(session_of, parent, session, own=("mine",)):
    """A session that begins with all lines of `parent` under its own id, and goes on."""
    child = session_of(session)
    child.lines = [{**line, "sessionId": session} for line in parent.lines]
    for text in own:
        child.user(text)
        child.assistant(f"{text}: done")
    return child


def parent_of(session_of):
    parent = session_of("parent")
    parent.user("go")
    parent.call("toolu_1", "Task", prompt="look", subagent_type="scout")
    parent.assistant("waiting")
    return parent


def in_all_orders(workshop, sessions, tmp_path, *, apart=None):
    """One workshop an order of import, all of which tell the same (but for the table `apart`)."""
    files = [each.write(tmp_path / f"{each.session}.jsonl") for each in sessions]
    shops = []
    for number, order in enumerate(itertools.permutations(files)):
        shop = workshop.fresh(f"order{number}")
        for path in order:
            shop.bring(path)
        shops.append(shop)
    tables = [{name: rows for name, rows in shop.tables().items() if name != apart} for shop in shops]
    assert all(each == tables[0] for each in tables)
    return shops


def test_a_fork_gives_way_to_its_parent_in_any_order(workshop, session_of, tmp_path):
    parent = parent_of(session_of)
    child = replayed(session_of, parent, "child")
    for shop in in_all_orders(workshop, [parent, child], tmp_path):
        assert shop.rows("SELECT session, forked_from FROM sessions ORDER BY session") == [
            {"session": "child", "forked_from": "parent"},
            {"session": "parent", "forked_from": None},
        ]
        assert shop.rows("SELECT session, count(*) AS n FROM messages GROUP BY session ORDER BY session") == [
            {"session": "child", "n": 2},
            {"session": "parent", "n": 2},
        ]
        assert shop.rows("SELECT session FROM tool_calls") == [{"session": "parent"}]
        (fork,) = shop.events("session.forked")
        assert (fork.session, fork.parent, fork.shared) == ("child", "parent", 2)


def test_two_sessions_that_both_go_on_are_told_apart_by_who_went_on_first(workshop, session_of, tmp_path):
    parent = parent_of(session_of)
    child = replayed(session_of, parent, "a-child")
    for number, line in enumerate(child.lines[-2:]):
        line["timestamp"] = child.time(60 + number)
    parent.user("later, but before the child")
    shops = in_all_orders(workshop, [parent, child], tmp_path)
    assert [shop.events("session.forked")[0].parent for shop in shops] == ["parent", "parent"]


def test_a_fork_of_a_fork_doubles_nothing(workshop, session_of, tmp_path):
    parent = parent_of(session_of)
    child = replayed(session_of, parent, "child")
    grandchild = replayed(session_of, child, "a-grandchild", own=("deeper",))
    # `sessions.forked_from` names one of the two elders that the grandchild has, the one that was found first.
    for shop in in_all_orders(workshop, [parent, child, grandchild], tmp_path, apart="sessions"):
        count = shop.rows("SELECT session, count(*) AS n FROM messages GROUP BY session ORDER BY session")
        assert count == [{"session": s, "n": 2} for s in ("a-grandchild", "child", "parent")]


def test_two_sessions_with_the_same_lines_are_told_apart_all_the_same(workshop, session_of, tmp_path):
    parent = parent_of(session_of)
    twin = replayed(session_of, parent, "twin", own=())
    for shop in in_all_orders(workshop, [parent, twin], tmp_path):
        assert shop.rows("SELECT DISTINCT session FROM messages") == [{"session": "parent"}]


def test_a_fork_that_is_known_is_not_told_again(workshop, session_of, tmp_path):
    parent = parent_of(session_of)
    child = replayed(session_of, parent, "child")
    workshop.bring(parent.write(tmp_path / "p.jsonl"))
    workshop.bring(child.write(tmp_path / "c.jsonl"))
    child.user("more")
    grown = workshop.bring(child.write(tmp_path / "c.jsonl")).as_json()
    assert grown["events_appended"] == 2, "the new prompt and the ledger"
    parent.user("the parent goes on, too late to be the younger one")
    workshop.bring(parent.write(tmp_path / "p.jsonl"))
    assert len(workshop.events("session.forked")) == 1


def test_one_file_may_hold_two_sessions(workshop, session_of, tmp_path):
    first = parent_of(session_of)
    second = session_of("second")
    second.user("go on")
    second.assistant("Going.")
    mixed = session_of("mixed")
    mixed.lines = [*first.lines, *second.lines]
    for shop in in_all_orders(workshop, [first, mixed], tmp_path):
        assert shop.rows("SELECT session, messages FROM sessions ORDER BY session") == [
            {"session": "parent", "messages": 2},
            {"session": "second", "messages": 2},
        ]
    assert json.loads(json.dumps(shop.events("import")[0].sessions))
