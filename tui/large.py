"""Large fields, which the log keeps beside their event: an event holds their beginnings, here they are whole."""

import json
from collections.abc import Callable
from typing import Any

from orchestrion.domain.bodies import RAW
from orchestrion.domain.errors import NotFound

LARGEST = 2_000_000
"""Bytes of a field that are fetched; of a larger one the beginning is shown, and said to be one."""

Blob = Callable[[str], bytes]
"""Fetches what the log keeps beside its events, by hash. Raises NotFound."""


def whole(told: dict[str, Any], blob: Blob, largest: int = LARGEST) -> dict[str, Any]:
    """The fields of an event, the large ones whole."""
    if not told.get("bodies"):
        return told
    return {**told, **{name: field_of(told, name, blob, largest) for name in large(told)}}


def field_of(told: dict[str, Any], name: str, blob: Blob, largest: int = LARGEST) -> Any:
    """The whole field, or where it has more than `largest` bytes its beginning with the number of its bytes."""
    ref, beginning = told["bodies"][name], told.get(name)
    if ref["size"] > largest:
        return {f"the beginning of {ref['size']:,} bytes; `orchestrion export` has all": beginning}
    try:
        content = blob(ref["hash"])
    except NotFound:
        return {f"the beginning of {ref['size']:,} bytes; the rest is no longer in the log": beginning}
    return content.decode() if isinstance(beginning, str) else json.loads(content)


def large(told: dict[str, Any]) -> list[str]:
    """Names of the fields of an event that are kept beside it; `bodies` must be there."""
    return [name for name in told["bodies"] if name != RAW]
