"""Finds a model by its name: any provider that pydantic-ai knows, or any OpenAI-compatible address."""

import os
from collections.abc import Mapping
from typing import Any

import pydantic_ai
from pydantic_ai.exceptions import UserError
from pydantic_ai.models import Model, infer_model
from pydantic_ai.providers import Provider, infer_provider

from orchestrion.domain.errors import CannotRun

pydantic_ai.BANNER_ENABLED = False

KEY_VARIABLE = "ORCHESTRION_MODEL_KEY"
"""The only key that is sent to a `url`; a provider's own key goes to that provider alone."""
NO_KEY = "none"
"""What a local server gets that wants no key: the protocol's client insists on one."""
OPENAI = "openai"
LIKELY = {"claude": "anthropic", "gemini": "google", "mistral": "mistral", "grok": "xai", "deepseek": "deepseek"}
"""Beginnings of models' names, and who offers them: for a message that helps."""


def model_of(choice: Any, url: str | None, environ: Mapping[str, str] = os.environ) -> Model:
    """The model that `choice` is or names. Raises CannotRun: unknown, or a package or key is missing."""
    if isinstance(choice, Model):
        return choice
    name = str(choice)
    provider, colon, model = name.partition(":")
    if url is not None and (not colon or provider in {OPENAI, "openai-chat"}):
        return _compatible(model if colon else name, url, environ)
    if not colon and name != "test":
        likely = next((each for begins, each in LIKELY.items() if name.startswith(begins)), OPENAI)
        raise CannotRun(
            f"the model {name!r} names no provider: write provider:name, such as {likely}:{name}, or give the address "
            "of an OpenAI-compatible server (ORCHESTRION_MODEL_URL)"
        )
    try:
        return infer_model(name, _provider)
    except ImportError as error:
        raise CannotRun(f"the model {name!r} cannot be used: {_first_line(error)}") from error
    except (UserError, ValueError) as error:
        raise CannotRun(f"the model {name!r} cannot be used: {_first_line(error)}") from error


def _provider(name: str) -> Provider[Any]:
    return infer_provider(name)


def _compatible(name: str, url: str, environ: Mapping[str, str]) -> Model:
    try:
        from pydantic_ai.models.openai import OpenAIChatModel  # noqa: PLC0415 - a part of the extra, perhaps missing
        from pydantic_ai.providers.openai import OpenAIProvider  # noqa: PLC0415
    except ImportError as error:
        raise CannotRun("an OpenAI-compatible server needs pip install 'orchestrion[llm]'") from error
    if not url.startswith(("http://", "https://")):
        raise CannotRun(f"the model's address must begin with http:// or https://, not be {url!r}")
    provider = OpenAIProvider(base_url=url, api_key=environ.get(KEY_VARIABLE) or NO_KEY)
    return OpenAIChatModel(name, provider=provider)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
