"""How a call that we make for an agent ended, in the log whatever happens."""

import asyncio
from typing import Any, Self

from orchestrion.agents.ear import Ear
from orchestrion.domain.errors import Refused
from orchestrion.domain.spending import Stopped


class Denied(Refused):
    """The agent's file or a person says no."""


class Answering:
    """The answer to a call of ours for the agent: well, refused, or cut off. `later`: somebody else tells it."""

    def __init__(self, ear: Ear, call: str) -> None:
        self._ear, self._call = ear, call
        self.result: Any = None
        self.later = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: BaseException | None, _: Any) -> None:
        if error is None and not self.later:
            self._ear.returned(self._call, "ok", result=self.result)
        elif isinstance(error, Denied):
            self._ear.returned(self._call, "denied", error=str(error))
        elif isinstance(error, asyncio.CancelledError | Stopped):
            self._ear.returned(self._call, "interrupted", error="the run was stopped")
        elif error is not None:
            self._ear.returned(self._call, "error", error=str(error))
