"""`handoffs show` gives one handoff with its whole package, its problems and what was used of it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrion.agents import membership
from orchestrion.agents.handover import Handover
from orchestrion.agents.post import Post
from orchestrion.domain.errors import RuleBroken
from orchestrion.eventstore import open_log

ADVICE = [f"Do the thing number {n}, which takes a sentence to say" for n in range(200)]


@pytest.fixture
def offers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Ids of one completed and one rejected handoff."""
    monkeypatch.setenv("ORCHESTRION_HOME", str(tmp_path / "home"))
    (tmp_path / "auth.py").touch()
    with open_log(tmp_path / "home") as log:
        session = membership.begin_session(log, "talk")
        giver, taker = (membership.register(log, session, name, []) for name in ("giver", "taker"))
        handover = Handover(Post(log, session), tmp_path)
        good = {"task": "fix", "recommendations": {"next_actions": ADVICE}}
        bad = {"task": "mend", "dependencies": {"required_inputs": ["gone.py"]}}
        ids = [handover.offer(giver, "taker", given).handoff for given in (good, bad)]
        handover.complete(taker, handover.receive(taker)["handoff"])
        with pytest.raises(RuleBroken):
            handover.receive(taker)
        yield ids


def test_the_whole_package_is_shown_however_large(offers: list[str], speak: Any) -> None:
    shown = speak("handoffs", "show", offers[0], "--format", "json").json
    assert (shown["giver"], shown["taker"], shown["status"]) == ("giver", "taker", "completed")
    assert shown["package"]["recommendations"]["nextActions"] == ADVICE


def test_the_problems_of_a_rejected_one_are_shown(offers: list[str], speak: Any) -> None:
    said = speak("handoffs", "show", offers[1])
    assert "gone.py: is not in the workspace" in said.out


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("show", "hnd_zz"), 3, "no handoff begins"),
        (("show",), 2, "handoffs show ID"),
        (("show", "hnd_"), 2, "several"),
    ],
)
def test_what_is_not_there_or_unclear_is_said(
    words: tuple[str, ...], code: int, sentence: str, offers: list[str], speak: Any
) -> None:
    said = speak("handoffs", *words)
    assert (said.code, said.out) == (code, "")
    assert sentence in said.err


def test_handoffs_are_counted_by_who_gave_to_whom(offers: list[str], speak: Any) -> None:
    (row,) = speak("handoffs", "--stats", "--format", "json").json
    assert (row["giver"], row["taker"], row["offered"], row["rejected"], row["completed"]) == (
        "giver",
        "taker",
        2,
        1,
        1,
    )
