"""How the asking process and the locked-down child talk: JSON, each message led by its length in four bytes."""

from typing import IO, Any

import orjson

_LENGTH_BYTES = 4
MAX_FRAME_BYTES = 2**31


def send(pipe: IO[bytes], message: Any) -> None:
    """Write one message."""
    body = orjson.dumps(message)
    pipe.write(len(body).to_bytes(_LENGTH_BYTES, "big") + body)
    pipe.flush()


def receive(pipe: IO[bytes]) -> Any:
    """Read one message. Raises EOFError where the other side has gone."""
    head = _exactly(pipe, _LENGTH_BYTES)
    return orjson.loads(_exactly(pipe, int.from_bytes(head, "big")))


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = pipe.read(size)
        if not part:
            raise EOFError("the other process has gone")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
