"""What a tool changed is shown line by line, whoever wrote the tool."""

from pathlib import Path
from typing import Any

import pytest

from orchestrion.domain import events as e
from orchestrion.domain.streams import witnessed
from orchestrion.tui.diffs import MOST_LINES, Line, changes, looks_like_diff, patched
from orchestrion.tui.figures import document
from orchestrion.tui.screens.opened import OpenedCall
from tests.tui.conftest import NOON

RECORDINGS = Path(__file__).parents[3] / "shared" / "sessions"
PATCH = """*** Begin Patch
*** Update File: auth.py
@@ def login(user):
 user = found(user)
-if user:
+if user.org:
*** Add File: new.py
+--- not a head
*** End Patch
"""
UNIFIED = """Exit code: 0
diff --git a/auth.py b/auth.py
index 1..2 100644
--- a/auth.py
+++ b/auth.py
@@ -1,2 +1,2 @@ def login(user):
 user = found(user)
-if user:
\\ No newline at end of file
+if user.org:
--- a/new.py
+++ b/new.py
@@ -0,0 +1 @@
+one
"""
EDITS = [
    ("old_string", "new_string"),
    ("oldText", "newText"),
    ("oldString", "newString"),
    ("old_str", "new_str"),
    ("search", "replace"),
]


@pytest.mark.parametrize(("old", "new"), EDITS)
def test_every_tools_words_for_old_and_new_are_known(old: str, new: str) -> None:
    edit = {old: "a\nb\nc", new: "a\nB\nc"}
    lines = [Line("@", "@@ -1,3 +1,3 @@"), Line(" ", "a"), Line("-", "b"), Line("+", "B"), Line(" ", "c")]
    assert changes(edit) == lines
    assert changes({"path": "x", "edits": [edit, edit]}) == lines * 2
    assert changes({new: "only new"})[1:] == [Line("+", "only new")]


def test_a_patch_of_codex_is_read_wherever_it_stands() -> None:
    read = [
        Line("@", "*** Begin Patch"),
        Line("@", "*** Update File: auth.py"),
        Line("@", "@@ def login(user):"),
        Line(" ", "user = found(user)"),
        Line("-", "if user:"),
        Line("+", "if user.org:"),
        Line("@", "*** Add File: new.py"),
        Line("+", "--- not a head"),
        Line("@", "*** End Patch"),
    ]
    assert changes({"input": PATCH}) == read
    assert changes({"command": ["apply_patch", PATCH]}) == read
    shell = changes({"command": ["bash", "-lc", f"apply_patch <<'EOF'\n{PATCH}EOF\necho + done"]})
    assert shell == [Line("", "apply_patch <<'EOF'"), *read, Line("", "EOF"), Line("", "echo + done")]


def test_a_unified_diff_keeps_what_stands_around_it() -> None:
    assert list(patched(UNIFIED)) == [
        Line("", "Exit code: 0"),
        Line("@", "diff --git a/auth.py b/auth.py"),
        Line("", "index 1..2 100644"),
        Line("@", "--- a/auth.py"),
        Line("@", "+++ b/auth.py"),
        Line("@", "@@ -1,2 +1,2 @@ def login(user):"),
        Line(" ", "user = found(user)"),
        Line("-", "if user:"),
        Line("", "\\ No newline at end of file"),
        Line("+", "if user.org:"),
        Line("@", "--- a/new.py"),
        Line("@", "+++ b/new.py"),
        Line("@", "@@ -0,0 +1 @@"),
        Line("+", "one"),
    ]
    assert changes({"auth.py": {"type": "update", "unified_diff": UNIFIED}}) == list(patched(UNIFIED))


@pytest.mark.parametrize("value", [None, 7, "text", {"content": "a\nb"}, {"new_string": 7}, {"a": [None, {"b": "@@"}]}])
def test_what_describes_no_change_shows_none(value: Any) -> None:
    assert changes(value) == []


def test_prose_is_no_diff() -> None:
    assert not looks_like_diff("we met @@ noon @@\n- bread\n+ milk")
    assert not looks_like_diff("*** important ***\n- bread")


def test_what_is_not_drawn_of_a_long_change_is_counted() -> None:
    long = "\n".join(f"+{number}" for number in range(MOST_LINES))
    last = Line("", "… 1 more lines of it are not shown here")
    assert list(patched(f"@@ -0,0 +1 @@\n{long}"))[MOST_LINES:] == [last]
    assert changes({"old_string": "", "new_string": long + "\nx"})[-1] == last


async def test_a_patch_opens_coloured_with_whole_heads(story: Any, open_dashboard: Any) -> None:
    about: dict[str, Any] = {"source": "transcript", "session": "ses_1", "run": "ses_1/a", "agent": "a", "call": "c"}
    story.log.observe([witnessed(e.ToolCalled(**about, happened_at=NOON, tool="apply_patch", params={"input": PATCH}))])
    async with open_dashboard() as reader:
        reader.app.push_screen(OpenedCall("c"))
        await reader.looks()
        shown = reader.text()
        assert "*** Update File: auth.py" in shown
        assert "@@ def login(user):" in shown
        assert "- if user:" in shown
        assert "+ if user.org:" in shown


@pytest.mark.parametrize(
    ("folder", "tool", "least"),
    [("codex-agentv", "apply_patch", 5), ("pi-sessions", "edit", 100), ("copilot-cli-agentv", "edit", 1)],
)
def test_edits_that_were_recorded_show_what_they_changed(
    log: Any, feed: Any, folder: str, tool: str, least: int
) -> None:
    if not (RECORDINGS / folder).is_dir():
        pytest.skip(f"the recordings are not beside the checkout: {folder}")
    from orchestrion.eventstore import SecretRedactor
    from orchestrion.ingest import import_paths

    import_paths(log, SecretRedactor(b"k" * 32, {}), "auto", [RECORDINGS / folder])
    feed.views.catch_up()
    calls = feed.views.query("SELECT params FROM tool_calls WHERE tool = ? AND status = 'ok'", (tool,)).rows
    shown = [changes(document(params)) for (params,) in calls if "trimmed" not in params]
    assert len(shown) >= least
    assert all({"+", "-"} & {line.sign for line in lines} for lines in shown)
