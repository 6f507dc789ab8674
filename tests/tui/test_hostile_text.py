"""Hostile text from agents, tools and files reaches no screen but as visible signs, and no terminal at all."""

import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from textual import events

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.eventstore import open_log

ESC, BEL, CSI, OSC = "\x1b", "\x07", "\x9b", "\x9d"
CORPUS = (
    "[/x] [bold [/bold] [b][/]",
    "[@click=app.quit]quit[/]",
    "[link=file:///etc/passwd]x[/link]",
    f"{ESC}]52;c;ZXZpbA=={BEL}",
    f"{ESC}]8;;http://evil.example{ESC}\\link{ESC}]8;;{ESC}\\",
    f"{ESC}]0;title{BEL}",
    f"{OSC}0;title\x9c{CSI}31m",
    f"{ESC}[2J{ESC}[31mred{ESC}[?1049l",
    "\u202egnirts desrever\u2066\u2069",
    "zero\u200bwidth\u200d\ufeff",
    "tag\U000e0041\U000e007f",
    "back\x08\x08\x7f\x00\x85",
    "\ud800 lone",
    "two\nlines\tand a tab\r\nand another",
    "$primary ${x} %s {0} \\[ \\",
)
HOSTILE = " ¦ ".join(CORPUS)
DANGEROUS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e0fff\ud800-\udfff]"
)


def hostile_events(session: str = "ses_evil") -> list[e.Event]:
    """A session in which every open text says the whole corpus."""
    bad = HOSTILE
    who: dict[str, Any] = {"source": "transcript", "session": session, "run": "run_evil", "agent": bad}
    return [
        e.SessionStarted(product=bad, request=bad, project=bad, source="transcript", session=session),
        e.PlanMade(
            request=bad, planner=bad, source="transcript", session=session,
            tasks=(e.PlannedTask(id=bad, agent=bad, task=bad),), phases=((bad,),),
        ),
        e.AgentStarted(task=bad, model=bad, **who),
        e.ToolCalled(
            call=f"c{bad}", tool=bad, mcp_server=bad, params={bad: bad, "old_string": bad, "new_string": "x"}, **who
        ),
        e.ToolReturned(call=f"c{bad}", status="error", result={"@@ -1 +1 @@": [bad], bad: [bad]}, error=bad, **who),
        e.ToolCalled(call="c2", tool=bad, params=bad, **who),
        e.ToolReturned(call="c2", status="ok", result=f"@@ -1 +1 @@\n-{bad}\n+{bad}", **who),
        e.MessageSent(
            message=f"m{bad}", sender=bad, recipient="b", recipient_runs=("rb",), type="prompt", topic=bad, thread=bad,
            payload={"text": bad, bad: [bad]}, **who,
        ),
        e.MessageExpired(message=f"m{bad}", recipient=bad, reason=bad, **who),
        e.HandoffOffered(handoff=f"h{bad}", giver=bad, taker=bad, task=bad, package={bad: bad}, **who),
        e.HandoffRejected(handoff=f"h{bad}", taker=bad, problems=(bad, bad), **who),
        e.PatternDiscovered(
            pattern=f"p{bad}", name=bad, type=bad, context=bad, solution=bad, confidence=0.5, evidence=(1,), **who
        ),
        e.IncidentObserved(incident=bad, type=bad, detail={bad: bad}, **who),
        e.ImportCompleted(
            path=bad, format=bad, content_hash=bad, source="transcript",
            bytes=1, lines=1, recorded=1, duplicates=0, ignored=0, unparseable=0,
        ),
        e.AgentFailed(reason=bad, remedy=bad, outputs={bad: bad}, **who),
    ]  # fmt: skip


LISTS = (
    ("2", "tree"),
    ("2", "story"),
    ("3", "messages"),
    ("4", "rejected"),
    ("5", "calls"),
    ("6", "patterns"),
    ("8", "imports"),
)

MOST_OPENED = 4


async def test_every_screen_shows_hostile_text_as_visible_signs(log: Any, open_dashboard: Any) -> None:
    log.observe([witnessed(event) for event in hostile_events()])
    seen = ""
    async with open_dashboard(size=(300, 60), session="ses_evil") as reader:
        for key in "12345687":
            await reader.presses(key)
            seen += _inert(reader, key)
        await reader.presses("escape")
        for key, grid in LISTS:
            await reader.presses(key)
            reader.grid(grid).focus()
            for row in range(min(MOST_OPENED, reader.grid(grid).count)):
                await reader.goes_to(grid, reader.grid(grid).columns[0].key, row)
                await reader.presses("enter")
                seen += _inert(reader, f"{grid} {row}")
                await reader.presses("escape")
        await reader.presses("5")
        await reader.goes_to("tools", "calls")
        await reader.presses("enter")
        seen += _inert(reader, "evidence")
        await reader.presses("r")
        seen += _inert(reader, "replay")
        reader.app.say(HOSTILE, severity="error")
        await reader.pilot.pause()
        _inert(reader, "notice")
    assert "␛]52;c" in seen
    assert "[@click=app.quit]" in seen
    assert "⟦U+202E⟧" in seen


def _inert(reader: Any, where: str) -> str:
    shown = reader.text()
    found = DANGEROUS.search(shown.replace("\n", ""))
    assert found is None, f"{where}: {found!r}"
    assert reader.app.is_running
    for strip in reader.app.screen._compositor.render_strips():
        for segment in strip:
            link = segment.style and (segment.style.link or "@click" in segment.style.meta)
            assert not link or "app.quit" not in str(segment.style.meta), where
    return str(shown)


async def test_a_query_answers_hostile_text_and_hostile_column_names(log: Any, open_dashboard: Any) -> None:
    log.observe([witnessed(event) for event in hostile_events()])
    async with open_dashboard(size=(200, 50)) as reader:
        await reader.presses("7")
        editor = reader.app.screen.query_one("#editor")
        editor.text = 'SELECT request AS "[/x]\x1b]0;y\x07", project FROM sessions'
        await reader.presses("ctrl+r")
        assert reader.grid("results").count == 1
        assert "␛]0;" in reader.text()
        grid_text = "\n".join(reader.grid("results").render_line(y).text for y in range(3))
        assert DANGEROUS.search(grid_text.replace("\n", "")) is None
        await reader.presses("enter")
        _inert(reader, "row")


async def test_a_saved_query_runs_as_it_is_seen(story: Any, open_dashboard: Any, tmp_path: Path) -> None:
    (tmp_path / "queries").mkdir()
    (tmp_path / "queries" / "evil.sql").write_text(f"-- {ESC}]0;t{BEL}\nSELECT '{CSI}31m\u202e' AS said", "utf-8")
    async with open_dashboard(size=(200, 50)) as reader:
        await reader.presses("7")
        schema = reader.app.screen.query_one("#schema")
        schema.focus()
        schema.move_cursor(schema.root.children[0].children[0])
        await reader.presses("enter")
        _inert(reader, "the editor")
        seen = reader.app.screen.query_one("#editor").text
        assert seen == "-- ␛]0;t␇\nSELECT '⟦U+009B⟧31m⟦U+202E⟧' AS said"
        await reader.presses("ctrl+r")
        assert reader.app.screen.queries.history == [seen]
        assert reader.column("results", "said") == ["⟦U+009B⟧31m⟦U+202E⟧"]


async def test_a_query_of_the_history_comes_back_as_visible_signs(open_dashboard: Any, tmp_path: Path) -> None:
    (tmp_path / "queries.json").write_text(json.dumps({"history": [HOSTILE], "saved": {}}))
    async with open_dashboard(size=(300, 60)) as reader:
        await reader.presses("7", "ctrl+up")
        assert "␛]52;c" in _inert(reader, "the editor")


FIELDS = {
    "the finder": (("slash",), "bd"),
    "the prompt": (("7", "ctrl+s"), "bd"),
    "the palette": (("ctrl+p",), "bd"),
    "the editor": (("7",), "cdSELECT"),
}
"""The keys that lead there, and what stands around the cursor when `d` was typed after the paste."""


@pytest.mark.parametrize(("keys", "end"), FIELDS.values(), ids=FIELDS.keys())
async def test_what_is_pasted_stands_there_as_visible_signs(open_dashboard: Any, keys: Any, end: str) -> None:
    async with open_dashboard(size=(200, 50)) as reader:
        await reader.presses(*keys)
        reader.app.post_message(events.Paste(f"a{ESC}]0;t{BEL}{CSI}31m\u202e\u200bb\rc"))
        await reader.pilot.pause()
        await reader.pilot.press("d")
        shown = _inert(reader, "what was pasted")
        assert "a␛]0;t␇⟦U+009B⟧31m⟦U+202E⟧⟦U+200B⟧b" in shown
        assert end in shown


TO_DRAW_SECONDS = 60.0
STILL_SECONDS = 0.2
"""A terminal that is sent nothing for so long shows all that is to be shown; a cursor blinks more slowly."""
OURS = re.compile(
    rb"\x1b\[[0-9;:?<>=]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    rb"|\x1b[78=>]"  # save and restore, keypad
    rb"|\x1b\]22;default\x07"  # the mouse pointer's shape
)
"""What Textual itself may say to a terminal."""
UP, DOWN, RIGHT, CTRL_UP = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[1;5A"
TAB, BACK_TAB, ENTER, BACK, ESCAPE = "\t", "\x1b[Z", "\r", "\x7f", ESC
PASTE = f"{ESC}[200~{HOSTILE.replace(ESC, CSI).encode('utf-8', 'replace').decode()}{ESC}[201~"
"""As from a terminal that takes ESC out of what it pastes, and leaves the rest in."""
JOURNEY = (
    ("d", "Now go to the session to lay beside it"),
    (DOWN + "d", "ses_evil beside ses_worse"),
    (BACK, "2 sessions"),
    ("/", "/ search requests"),
    (PASTE, "No session is like that"),
    (ESCAPE, "ses_worse"),
    (UP + ENTER, "parallel"),
    (ENTER, "run run_evil"),
    (BACK, "Commentary"),
    (TAB, "Commentary, newest first"),
    (ENTER, "event at position 15"),
    (BACK, "Commentary"),
    ("3", "1 messages"),
    (ENTER, "message m[/x]"),
    (BACK, "1 messages"),
    (RIGHT * 5 + ENTER, "events behind: deliveries"),
    (ENTER, "event at position 8"),
    (BACK, "events behind: deliveries"),
    (BACK, "1 messages"),
    ("4", "1 handoffs"),
    (ENTER, "handoff h[/x]"),
    (BACK, "1 handoffs"),
    ("5", "2 calls"),
    (TAB, "Slowest"),
    (TAB, "Parameters"),
    (ENTER, "call c[/x]"),
    (BACK, "2 calls"),
    ("6", "1 patterns"),
    (ENTER, "pattern p[/x]"),
    (BACK, "1 patterns"),
    ("8", "size of the log"),
    ("V", "whole up to position"),
    (ENTER, "event at position 14"),
    (BACK, "the log's health"),
    ("r", "‖ ×1"),
    ("g", "Position of the log"),
    (ESCAPE, "as of 1"),
    ("l", "live 27"),
    ("?", "Every key, by place"),
    (ESCAPE, "the log's health"),
    ("\x10", "Search for commands"),
    (PASTE, "[/x] [bold [/bold] [b][/] ¦ [@click"),
    (ESCAPE, "the log's health"),
    ("7", "dead_letters"),
    (TAB, "agent_runs"),
    (DOWN * 2 + ENTER, "FROM sessions"),
    ("\x12", "2 rows"),
    (ENTER, "one row of the answer"),
    (BACK, "2 rows"),
    (BACK_TAB, "agent_runs"),
    (BACK_TAB, "your question"),
    (CTRL_UP, "FROM sessions"),
    (PASTE, "⟦U+009B⟧]8;;"),
    ("\x13", "Keep this question as"),
    (PASTE + ENTER, "saved queries"),
)
"""What is pressed or pasted, and what then comes on the terminal."""


@pytest.mark.timeout(240)
def test_no_control_byte_of_the_content_reaches_a_real_terminal(tmp_path: Path) -> None:
    log = open_log(tmp_path)
    log.observe([witnessed(event) for session in ("ses_evil", "ses_worse") for event in hostile_events(session)])
    log.close()
    (tmp_path / "queries").mkdir()
    text = HOSTILE.encode("utf-8", "replace").decode()
    query = f'FROM sessions /* {text} */ SELECT request AS "{text}"'
    (tmp_path / "queries" / "evil.sql").write_text(query, "utf-8")
    written = _play(tmp_path, JOURNEY)
    rest = OURS.sub(b"", written).decode("utf-8", "replace")
    assert "␛]52" in rest, "the hostile text was never drawn"
    assert not re.findall(
        r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\U000e0000-\U000e0fff]", rest
    )
    for payload in (b"\x1b]52", b"\x1b]0;", b"\x1b]8;", b"ZXZpbA==\x07"):
        assert payload not in written


def _play(home: Path, journey: Sequence[tuple[str, str]]) -> bytes:
    """Run `orchestrion watch` on a pseudo-terminal, go the journey, quit; everything it wrote."""
    parent, child = pty.openpty()
    ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    command = [sys.executable, "-P", "-m", "orchestrion.cli.main", "watch", "--home", str(home)]
    environ = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=child, stdout=child, stderr=child, env=environ, start_new_session=True)
    os.close(child)
    try:
        written = _read_until(parent, "ses_worse")
        for keys, wanted in journey:
            os.write(parent, keys.encode())
            written += _read_until(parent, wanted)
        os.write(parent, b"\x11")
        written += _read_until(parent, None)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        os.close(parent)
    return written


def _read_until(terminal: int, wanted: str | None) -> bytes:
    """What is written until `wanted` was drawn and nothing came for a moment; with None, until it is closed."""
    seen, found, until = b"", False, time.monotonic() + TO_DRAW_SECONDS
    while (left := until - time.monotonic()) > 0:
        if not select.select([terminal], [], [], STILL_SECONDS if found else left)[0]:
            break
        try:
            seen += os.read(terminal, 65536)
        except OSError:  # Linux says so when the other end is closed
            break
        found = wanted is not None and wanted.encode() in OURS.sub(b"", seen)
    assert found or wanted is None, (
        f"{wanted!r} was not drawn within {TO_DRAW_SECONDS} s: {OURS.sub(b'', seen).decode()}"
    )
    return seen
