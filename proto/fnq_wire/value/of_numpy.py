"""Arrays and scalars of numpy; arrays arrive writable, in their shape and order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fnq_wire.refusal import Refusal
from fnq_wire.value.library import Blob, Parts

__all__ = ["put_together", "take_apart"]

_LAST_CODE_POINT = 0x10FFFF
#: Bytes from which an array stays where it came: it keeps all of its payload in memory.
_IN_PLACE = 64 << 10


def take_apart(value: Any) -> Parts | None:
    """Return what an array or a scalar is made of; None when it is neither.

    Raises Refusal for a dtype that is not plain memory.
    """
    if type(value) is np.ndarray:
        return _take_array_apart(value)
    if isinstance(value, np.str_):
        # str() would cut off zeros at the end, as an array does.
        return Parts.of("str", str.__str__(value))
    if isinstance(value, np.bytes_):
        return Parts.of("bytes", bytes(value))
    if isinstance(value, np.generic):
        return Parts.of("scalar", _describe(value.dtype), Blob(value.tobytes()))
    return None


def put_together(parts: Any) -> Any:
    """Return the array or scalar; raises ValueError, TypeError when the parts do not fit."""
    kind, *rest = parts
    if kind == "array":
        return _put_array_together(*rest)
    if kind == "text":
        shape, texts = rest
        return np.array(texts, dtype=np.dtypes.StringDType()).reshape(shape)
    if kind == "scalar":
        descr, data = rest
        return np.frombuffer(data, dtype=_dtype(descr)).copy()[0]
    return {"str": np.str_, "bytes": np.bytes_}[kind](*rest)


def _take_array_apart(value: np.ndarray[Any, Any]) -> Parts:
    if value.dtype.kind == "T":
        if value.dtype != np.dtypes.StringDType():
            raise Refusal("a StringDType with a missing value cannot travel; pass a list")
        return Parts.of("text", value.shape, value.reshape(-1).tolist())
    descr = _describe(value.dtype)
    order = "C"
    if not value.flags.c_contiguous:
        if value.flags.f_contiguous:
            order = "F"
        else:
            value = value.copy(order="C")
    return Parts.of("array", descr, order, value.shape, Blob(_bytes_of(value)))


def _put_array_together(descr: Any, order: Any, shape: Any, data: memoryview) -> Any:
    dtype = _dtype(descr)
    if any(type(side) is not int or side < 0 for side in shape):
        raise ValueError(f"an array of shape {shape}")
    if math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array of shape {shape} and dtype {dtype} in {len(data)} bytes")
    made = _in_place(data, dtype, shape, order)
    if made is None:
        made = np.empty(shape, dtype=dtype, order=order)
        if data:
            _bytes_of(made)[:] = np.frombuffer(data, dtype=np.uint8)
    if dtype.kind == "U" and made.size:
        points = _bytes_of(made).view(np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if points.max() > _LAST_CODE_POINT:
            raise ValueError("an array of text holds what is no character")
    return made


def _in_place(
    data: memoryview, dtype: np.dtype[Any], shape: Any, order: Any
) -> np.ndarray[Any, Any] | None:
    """Return the array where its bytes lie, if they are many, and its owner's to write."""
    if data.readonly or len(data) < _IN_PLACE:
        return None
    made: np.ndarray[Any, Any] = np.ndarray(shape, dtype, buffer=data, order=order)
    return made if made.flags.aligned else None


def _bytes_of(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a view of the memory of a contiguous array."""
    flat = value.reshape(-1) if value.flags.c_contiguous else value.T.reshape(-1)
    if not value.dtype.itemsize:
        return np.empty(0, np.uint8)
    return flat.view(np.uint8)


def _describe(dtype: np.dtype[Any]) -> Any:
    """Return a dtype as texts and tuples; raises Refusal when it is not only memory."""
    if dtype.hasobject:
        raise Refusal(
            f"an array of dtype {dtype} holds Python objects; pass a list, or give it another dtype"
        )
    try:
        descr = dtype.descr if dtype.names is not None else dtype.str
        same = _dtype(descr) == dtype
    except (TypeError, ValueError):
        same = False
    if not same:
        raise Refusal(f"an array of dtype {dtype} cannot travel; give it a dtype of numpy's own")
    return descr


def _dtype(descr: Any) -> np.dtype[Any]:
    """Return the dtype of a description; raises ValueError, TypeError when it is none."""
    dtype: np.dtype[Any] = np.lib.format.descr_to_dtype(descr)
    if dtype.hasobject:
        raise ValueError("an array of objects")
    return dtype
