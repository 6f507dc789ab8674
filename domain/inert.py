"""Makes what a terminal or a reader's eye would obey visible: control, bidi, zero-width and tag characters.

Text of agents and tools may hold escape sequences that set the clipboard or the title, or marks that reorder what is
read. Nothing of it reaches a screen but through here (screens of the TUI and every format of the command line).
"""

import re

DANGEROUS = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and newline, DEL, C1
    "\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # format controls, tags, variation supplements
    "\ud800-\udfff"
)
"""Body of a character class: soft hyphen, bidi marks and overrides, zero-width signs, fillers, tags, surrogates."""

_DANGEROUS = re.compile(f"[{DANGEROUS}]")
_CONTROL_PICTURES = 0x2400
_DEL, _DEL_PICTURE = 0x7F, "␡"
_FIRST_ASTRAL = 0x10000


def inert(text: str) -> str:
    """`text` with each dangerous character in a visible form: `␛` for C0, `⟦U+202E⟧` for the others."""
    return text if text.isascii() and text.isprintable() else _DANGEROUS.sub(_visible, text)


def one_line(text: str) -> str:
    """`text` as `inert` gives it, on one line: a newline becomes `⏎`, a tab a space."""
    return inert(text).replace("\n", "⏎").replace("\t", " ")


def escaped_json(document: str) -> str:
    """A JSON `document` in which the same characters stand as `\\u` escapes; it means what it meant before."""
    return _DANGEROUS.sub(_escape, document)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < ord(" "):
        return chr(_CONTROL_PICTURES + code)
    return _DEL_PICTURE if code == _DEL else f"⟦U+{code:04X}⟧"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < _FIRST_ASTRAL:
        return f"\\u{code:04x}"
    high, low = divmod(code - _FIRST_ASTRAL, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
