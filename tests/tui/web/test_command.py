"""`orchestrion web` as somebody types it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from orchestrion.eventstore import open_log
from orchestrion.tui.web.serving import bound

PATIENCE_SECONDS = 60
COMMAND = [sys.executable, "-W", "error", "-m", "orchestrion.cli.main", "web"]


@pytest.fixture
def played(home: Path, stage: ModuleType) -> Path:
    log = open_log(home)
    for _ in stage.story(stage.Play(log)):
        pass
    log.close()
    return home


@contextmanager
def started(home: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The running command and the address that it printed."""
    command = [*COMMAND, "--home", str(home), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            if process.poll() is None:
                process.kill()


def refused(home: Path, *options: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, "--home", str(home), *options], capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


@pytest.mark.parametrize("options", [(), ("--terminal",)])
def test_it_prints_its_address_serves_and_ends_with_ctrl_c(played: Path, options: tuple[str, ...]) -> None:
    with started(played, *options) as (process, url):
        with httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client:
            page = client.get(url)
            assert page.status_code == 200
            assert "<title>Orchestrion</title>" in page.text
            assert client.get(url.rsplit("/", 2)[0] + "/").status_code == 404
            assert client.get(url, headers={"Host": "evil.invalid"}).status_code == 403
            assert client.get(url, headers={"Origin": "http://evil.invalid"}).status_code == 403
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out, err) == (0, "", "The page is closed.\n")


def test_a_page_that_is_open_does_not_keep_it_from_ending(played: Path) -> None:
    with (
        started(played) as (process, url),
        httpx.Client(trust_env=False, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", f"{url}api/stream") as stream,
    ):
        lines = stream.iter_lines()
        assert next(lines).startswith("retry:")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert list(lines)[-1] == ""
    assert "Traceback" not in err
    assert "Cancel" not in err


def test_a_port_in_use_is_one_sentence(played: Path) -> None:
    with bound("127.0.0.1", 0) as taken:
        code, said = refused(played, "--port", str(taken.getsockname()[1]))
    assert code == 4
    assert "is in use by another program; give another --port, or 0 for any free one" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("--host", "0.0.0.0"), 2, "give a --password"),  # noqa: S104
        (("--host", "0.0.0.0", "--terminal"), 2, "stays on this machine"),  # noqa: S104
        (("--password", "x", "--terminal"), 2, "takes no --password"),
        (("--host", "no.such.host.invalid", "--password", "x"), 4, "cannot be had"),
    ],
)
def test_what_would_not_be_safe_is_refused(played: Path, options: tuple[str, ...], code: int, said: str) -> None:
    ended, sentence = refused(played, *options)
    assert ended == code
    assert said in sentence


@pytest.mark.parametrize("options", [(), ("--terminal",)])
def test_a_home_without_a_log_is_said(tmp_path: Path, options: tuple[str, ...]) -> None:
    code, said = refused(tmp_path / "nothing", *options)
    assert code == 3
    assert "there is no log in" in said
    assert not (tmp_path / "nothing").exists()


def test_without_its_extra_it_says_how_to_get_it(played: Path, tmp_path: Path) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError(\"No module named 'starlette'\")")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [*COMMAND, "--home", str(played)], capture_output=True, text=True, env=environment, check=False, timeout=60
    )
    assert done.returncode == 4
    assert "pip install 'orchestrion[web]'" in done.stderr


def test_the_help_of_the_command_imports_no_server() -> None:
    code = (
        "import sys; from orchestrion.cli.main import main\n"
        "try: main(['web', '--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('starlette', 'uvicorn', 'aiohttp', 'duckdb', 'textual') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.endswith("[]\n")


def test_the_page_is_served_without_the_terminals_library() -> None:
    code = "import sys, orchestrion.tui.web.serving; print('textual' in sys.modules)"
    done = subprocess.run([sys.executable, "-P", "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"
