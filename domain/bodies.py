"""Fields that are too large for their event: the log keeps a preview there and the whole in a blob."""

import json
from collections.abc import Callable

from orchestrion.domain.events import Event

RAW = "raw"
"""The body that holds altered fields as they came in; it stands for no field of its own."""


def whole(event: Event, blob: Callable[[str], bytes]) -> Event:
    """`event` with every preview replaced by what it is a preview of; `blob` is the log's.

    The body of a text is its UTF-8, of any other value its JSON. Raises NotFound if a blob is missing.
    """
    fields = {name: ref for name, ref in event.bodies.items() if name != RAW}
    if not fields:
        return event
    restored = {}
    for name, ref in fields.items():
        content = blob(ref.hash)
        restored[name] = content.decode() if isinstance(getattr(event, name), str) else json.loads(content)
    rest = {name: ref for name, ref in event.bodies.items() if name == RAW}
    return event.model_copy(update={**restored, "bodies": rest})
