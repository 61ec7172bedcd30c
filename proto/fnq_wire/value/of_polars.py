"""Frames and series of polars, in its own dialect of Arrow streams.

Its dialect keeps every dtype of its own. Bytes from the network are looked through
by pyarrow first, since the reader of polars trusts them.
"""

from __future__ import annotations

import io
from typing import Any

import polars as pl

from fnq_wire.refusal import Refusal
from fnq_wire.value.library import Blob, Parts
from fnq_wire.value.of_pyarrow import read_stream

__all__ = ["put_together", "take_apart"]

#: What pyarrow cannot look through.
_UNREADABLE = frozenset({"Int128", "UInt128", "Float16", "Object", "Unknown"})


def take_apart(value: Any) -> Parts | None:
    """Return the kind of value and its stream; None when it is no frame and no series.

    Raises Refusal for a dtype that cannot travel.
    """
    if type(value) is pl.DataFrame:
        return Parts.of("frame", _stream(value))
    if type(value) is pl.Series:
        return Parts.of("series", _stream(value.to_frame()))
    return None


def put_together(parts: Any) -> Any:
    """Return the frame or series; raises ValueError or an error of Arrow's."""
    kind, data = parts
    read_stream(data)
    try:
        frame = pl.read_ipc_stream(io.BytesIO(data))
    except BaseException as problem:
        # A panic of polars' is no Exception, so that nobody takes it for one.
        if isinstance(problem, Exception) or type(problem).__name__ != "PanicException":
            raise
        raise ValueError(f"polars cannot read it: {problem}") from problem
    if kind not in ("frame", "series"):
        raise ValueError(f"{kind!r} is no kind of value of polars")
    return frame if kind == "frame" else frame.to_series(0)


def _stream(frame: pl.DataFrame) -> Blob:
    for name, dtype in frame.schema.items():
        for inner in _inside(dtype):
            if str(inner) in _UNREADABLE:
                raise Refusal(f"column {name!r} has dtype {inner}, which cannot travel; cast it")
    sink = io.BytesIO()
    frame.write_ipc_stream(sink, compression="uncompressed")
    return Blob(sink.getbuffer())


def _inside(dtype: Any) -> list[Any]:
    """Return a dtype and all that are nested in it."""
    inner = [field.dtype for field in getattr(dtype, "fields", ())]
    inner += [dtype.inner] if getattr(dtype, "inner", None) is not None else []
    return [dtype, *[each for one in inner for each in _inside(one)]]
