"""Runs an agent that thinks: a model is asked, its tools act in the workspace, each of its moves is a fact."""

import importlib.util

from orchestrion.agents.minds import INSTALL
from orchestrion.agents.runner import Desk, Outcome, Work


class LlmRunner:
    """Thinks with `work.model`. The library takes seconds to import, so it is imported when somebody thinks."""

    async def run(self, work: Work, desk: Desk) -> Outcome:
        """See `Runner`."""
        if importlib.util.find_spec("pydantic_ai") is None:
            return Outcome("failed", reason="thinking needs the extra 'llm', which is not there", remedy=INSTALL)
        from orchestrion.agents.thinking.mind import think  # noqa: PLC0415 - heavy

        return await think(work, desk)
