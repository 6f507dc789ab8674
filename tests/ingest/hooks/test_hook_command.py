"""The command that agents run: it keeps what it can, says nothing, and never fails."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import platformdirs
import pytest

from orchestrion.cli import hook
from orchestrion.cli.dropped import dropped
from orchestrion.cli.wiring import home_of
from orchestrion.ingest.hooks import spooled

HEAVY = ("asyncio", "json", "logging", "pathlib", "pydantic", "re", "socket", "subprocess", "typer", "platformdirs")
MAX_MODULES = 12
"""Modules that the hook may add to those of a bare Python."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of this test's own, where what was dropped is noted last."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def run(
    home: Path | str, payload: bytes | None = b"{}", *, limit: Callable[[], None] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "orchestrion.cli.hook", "--home", str(home)]
    done = subprocess.run(command, input=payload, capture_output=True, timeout=60, check=False, preexec_fn=limit)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    return done


def kept(home: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((home / "spool").glob("*.json"))]


def test_a_payload_lies_in_the_spool_as_it_came_for_its_owner_alone(tmp_path: Path) -> None:
    home = tmp_path / "not" / "there" / "yet"
    run(home, b'{"hook_event_name": "Stop"}')
    (file,) = (home / "spool").iterdir()
    assert file.read_bytes() == b'{"hook_event_name": "Stop"}'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert {stat.S_IMODE(path.stat().st_mode) for path in (home, home / "spool")} == {0o700}
    assert spooled(home) == 1
    assert dropped(str(home)) == {}


def test_payloads_sort_by_arrival(tmp_path: Path) -> None:
    for number in range(5):
        run(tmp_path, b"%d" % number)
    assert kept(tmp_path) == [b"%d" % number for number in range(5)]


def test_ten_megabytes_and_rubbish_are_kept(tmp_path: Path) -> None:
    large = json.dumps({"tool_response": "x" * 10_000_000}).encode()
    for payload in (large, b"\xff\x00 rubbish {", b"\n"):
        run(tmp_path, payload)
    assert kept(tmp_path) == [large, b"\xff\x00 rubbish {", b"\n"]


@pytest.mark.parametrize("mask", [0o000, 0o777])
def test_no_umask_changes_the_rights(tmp_path: Path, mask: int) -> None:
    run(tmp_path / "home", limit=lambda: os.umask(mask) and None)
    (file,) = (tmp_path / "home" / "spool").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_an_empty_input_is_counted_as_dropped(tmp_path: Path) -> None:
    run(tmp_path, b"")
    assert dropped(str(tmp_path)) == {"standard input is empty": 1}


def test_a_closed_input_is_counted_as_dropped(tmp_path: Path) -> None:
    run(tmp_path, None, limit=lambda: os.close(0))
    assert sum(dropped(str(tmp_path)).values()) == 1
    assert kept(tmp_path) == []


def test_closed_output_channels_change_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrion.cli.hook", "--home", str(tmp_path)]
    shell = f"exec {' '.join(command)} >&- 2>&-"
    assert subprocess.run(["sh", "-c", shell], input=b"{}", timeout=60, check=False).returncode == 0
    assert kept(tmp_path) == [b"{}"]


def test_a_writer_that_never_ends_its_input_does_not_hold_the_hook(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "orchestrion.cli.hook", "--home", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(b'{"a": 1}')
        process.stdin.flush()
        assert process.wait(timeout=30) == 0
    assert kept(tmp_path) == [b'{"a": 1}']


def test_a_full_disk_leaves_no_half_file_and_is_counted(tmp_path: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    run(tmp_path, b"x" * 5000, limit=full)
    assert list((tmp_path / "spool").iterdir()) == []
    assert sum(dropped(str(tmp_path)).values()) == 1


def test_a_home_that_cannot_be_made_is_counted_where_there_is_room(tmp_path: Path, temporary: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    home = str(tmp_path / "file" / "home")
    run(home)
    run(home)
    assert dropped(home) == {"Not a directory": 2}
    assert dropped(str(tmp_path / "another")) == {}
    (note,) = temporary.rglob("dropped")
    assert stat.S_IMODE(note.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() == 0, reason="rights do not bind root")
def test_a_read_only_home_is_counted(tmp_path: Path, temporary: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    run(home)
    assert dropped(str(home)) == {"Permission denied": 1}


def test_a_link_that_somebody_else_put_in_place_of_the_notes_is_not_followed(tmp_path: Path, temporary: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    (temporary / f"orchestrion-{os.getuid()}").symlink_to(target)
    home = "/proc/no-such-home"
    before = sum(dropped(home).values())
    run(home)
    assert list(target.iterdir()) == []
    assert sum(dropped(home).values()) == before + 1  # noted in the next place


def test_nothing_writable_at_all_is_still_no_failure() -> None:
    def nothing() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    run("/proc/no-such-home", limit=nothing)


def test_broken_configuration_strange_options_and_a_locked_log_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "orchestrion.toml").write_text("[[[")
    (tmp_path / "log.db").write_bytes(b"no database")
    command = [sys.executable, "-m", "orchestrion.cli.hook", "--bogus", "--home", str(tmp_path / "home")]
    done = subprocess.run(command, input=b"{}", capture_output=True, cwd=tmp_path, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert kept(tmp_path / "home") == [b"{}"]


@pytest.mark.parametrize("module", ["orchestrion.cli.hook", "orchestrion.cli.entry"])
def test_it_imports_next_to_nothing(tmp_path: Path, module: str) -> None:
    def imported(code: str, *arguments: str) -> set[str]:
        command = [sys.executable, "-X", "importtime", "-c", code, *arguments]
        told = subprocess.run(command, input=b"{}", capture_output=True, timeout=60, check=True).stderr.decode()
        return {line.rpartition("|")[2].strip() for line in told.splitlines() if line.startswith("import time:")}

    started = imported(f"import sys; from {module} import main; sys.exit(main())", "hook", "--home", str(tmp_path))
    added = started - imported("pass")
    ours = {name for name in added if name.startswith("orchestrion")}
    assert ours <= {"orchestrion", "orchestrion.cli", "orchestrion.cli.hook", "orchestrion.cli.entry"}
    assert {name.split(".")[0] for name in added - ours} <= sys.stdlib_module_names
    assert not added & set(HEAVY)
    assert len(added - ours) <= MAX_MODULES, sorted(added)
    assert kept(tmp_path) == [b"{}"]


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"HOME": "/home/ann/"},
        {"HOME": "", "XDG_DATA_HOME": ""},
        {"HOME": "relative"},
        {"XDG_DATA_HOME": "/data"},
        {"XDG_DATA_HOME": "relative"},
        {"ORCHESTRION_HOME": "/o"},
        {"ORCHESTRION_HOME": "~/o"},
        {"ORCHESTRION_HOME": "o/../p"},
        {"ORCHESTRION_HOME": "", "CLAUDE_LOG_DIR": "/c"},
        {"ORCHESTRION_HOME": "/o", "CLAUDE_LOG_DIR": "/c"},
    ],
)
def test_it_finds_the_home_that_the_commands_find(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str]) -> None:
    for name in ("ORCHESTRION_HOME", "CLAUDE_LOG_DIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert Path(hook.home_of([], os.environ)) == home_of(None).path


@pytest.mark.parametrize("given", ["/h", "h", "~/h"])
def test_the_option_names_the_same_home_in_both(given: str) -> None:
    assert Path(hook.home_of(["--home", given], {})) == home_of(Path(given)).path
    assert hook.home_of([f"--home={given}"], {}) == hook.home_of(["--home", given], {})


@pytest.mark.parametrize("system", ["darwin", "linux", "win32"])
def test_the_platforms_folder_is_the_one_of_platformdirs(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    from platformdirs.macos import MacOS
    from platformdirs.unix import Unix

    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if system == "win32":  # its own rule asks Windows itself; here we can hold ours only to what it documents
        monkeypatch.setattr(sys, "platform", "win32")
        assert hook.home_of([], {"LOCALAPPDATA": "/u/AppData/Local"}) == "/u/AppData/Local/orchestrion"
        return
    theirs = {"darwin": MacOS, "linux": Unix}[system]("orchestrion", appauthor=False).user_data_dir
    monkeypatch.setattr(sys, "platform", system)
    assert hook.home_of([], dict(os.environ)) == theirs
    assert platformdirs.user_data_dir("orchestrion", appauthor=False).endswith("orchestrion")
