"""The Python API's dashboard: a session as a Markdown file that is kept up to date while the session goes on."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, Self

from orchestrion.cli.files import write_text
from orchestrion.cli.wiring import Home, asked
from orchestrion.domain.errors import Refused


class Ongoing(Protocol):
    """What is watched: a `RuntimeLogger` or a `CommunicationBus`."""

    home: Home

    @property
    def session(self) -> str: ...


class ExecutionDashboard:
    """Writes what `orchestrion report --follow` writes, from the log alone. An asynchronous context manager.

    Agents, flow of communication, progress, metrics and learned patterns stand in `path`, which is replaced whole
    whenever the session has moved on; by default `reports/<session>.md` in the home.
    """

    def __init__(self, of: Ongoing, path: Path | None = None) -> None:
        self._of, self.path = of, path
        self._stopped = threading.Event()
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.initialize()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.shutdown()

    async def initialize(self) -> Path:
        """Begin to write; the file, which stands when this returns.

        Raises Refused before the session has begun, or twice; OrchestrionError if the file cannot be written;
        LogUnavailable.
        """
        if self._writing is not None:
            raise Refused("this dashboard is being written already; await shutdown() first")
        session, home, loop = self._of.session, self._of.home, asyncio.get_running_loop()
        if self.path is None:
            self.path = home.path / "reports" / f"{session}.md"
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._stopped.clear()
        stands = asyncio.Event()
        work = asyncio.to_thread(self._write, home, session, self.path, lambda: loop.call_soon_threadsafe(stands.set))
        self._writing = asyncio.ensure_future(work)
        waiting = asyncio.ensure_future(stands.wait())
        await asyncio.wait({self._writing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not stands.is_set():
            await self.shutdown()
        return self.path

    async def shutdown(self) -> None:
        """Write the last state and stop; the file stays. Raises what went wrong meanwhile."""
        self._stopped.set()
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing

    def _write(self, home: Home, session: str, path: Path, stands: Callable[[], object]) -> None:
        from orchestrion.tui.report import Report, follow, markdown

        def keep(report: Report) -> None:
            write_text(path, markdown(report))
            stands()

        with asked(home) as store:
            follow(store, session, keep, going=self._going)
            if not self._going():
                store.catch_up()
                follow(store, session, keep, going=self._going)

    def _going(self) -> bool:
        return not self._stopped.is_set()
