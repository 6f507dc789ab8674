"""A model whose every request and answer is a fact: asked within the budgets, retried, never asked the same twice.

A request that the log knows to be answered gives the logged answer; one that was under way is made again, for asking
changes nothing. Messages that came in meanwhile are added to the conversation before it is asked, and kept with it.
"""

import asyncio
import time
from typing import Any

from pydantic_ai import ModelMessagesTypeAdapter
from pydantic_ai.exceptions import (
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelServerError,
    ModelUnavailableError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, ToolCallPart, UserPromptPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.models.wrapper import WrapperModel
from pydantic_ai.settings import ModelSettings

from orchestrion.agents.limits import MAX_BACKOFF_SECONDS, backoff_seconds
from orchestrion.agents.minds import name_of
from orchestrion.agents.runner import Lost
from orchestrion.agents.thinking import speaking, toolbox
from orchestrion.agents.thinking.toolbox import Seat
from orchestrion.domain.events import CallStatus, ModelAnswered, RunStatus

TRANSIENT = (ModelRateLimitError, ModelUnavailableError, ModelServerError, ModelConnectionError, TimeoutError)
"""Failures that may pass by themselves."""
REFUSALS = frozenset({"content_filter", "refusal"})
WORDS = 500
"""Letters that a sentence quotes of what a model or its server said."""


class ModelFailed(Exception):
    """The model cannot be asked, or does not answer as it must; how the run ends."""

    def __init__(self, status: RunStatus, reason: str, remedy: str | None = None) -> None:
        super().__init__(reason)
        self.status, self.reason, self.remedy = status, reason, remedy


class Recorded(WrapperModel):
    """`wrapped`, whose requests are facts of the run in `seat`."""

    def __init__(self, wrapped: Model, seat: Seat) -> None:
        super().__init__(wrapped)
        self._seat, self._name = seat, name_of(wrapped) or "unknown"
        self._seen = 0
        self._news: list[tuple[int, ModelRequest]] = []

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """The model's answer. Raises Stopped (a budget), Lost, ModelFailed."""
        desk = self._seat.desk
        added = messages[self._seen :]
        self._seen = len(messages)
        before = desk.recall_request()
        said = before.get("news") if isinstance(before, dict) else None
        if before is None and (taken := desk.take()):
            said = speaking.news(taken, self._seat.fence)
        if said:
            self._news.append((len(messages), ModelRequest(parts=[UserPromptPart(str(said))])))
        delta = ModelMessagesTypeAdapter.dump_python(added, mode="json")
        request = desk.requested(self._name, {"messages": delta, **({"news": said} if said else {})})
        known = desk.recall_answer(request)
        self._seat.replaying = known is not None
        response = (
            self._of(known) if known else await self._live(request, messages, model_settings, model_request_parameters)
        )
        self._used(request, response)
        self._refused(response)
        await self._unknown_tools(response, model_request_parameters)
        return response

    async def _live(
        self,
        request: str,
        messages: list[ModelMessage],
        settings: ModelSettings | None,
        parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask, and again after failures that may pass."""
        desk, limits, begun = self._seat.desk, self._seat.work.limits, time.monotonic()
        conversation, retry = self._with_news(messages), 0

        def answered(status: CallStatus, error: str | None = None, result: Any = None) -> None:
            took = round((time.monotonic() - begun) * 1000)
            desk.answered(request, status, result=result, error=error, duration_ms=took)

        while True:
            try:
                async with asyncio.timeout(limits.model_seconds):
                    response = await self.wrapped.request(conversation, settings, parameters)
            except asyncio.CancelledError:
                answered("interrupted")
                raise
            except TRANSIENT as error:
                retry += 1
                if retry > limits.retries:
                    failed = self._failed(error, retry)
                    answered("timed_out" if failed.status == "timed_out" else "error", failed.reason)
                    raise failed from error
                seconds = self._wait(error, retry, request)
                detail = {"retry": retry, "wait_ms": round(seconds * 1000), "error": _words(error)}
                if desk.retries(request, detail):
                    await asyncio.sleep(seconds)
            except (ModelAPIError, UnexpectedModelBehavior, UserError) as error:
                failed = self._failed(error, retry + 1)
                answered("error", failed.reason)
                raise failed from error
            else:
                answered("ok", None, ModelMessagesTypeAdapter.dump_python([response], mode="json")[0])
                return response

    def _of(self, known: ModelAnswered) -> ModelResponse:
        """The answer that stands in the log. Raises ModelFailed if it was none, Lost if it cannot be read."""
        if known.status != "ok":
            raise ModelFailed("timed_out" if known.status == "timed_out" else "failed", known.error or "it failed")
        try:
            (response,) = ModelMessagesTypeAdapter.validate_python([known.result])
        except ValueError as error:
            raise Lost(f"the model's answer {known.request_id} in the log cannot be read again: {error}") from error
        if not isinstance(response, ModelResponse):
            raise Lost(f"what stands in the log as the model's answer {known.request_id} is none")
        return response

    def _with_news(self, messages: list[ModelMessage]) -> list[ModelMessage]:
        conversation = list(messages)
        for place, said in reversed(self._news):
            conversation.insert(place, said)
        return conversation

    def _used(self, request: str, response: ModelResponse) -> None:
        usage = response.usage
        cached, written = usage.cache_read_tokens, usage.cache_write_tokens
        self._seat.desk.used(
            request,
            response.model_name or self.wrapped.model_name,
            input_tokens=max(0, usage.input_tokens - cached - written),
            output_tokens=usage.output_tokens,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        )

    def _refused(self, response: ModelResponse) -> None:
        """Raises ModelFailed if the model's server or the model itself declined to answer."""
        if response.finish_reason in REFUSALS and not response.tool_calls:
            said = str((response.provider_details or {}).get("refusal") or response.text or "")[:WORDS]
            raise ModelFailed("refused", f"the model {self._name} refused to answer: {said or 'its content filter'}")

    async def _unknown_tools(self, response: ModelResponse, parameters: ModelRequestParameters) -> None:
        there = sorted({*(tool.name for tool in [*parameters.function_tools, *parameters.output_tools])})
        for part in response.parts:
            if isinstance(part, ToolCallPart) and part.tool_name not in there:
                await toolbox.unknown(part.tool_name, self._seat, part.args, there)

    def _wait(self, error: BaseException, retry: int, request: str) -> float:
        """Seconds before the next try: what the server asks for, else growing ones."""
        asked = getattr(error, "retry_after", None)
        if asked is not None:
            return float(min(asked, MAX_BACKOFF_SECONDS))
        return backoff_seconds(self._seat.work.limits, retry, seed=self._seat.work.seed, call=request)

    def _failed(self, error: BaseException, times: int) -> ModelFailed:
        """How a run ends whose model failed with `error`, asked `times` times."""
        name, said = self._name, _words(error)
        tried = f" ({times} times)" if times > 1 else ""
        if isinstance(error, TimeoutError):
            seconds = self._seat.work.limits.model_seconds
            return ModelFailed("timed_out", f"the model {name} did not answer within {seconds:g} s{tried}")
        what, remedy = next(words for kind, words in _SENTENCES if isinstance(error, kind))
        status: RunStatus = "refused" if isinstance(error, ContentFilterError) else "failed"
        return ModelFailed(status, f"{what.format(name=name)}{tried}: {said}", remedy)


_SENTENCES: tuple[tuple[type[BaseException], tuple[str, str | None]], ...] = (
    (ModelRateLimitError, ("the model {name} is over its rate limit", "give the request again later")),
    (ModelQuotaExceededError, ("the quota of the model {name} is used up", "look at the account")),
    (ModelAuthenticationError, ("the server of the model {name} does not take the key", "check the key")),
    (ModelNotFoundError, ("there is no model {name}", "check its name: --model, or the key 'model' of the agent")),
    (ModelContextWindowExceededError, ("the conversation is too long for the model {name}", None)),
    (ContentFilterError, ("the model {name} refused to answer", None)),
    (ModelConnectionError, ("the model {name} cannot be reached", "see that its server runs, and at which address")),
    (ModelHTTPError, ("the server of the model {name} answered with an error", None)),
    (BaseException, ("the model {name} gave no usable answer", None)),
)
"""What is said of a failure, and what to do; the first kind that fits counts."""


def _words(error: BaseException) -> str:
    """What went wrong, in one line."""
    return " ".join((str(error) or type(error).__name__).split())[:WORDS]
