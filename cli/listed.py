"""The table of commands as Typer sees it: named and described at once, their parameters made when one is called.

To make the parameters of fifty commands takes longer than to load Typer, and each call needs those of one.
"""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup
from typer.main import get_command_from_info
from typer.models import CommandInfo

from orchestrion.domain.errors import Refused
from orchestrion.domain.inert import inert

_LONE = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes of the command line that are no UTF-8."""


class Listed(TyperCommand):
    """A command by its name and what its docstring says."""

    def __init__(self, function: Callable[..., Any], settings: dict[str, Any] | None) -> None:
        name = function.__name__.rstrip("_")
        self._function = function
        super().__init__(name, help=inspect.getdoc(function), context_settings=settings, rich_markup_mode=None)
        self._info = CommandInfo(name, callback=function, context_settings=settings)

    def made(self) -> Any:
        """The command that can be called."""
        command = get_command_from_info(self._info, pretty_exceptions_short=False, rich_markup_mode=None)
        command.callback = _of_text(command, self._function)
        return command


def _of_text(command: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, called with text that is text. Raises Refused for bytes that are none, which only a path may have."""

    def call(**given: Any) -> Any:
        for parameter in command.params:
            value = given.get(parameter.name)
            for text in value if isinstance(value, list | tuple) else (value,):
                if isinstance(text, str) and _LONE.search(text):
                    name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
                    raise Refused(f"{name} is no UTF-8 text: {inert(text)}")
        return function(**given)

    return call


def group_of(functions: Sequence[Callable[..., Any]], settings: Mapping[str, dict[str, Any]]) -> type[TyperGroup]:
    """The class of a group with these commands; `settings` are the contexts of some of them by name."""

    class Commands(TyperGroup):
        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            for function in functions:
                self.add_command(Listed(function, settings.get(function.__name__.rstrip("_"))))

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            return name, command.made() if isinstance(command, Listed) else command, rest

    return Commands
