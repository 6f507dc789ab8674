"""What can be read: each state with its sign, on a small and a large terminal, in either theme and without colours."""

import re
from typing import Any

import pytest
from rich.style import Style

from orchestrion.domain import events as e

LEAST_CONTRAST = 2.0
"""Between text and what is behind it, by WCAG 2.1; figures that are not known stand back that far."""


def waits(story: Any) -> None:
    """A session of ours whose one run asks a person."""
    story.tell(e.SessionStarted, product="orchestrion", request="Ask first")
    story.tell(e.AgentStarted, run="ses_1/one", agent="asker", task="ask")
    story.tell(e.ApprovalRequested, run="ses_1/one", agent="asker", approval="ask_1", tool="run_command")


def is_lost(story: Any) -> None:
    """A session of ours whose conductor let its lease run out: the log went on long after."""
    story.tell(e.SessionStarted, product="orchestrion", request="Say nothing")
    story.tell(e.AgentStarted, run="ses_1/one", agent="asker", task="vanish")
    story.tell(e.LeaseTaken, holder="h", pid=1, born="b", host="h", lease_seconds=60)
    story.tell(e.SessionStarted, session="ses_2", product="orchestrion", request="Later", seconds=3600)


STATES = {"waiting": (waits, "Ask first", "◐ waiting"), "lost": (is_lost, "Say nothing", "✗ lost")}


@pytest.mark.parametrize(("given", "asked", "shown"), STATES.values(), ids=STATES.keys())
async def test_a_state_stands_with_its_sign_in_the_lists_of_sessions_and_of_runs(
    story: Any, open_dashboard: Any, given: Any, asked: str, shown: str
) -> None:
    given(story)
    status = shown.split()[1]
    async with open_dashboard(session="ses_1") as reader:
        assert reader.column("tree", "status") == [status]
        assert shown in line(reader, "asker  ")
        assert shown in line(reader, asked)
        await reader.presses("1")
        assert status in reader.column("sessions", "status")
        assert shown in line(reader, asked)


def line(reader: Any, words: str) -> str:
    """The first line on the screen that has these words."""
    return next(shown for shown in reader.text().splitlines() if words in shown)


TABS = "1 Sessions 2 Session 3 Messages 4 Handoffs 5 Tools 6 Patterns 7 SQL 8 Health"
READABLE = {
    "1": ("1 sessions", "● completed  Fix the login endpoint", "Runs  Calls  Msgs  Tokens", "/ Find", "q Quit"),
    "2": (
        "● completed  Fix the login endpoint", "failed 1", "cost unknown", "approvals none", "phases 100% of 3 tasks",
        "├ backend-api-developer  ● completed", "✓ session completed", "r Replay", "q Quit",
    ),
    "3": ("1 messages", "═ 1 ═", "security-auditor  backend-api-developer  finding_report  ▲ high", "/ Find"),
    "4": ("offered 0", "accepted 1", "rejected 0", "completed 0", "security-auditor → backend-api-developer"),
    "5": ("5 calls", "Bash  ✗ error   4.0s  test-suite-developer   path: auth.py", "f Failures", "q Quit"),
    "6": ("missing-organization-check  security  security-auditor   90%         2", "q Quit"),
    "7": ("SELECT tool, count(*)", "▶ agent_runs", "answer", "esc Leave", "^r Run"),
    "8": ("projection lag", "dead letters", "verify", "V Verify", "Nothing was imported.", "q Quit"),
}  # fmt: skip


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_what_matters_of_every_screen_can_be_read(story: Any, open_dashboard: Any, size: tuple[int, int]) -> None:
    story.team()
    async with open_dashboard(size=size, session="ses_1") as reader:
        for key in "12345687":
            await reader.presses(key)
            shown = " ".join(reader.text().split())
            assert TABS in shown
            assert "● live 25" in shown
            for words in READABLE[key]:
                assert " ".join(words.split()) in shown, (key, words)


def colours(reader: Any) -> list[tuple[str, Style]]:
    """What is written on the screen, with its colours."""
    return [(piece.text, piece.style) for shown in reader.drawn() for piece in shown if piece.text.strip()]


def brightness(colour: Any) -> float:
    """Relative luminance by WCAG 2.1."""
    parts = [part / 255 for part in colour.triplet]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("light", [False, True], ids=["dark", "light"])
async def test_everything_written_stands_out_in_either_theme(story: Any, open_dashboard: Any, light: bool) -> None:
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        if light:
            await reader.presses("t")
        for key in "1234568":
            await reader.presses(key)
            behind = []
            for text, style in colours(reader):
                if not re.search(r"\w", text):
                    continue  # a border may stand back
                assert style.color, (key, text, style)
                assert style.bgcolor, (key, text, style)
                front, back = brightness(style.color), brightness(style.bgcolor)
                behind.append(back)
                contrast = (max(front, back) + 0.05) / (min(front, back) + 0.05)
                assert contrast >= LEAST_CONTRAST, (key, text, style)
            most = sorted(behind)[len(behind) // 2]
            assert most > 0.5 if light else most < 0.1


@pytest.mark.parametrize("bare", [False, True], ids=["with colours", "without"])
async def test_no_color_leaves_greys_alone_and_every_sign(
    story: Any, open_dashboard: Any, monkeypatch: pytest.MonkeyPatch, bare: bool
) -> None:
    if bare:
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    story.team()
    async with open_dashboard(session="ses_1") as reader:
        for key, signs in (("1", "●"), ("2", "●✓✗█"), ("3", "▲"), ("5", "●✗")):
            await reader.presses(key)
            shown = colours(reader)
            grey = all(len(set(c.triplet)) == 1 for _, style in shown for c in (style.color, style.bgcolor))
            assert grey == bare, key
            assert all(any(sign in text for text, _ in shown) for sign in signs), key
