"""Takes the README's pictures of a real run: the built-in team works, then dashboard and page are opened on its log.

Run by `just pictures`; needs Chromium for the page and leaves its picture alone without one.
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from orchestrion.cli.dashboard import fed
from orchestrion.cli.wiring import home_of
from orchestrion.tui.app import Dashboard
from orchestrion.tui.feed import Feed
from orchestrion.tui.screens.view import View

FOLDER = Path(__file__).parent
SIZE = (132, 34)
"""Columns and lines of the terminal."""
PAGE_PIXELS = (1240, 860)
REST_SECONDS = 30
SCENES: dict[str, tuple[bool, tuple[str, ...]]] = {
    "session": (False, ()),
    "messages": (False, ("3", "down", "down")),
    "replay": (True, ("right_square_bracket",) * 6),
}
"""A picture's name, whether it is a replay, and the keys that are pressed before it is taken."""


def main() -> int:
    """Make every picture anew; exit 0 if all could be taken."""
    orchestrion = shutil.which("orchestrion") or str(Path(sys.executable).parent / "orchestrion")
    with tempfile.TemporaryDirectory(prefix="orchestrion-pictures-") as folder:
        environ = {**os.environ, "ORCHESTRION_HOME": folder}
        subprocess.run([orchestrion, "demo"], env=environ, check=True, stdout=subprocess.DEVNULL)
        session = asyncio.run(take_dashboard(Path(folder)))
        return take_page(orchestrion, environ, session)


async def take_dashboard(home: Path) -> str:
    """Draw each scene of the dashboard as SVG; the session that is seen."""
    with fed(home_of(home)) as (store, feed):
        store.catch_up()
        session = str(store.query("SELECT session FROM sessions ORDER BY started_at DESC LIMIT 1").rows[0][0])
        for name, (replay, keys) in SCENES.items():
            drawing = await draw(feed, session, replay, keys)
            refuse_folders(name, drawing)
            (FOLDER / f"{name}.svg").write_text(drawing, encoding="utf-8")
    return session


def refuse_folders(name: str, drawing: str) -> None:
    """A picture for everybody shows no folder of this machine. Raises SystemExit."""
    for folder in (str(FOLDER.parents[1]), str(Path.home()), sys.prefix):
        if folder in drawing:
            raise SystemExit(f"the picture {name!r} shows {folder}: take it at another moment of the session")


async def draw(feed: Feed, session: str, replay: bool, keys: Sequence[str]) -> str:
    """One scene, drawn when everything has settled."""
    app = Dashboard(feed, session=session, replay=replay)
    async with app.run_test(size=SIZE) as pilot:
        await settled(app)
        for key in keys:
            await pilot.press(key)
            await settled(app)
        await pilot.pause()
        return without_hosts(app.export_screenshot(title="orchestrion replay" if replay else "orchestrion watch"))


async def settled(app: Dashboard) -> None:
    """Wait until nothing is asked any more. Raises TimeoutError."""
    async with asyncio.timeout(REST_SECONDS):
        while not (app.heard and _at_rest(app)):
            await asyncio.sleep(0.02)


def _at_rest(app: Dashboard) -> bool:
    screen = app.screen
    return all(worker.is_finished for worker in app.workers) and (not isinstance(screen, View) or screen.at_rest)


def without_hosts(svg: str) -> str:
    """The drawing without its fonts' addresses: a picture of ours asks nobody for anything."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    return re.sub(r"[ \t]+\n", "\n", svg).replace("Fira Code, monospace", "ui-monospace, DejaVu Sans Mono, monospace")


def take_page(orchestrion: str, environ: dict[str, str], session: str) -> int:
    """Photograph the page of `session` in a real browser; 1 where there is none."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.stderr.write("no Chromium here: the picture of the page was not taken\n")
        return 1
    server = subprocess.Popen([orchestrion, "web"], env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        photograph(browser, f"{server.stdout.readline().strip()}?session={session}")
    finally:
        server.terminate()
        server.wait()
    return 0


def photograph(browser: str, url: str) -> None:
    """Keep what is seen of the page at `url` in a browser."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only this picture needs it

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": PAGE_PIXELS[0], "height": PAGE_PIXELS[1]})
        page.goto(url)
        page.wait_for_selector("svg rect")
        page.wait_for_selector("#live[data-state=live]")
        page.screenshot(path=FOLDER / "page.png")
        chromium.close()


if __name__ == "__main__":
    sys.exit(main())
