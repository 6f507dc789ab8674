"""Reads one text out of an Arrow C stream, without an Arrow library.

Source: the Arrow C data and stream interfaces (arrow.apache.org/docs/format/CDataInterface.html); of the
structures only the fields up to the last one used are declared.
"""

import ctypes
from typing import Any


class _Array(ctypes.Structure):
    pass


_Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_Array))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.POINTER(_Array))),
    ("private_data", ctypes.c_void_p),
]


class _Stream(ctypes.Structure):
    _fields_ = (
        ("get_schema", ctypes.c_void_p),
        ("get_next", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(_Array))),
    )


def only_text(handle: Any) -> str | None:
    """The first value of the first column of an ADBC stream `handle`, a UTF-8 column; None if there is no row."""
    stream = _Stream.from_address(handle.address)
    batch = _Array()
    if stream.get_next(handle.address, ctypes.byref(batch)) != 0:
        return None
    if not batch.release:
        return None
    try:
        return _first(batch) if batch.length else None
    finally:
        batch.release(ctypes.byref(batch))


def _first(batch: _Array) -> str:
    column = batch.children[0].contents
    offsets = ctypes.cast(column.buffers[1], ctypes.POINTER(ctypes.c_int32))
    start, end = offsets[column.offset], offsets[column.offset + 1]
    return ctypes.string_at(column.buffers[2] + start, end - start).decode()
