"""Whom the rules blame, over conversations made up for each rule; and what bench prints."""

from orchestrion.projections.inquiry.blaming import Said, blame, by_chance, first_speaker, last_speaker, most_said


def talk(*lines: tuple[str, str]) -> list[Said]:
    return [Said(number, agent, text, 10 + number) for number, (agent, text) in enumerate(lines)]


def test_who_invents_facts_is_blamed_first() -> None:
    steps = talk(("planner", "Look it up"), ("finder", "Let's assume that it is 7"), ("checker", "TERMINATE"))
    found = blame(steps)
    assert found is not None
    assert (found.agent, found.step, found.position) == ("finder", 1, 11)
    assert "invented" in found.rule


def test_code_that_broke_and_was_not_mended_is_its_authors() -> None:
    wrong = ("coder", "```python\nx\n```")
    broke = ("Computer_terminal", "exitcode: 1 (execution failed)")
    mended = ("Computer_terminal", "exitcode: 0")
    found = blame(talk(wrong, broke, ("checker", "It looks right")))
    assert found is not None
    assert (found.agent, found.rule) == ("coder", "its code broke and was not mended")
    found = blame(talk(wrong, broke, wrong, mended, ("checker", "the answer is 3")))
    assert found is not None
    assert (found.agent, found.rule) == ("checker", "it gave the answer that stood")


def test_nobody_is_blamed_where_nobody_spoke() -> None:
    assert [find([]) for find in (blame, first_speaker, last_speaker, most_said)] == [None] * 4
    assert by_chance([], "a", 1) == (0.0, 0.0)


def test_the_baselines_are_trivial() -> None:
    steps = talk(("a", "x"), ("b", "y"), ("b", "z"), ("Computer_terminal", "exitcode: 0"), ("c", "w"))
    names = [found.agent for find in (first_speaker, most_said, last_speaker) if (found := find(steps)) is not None]
    assert names == ["a", "b", "c"]
    assert by_chance(steps, "b", 1) == (1 / 3, 1 / 4)
