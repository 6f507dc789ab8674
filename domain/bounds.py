"""What text and numbers can always be stored. It loads nothing: processes that must start quickly need it too."""

from typing import Any

MAX_COUNT = 2**63 - 1
MOST_COUNTED = 10**12
"""More than anybody can have used at once; millions of such figures can still be added up in 64 bits."""


def storable(text: Any) -> Any:
    """`text` without what UTF-8 or SQLite cannot hold: a lone surrogate becomes its escape, NUL becomes ␀."""
    if not isinstance(text, str):
        return text
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text.replace("\0", "␀") if "\0" in text else text
