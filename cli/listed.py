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

MOST = 2**63 - 1
"""The largest number that the log and its views can hold."""
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
        command.callback = _of_values(command, self._function)
        return command


def _of_values(command: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, called with text that is text and numbers that a position can be. Raises Refused for others.

    Only a path may be of bytes that are no text.
    """

    def call(**given: Any) -> Any:
        for parameter in command.params:
            value = given.get(parameter.name)
            name = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name.upper()
            for each in value if isinstance(value, list | tuple) else (value,):
                if isinstance(each, str) and _LONE.search(each):
                    raise Refused(f"{name} is no UTF-8 text: {inert(each)}")
                if isinstance(each, int) and each > MOST:
                    raise Refused(f"{name} {each} is too large a number; at most {MOST}")
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
