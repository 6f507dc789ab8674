"""Our hooks in somebody's settings: only added, only ours taken out, and undone to the byte."""

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from orchestrion.cli.commands import hooks
from orchestrion.domain.errors import BadDefinition, Refused
from orchestrion.ingest.hooks.events import EVENTS, NOT_ASKED_FOR
from orchestrion.ingest.hooks.installing import carry_out, installing, uninstalling
from orchestrion.ingest.hooks.settings import ASKED_FOR, with_hooks, without_hooks

COMMAND = "/opt/venv/bin/orchestrion-hook --home '/home/ann/my log'"
NOWHERE = Path("settings.json")

MINE = """{
    "model": "opus",  "numbers": [1, 1e3, 1.50],
    "hooks": {
        "PreToolUse": [
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "my-guard", "timeout": 3}]}
        ],
        "Stop": []
    },
    "permissions": {"allow": ["Bash(ls:*)"], "text": "ünï\\u00e9"}
}
"""

OTHERS = [
    None,
    "",
    "{}",
    "{}\n",
    "{\n}",
    '{"model": "opus"}',
    '{\n\t"model": "opus"\n}\n',
    '{"hooks": {}}',
    '{"hooks": {"Stop": []}}',
    MINE,
    MINE.replace("\n", "\r\n"),
    "\ufeff" + MINE,
    '{"hooks": {"PreToolUse": [null, 7, {"hooks": "x"}, {"hooks": [{"type": "http", "url": "http://h"}, 3]}]}}',
]


@pytest.fixture(params=OTHERS, ids=range(len(OTHERS)))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / ".claude" / "settings.json"
    if request.param is not None:
        path.parent.mkdir()
        path.write_bytes(request.param.encode())
    return path


def content(path: Path) -> dict[str, object]:
    parsed = json.loads(path.read_bytes().decode("utf-8-sig") or "{}")
    assert isinstance(parsed, dict)
    return parsed


def install(path: Path, command: str = COMMAND) -> None:
    carry_out(installing(path, command), backup=True)


def uninstall(path: Path) -> bool:
    change = uninstalling(path)
    carry_out(change, backup=False)
    return change.exact


def test_all_events_are_hooked_and_all_else_stays(settings: Path) -> None:
    before = content(settings) if settings.exists() else {}
    install(settings)
    after = content(settings)
    hooks = after.pop("hooks")
    mine = before.pop("hooks", {})
    assert after == before
    assert isinstance(hooks, dict)
    assert isinstance(mine, dict)
    ours = {"hooks": [{"type": "command", "command": COMMAND, "timeout": 5}]}
    assert {event: hooks[event][-1] for event in ASKED_FOR} == dict.fromkeys(ASKED_FOR, ours)
    assert {event: hooks[event][:-1] for event in ASKED_FOR} == {event: mine.get(event, []) for event in ASKED_FOR}


def test_uninstalling_gives_the_file_back_to_the_byte(settings: Path) -> None:
    before = settings.read_bytes() if settings.exists() else None
    install(settings)
    assert uninstall(settings)
    assert (settings.read_bytes() if settings.exists() else None) == before
    assert [path.name for path in settings.parent.iterdir()] == (["settings.json"] if before is not None else [])


def test_installing_twice_changes_nothing(settings: Path) -> None:
    install(settings)
    once = {path.name: path.read_bytes() for path in settings.parent.iterdir()}
    assert not installing(settings, COMMAND).needed
    assert {path.name: path.read_bytes() for path in settings.parent.iterdir()} == once


def test_a_newer_command_takes_the_place_of_the_older_and_can_be_undone_as_well(settings: Path) -> None:
    before = settings.read_bytes() if settings.exists() else None
    install(settings, "/old/orchestrion hook")
    install(settings)
    assert settings.read_text().count("orchestrion-hook") == len(ASKED_FOR)
    assert "/old/" not in settings.read_text()
    assert uninstall(settings)
    assert (settings.read_bytes() if settings.exists() else None) == before


def test_after_a_change_by_somebody_else_only_our_entries_go(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(MINE)
    install(path)
    path.write_text(path.read_text().replace('"opus"', '"sonnet"'))
    assert not uninstall(path)
    kept = content(path)
    assert kept["model"] == "sonnet"
    assert kept["hooks"] == {"PreToolUse": json.loads(MINE)["hooks"]["PreToolUse"]}
    assert '"numbers": [1, 1e3, 1.50]' in path.read_text()
    assert not uninstalling(path).needed


def test_every_line_that_is_not_ours_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(MINE)
    diff = installing(path, COMMAND).diff().splitlines()
    gone = [line[1:].strip() for line in diff if line.startswith("-") and not line.startswith("---")]
    # The list that we add to gets a comma, the empty one opens; a diff may also move a closing bracket.
    assert [line for line in gone if line.strip("],")] == [
        '{"matcher": "Bash", "hooks": [{"type": "command", "command": "my-guard", "timeout": 3}]}',
        '"Stop": []',
    ]


def test_what_a_listener_would_break_is_not_hooked() -> None:
    assert set(ASKED_FOR) | set(NOT_ASKED_FOR) == set(EVENTS)
    assert "WorktreeCreate" not in ASKED_FOR


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('{\n  "a": 1,\n}', 3, "not JSON"),
        ("[]", 1, "must be a JSON object"),
        ('{\n "hooks": []}', 2, "must be an object"),
        ('{"hooks": {\n\n"Stop": {}}}', 3, "Stop must be a list"),
        ('{\n"a": "\xff"}', 2, "not UTF-8"),
    ],
)
def test_settings_with_an_error_are_refused_with_their_line(tmp_path: Path, text: str, line: int, why: str) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(text.encode("latin-1"))
    for change in (lambda: installing(path, COMMAND), lambda: uninstalling(path)):
        with pytest.raises(BadDefinition, match=why) as refused:
            change()
        assert f"settings.json:{line}:" in str(refused.value)
    assert path.read_bytes() == text.encode("latin-1")


def test_a_link_to_the_settings_stays_a_link_and_rights_stay(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    real.write_text("{}")
    real.chmod(0o640)
    link = tmp_path / "settings.json"
    link.symlink_to(real)
    install(link)
    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert uninstall(link)
    assert real.read_text() == "{}"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
GROUPS = st.lists(st.fixed_dictionaries({"hooks": st.lists(st.fixed_dictionaries({"command": st.text()}))}), max_size=3)
HOOKS = st.dictionaries(st.sampled_from(EVENTS) | st.text(), GROUPS, max_size=4)
SETTINGS = st.dictionaries(st.text().filter(lambda key: key != "hooks"), JSON, max_size=3)


@limits(deadline=None, max_examples=60)
@given(SETTINGS, HOOKS, st.sampled_from([None, 0, 1, 4, "\t"]))
def test_putting_in_and_taking_out_leaves_the_same_settings(
    others: dict[str, object], hooks: dict[str, list[object]], indent: int | str | None
) -> None:
    filled = {event: groups for event, groups in hooks.items() if groups}
    text = json.dumps(others | ({"hooks": filled} if filled else {}), indent=indent)
    hooked = with_hooks(text, COMMAND, NOWHERE)
    assert with_hooks(hooked, COMMAND, NOWHERE) == hooked
    assert json.loads(without_hooks(hooked, NOWHERE)) == json.loads(text)


URL = "http://127.0.0.1:4318/hooks/aB-9_x"


def test_hooks_can_be_posted_but_for_those_that_never_are(settings: Path) -> None:
    original = settings.read_bytes() if settings.exists() else None
    carry_out(installing(settings, COMMAND, URL), backup=True)
    events = content(settings)["hooks"]
    assert isinstance(events, dict)
    ours = {event: groups[-1]["hooks"][0] for event, groups in events.items() if groups}
    assert {event for event, hook in ours.items() if hook.get("command") == COMMAND} == {"SessionStart"}
    assert {event for event, hook in ours.items() if hook.get("url") == URL} == set(ASKED_FOR) - {"SessionStart"}
    assert not installing(settings, COMMAND, URL).needed
    carry_out(installing(settings, COMMAND), backup=True)  # back to commands: nothing of the other way is left
    assert b"/hooks/" not in settings.read_bytes()
    carry_out(uninstalling(settings), backup=False)
    assert (settings.read_bytes() if settings.exists() else None) == original


def test_a_projects_settings_get_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Refused, match="--user"):
        hooks.install(hooks.Product.claude_code, project=True, http=True, home=tmp_path)
