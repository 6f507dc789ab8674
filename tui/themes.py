"""The two themes, dark and light; `quiet` and `faint` text and the line `here` are colours of our own in both."""

from collections.abc import Mapping

from rich.style import Style
from textual.theme import Theme
from textual.widget import Widget

DARK = Theme(
    name="orchestrion-dark",
    primary="#7aa2f7",
    secondary="#bb9af7",
    accent="#7dcfff",
    foreground="#c8d0e7",
    background="#14161f",
    surface="#1a1d29",
    panel="#232738",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    dark=True,
    variables={
        "block-cursor-foreground": "#14161f",
        "block-cursor-background": "#7aa2f7",
        "footer-key-foreground": "#e0af68",
        "quiet": "#8189a8",
        "faint": "#5b6280",
        "here": "#2a3048",
    },
)
LIGHT = Theme(
    name="orchestrion-light",
    primary="#2456b3",
    secondary="#7a3e9d",
    accent="#006f8e",
    foreground="#22252e",
    background="#fbfaf7",
    surface="#f2f0ea",
    panel="#e6e3da",
    success="#2f7a1f",
    warning="#97600a",
    error="#b3203c",
    dark=False,
    variables={
        "block-cursor-foreground": "#fbfaf7",
        "block-cursor-background": "#2456b3",
        "footer-key-foreground": "#97600a",
        "quiet": "#666a78",
        "faint": "#9a9ca6",
        "here": "#dfe6f5",
    },
)
THEMES = (DARK, LIGHT)
OWN_COLOURS = {name: DARK.variables[name] for name in ("quiet", "faint", "here")}
"""What a theme that is not ours gets."""

Inks = Mapping[str, Style]
"""What lines are drawn with, by name."""
_INKS: dict[str, Inks] = {}


def inks(widget: Widget) -> Inks:
    """What lines are drawn with, by name, in the theme of the widget's app.

    Component classes would say the same in CSS, but Textual applies the whole stylesheet for each of them anew.
    """
    app = widget.app
    if app.theme not in _INKS:
        _INKS[app.theme] = _mixed(app.theme_variables)
    return _INKS[app.theme]


def _mixed(colours: Mapping[str, str]) -> Inks:
    front, back, panel = colours["foreground"], colours["background"], colours["panel"]
    cursor = Style(color=colours["block-cursor-foreground"], bgcolor=colours["block-cursor-background"], bold=True)
    return {
        "row": Style(color=front, bgcolor=back),
        "head": Style(color=colours["quiet"], bgcolor=panel, bold=True),
        "line": Style(bgcolor=colours["here"]),
        "unfocused": Style(bgcolor=panel),
        "cell": cursor,
        "tab": Style(color=back, bgcolor=colours["primary"], bold=True),
        "plain": Style(),
        "quiet": Style(color=colours["quiet"]),
        "faint": Style(color=colours["faint"]),
        "strong": Style(color=colours["primary"], bold=True),
        "unknown": Style(color=colours["faint"], italic=True),
        "good": Style(color=colours["success"]),
        "bad": Style(color=colours["error"], bold=True),
        "warn": Style(color=colours["warning"]),
        "busy": Style(color=colours["accent"]),
        "past": Style(color=back, bgcolor=colours["warning"], bold=True),
        "done": Style(color=colours["primary"]),
    }
