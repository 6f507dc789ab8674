"""Which model each agent thinks with: what the run was given, else what the agent's file says, else the default."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrion.agents.definition import AgentDefinition
from orchestrion.domain.errors import CannotRun

ALIASES = frozenset({"inherit", "default", "sonnet", "opus", "haiku"})
"""Claude Code's own words in the key `model`: they name no provider, so they mean the session's model."""
LLM = "llm"
INSTALL = "pip install 'orchestrion[llm]'"


@dataclass(frozen=True)
class Minds:
    """The models of a session. `chosen` counts before the agents' own, `default` after them.

    A model is a name such as `openai:gpt-5` or, from a program, a pydantic-ai `Model` or a function from an agent's
    definition to either. With `url` an OpenAI-compatible server answers to all names of `openai:` or of no provider.
    """

    chosen: Any = None
    default: str | None = None
    url: str | None = None

    @property
    def given(self) -> bool:
        """Whether agents whose file names neither runner nor model can think."""
        return self.chosen is not None or self.default is not None

    def of(self, agent: AgentDefinition) -> Any:
        """The model of `agent`; None if there is none for it."""
        chosen = self.chosen(agent) if callable(self.chosen) else self.chosen
        own = None if agent.model in ALIASES else agent.model
        return chosen or own or self.default

    def name_of(self, agent: AgentDefinition) -> str | None:
        """Its name, as facts have it."""
        return name_of(self.of(agent)) if agent.runner == LLM else agent.model

    def thinking(self, agent: AgentDefinition) -> AgentDefinition:
        """`agent` as it takes part: without a runner it thinks, if there is a model for it."""
        if agent.runner is not None or not self.given:
            return agent
        written = {"runner": LLM, "writes": agent.writes if "writes" in agent.model_fields_set else agent.may_edit}
        return agent.model_copy(update=written)

    def as_json(self) -> dict[str, Any]:
        """As a session's first fact keeps it: names alone."""
        chosen = None if self.chosen is None or callable(self.chosen) else name_of(self.chosen)
        return {"chosen": chosen, "default": self.default, "url": self.url}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Minds":
        """What a session began with."""
        return cls(kept.get("chosen"), kept.get("default"), kept.get("url"))

    def missing(self, agent: AgentDefinition) -> str | None:
        """What `agent`, which thinks, lacks to do so. Names are looked up, which imports the library (seconds)."""
        model = self.of(agent)
        if model is None:
            where = agent.path or "its definition"
            return (
                f"{agent.name} has no model: give --model, the key 'model' in {where}, or orchestration.model in the "
                "configuration"
            )
        if importlib.util.find_spec("pydantic_ai") is None:
            return f"{agent.name} thinks with a model, which needs the extra 'llm'; run: {INSTALL}"
        from orchestrion.agents.thinking.models import model_of  # noqa: PLC0415 - heavy: only where somebody thinks

        try:
            model_of(model, self.url)
        except CannotRun as error:
            return f"{agent.name}: {error}"
        return None


def check_there(model: Any) -> None:
    """Raises CannotRun if nothing is there to think with."""
    if model is None:
        raise CannotRun("the planner 'llm' needs a model: give --model, or orchestration.model in the configuration")
    if importlib.util.find_spec("pydantic_ai") is None:
        raise CannotRun(f"thinking needs the extra 'llm'; run: {INSTALL}")


def name_of(model: Any) -> str | None:
    """A model's name: `provider:name`."""
    if model is None or isinstance(model, str):
        return model
    return str(getattr(model, "model_id", None) or getattr(model, "model_name", None) or type(model).__name__)
