"""Writes any text into Markdown, Mermaid or HTML so that it is read as text and nothing else."""

import re
from collections.abc import Iterable
from html import escape as _escape_html

from orchestrion.tui.report.words import UNKNOWN, plain, short

_MARKDOWN = re.compile(r"([\\`*_\[\]|#~!$+.@:-])")
_ALONE_HARMLESS = re.compile(r"(?<=\w)(?<!www)\\([.:-])(?=\w)|\\([.:-])(?= |$)|(?<=\w)\\(_)(?=\w)")
_HTML_SIGNS = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_MERMAID = re.compile(r"[^\w .,/()@+=-]", re.ASCII)
_NOT_ID = re.compile(r"\W", re.ASCII)
_MERMAID_WORDS = """
end graph subgraph flowchart class classdef click style linkstyle default direction call href interpolate
constructor tostring valueof hasownproperty isprototypeof propertyisenumerable tolocalestring
"""
"""No node may be called so: Mermaid's own words, and what every JavaScript object has already."""


def markdown_text(value: object) -> str:
    """`value` on one line, as Markdown (CommonMark, GitHub's tables too) and HTML show it literally."""
    escaped = _MARKDOWN.sub(r"\\\1", plain(value)).translate(_HTML_SIGNS)
    return _ALONE_HARMLESS.sub(lambda found: found[1] or found[2] or found[3], escaped)


def code_span(value: object) -> str:
    """`value` on one line as a code span, whatever backticks it holds (CommonMark 6.1); fit for a table's cell."""
    text = plain(value).replace("|", "¦")
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def mermaid_ids(names: Iterable[str]) -> dict[str, str]:
    """A node id of its own for each name: its letters and digits, a number added where that is not unique."""
    ids: dict[str, str] = {}
    taken = set(_MERMAID_WORDS.split())
    for number, name in enumerate(dict.fromkeys(names)):
        wanted = _NOT_ID.sub("_", name)[:40]
        if wanted.lower() in taken or not wanted[:1].isalpha():
            wanted = f"agent_{number}_{wanted}"
        taken.add(wanted.lower())
        ids[name] = wanted
    return ids


def mermaid_label(value: object) -> str:
    """`value` within a Mermaid label's double quotes; every sign of its own syntax as a character code."""
    return _MERMAID.sub(lambda found: f"#{ord(found[0])};", plain(value))


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An HTML or SVG element. Children that are no Markup are escaped; attributes with value None are left out.

    A trailing underscore of an attribute's name is dropped (`class_`), other underscores become dashes.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{together(*children)}</{name}>")


def together(*children: object) -> Markup:
    """The children one after another, escaped where they are no Markup."""
    return Markup("".join(child if isinstance(child, Markup) else _text(child) for child in children))


def _text(value: object) -> str:
    return _escape_html(short(UNKNOWN if value is None else str(value)))
