"""The two themes, dark and light; `quiet` and `faint` text and the line `here` are colours of our own in both."""

from textual.theme import Theme

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
