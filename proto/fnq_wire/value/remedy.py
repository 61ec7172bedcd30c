"""What to say of a value that cannot travel, and what to do about it."""

from __future__ import annotations

from fnq_wire.refusal import name_of

__all__ = ["remedy_for"]

#: Builtins whose subclasses would come back as the builtin.
_BUILTINS = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset)
#: What to pass instead, by module and name of the type or one of its bases.
_INSTEAD = {
    "builtins.generator": "pass a list",
    "builtins.map": "pass a list",
    "builtins.range": "pass a list, or its bounds",
    "builtins.memoryview": "pass bytes(x)",
    "builtins.function": "deploy it as a function of its own, or pass its name",
    "_io.TextIOWrapper": "pass its path or its content",
    "_io.BufferedReader": "pass its path or its content",
    "_io.BytesIO": "pass x.getvalue()",
    "pathlib.PurePath": "pass str(x)",
    "pathlib._local.PurePath": "pass str(x)",
    "datetime.datetime": "make it a plain datetime: x.to_pydatetime() where it is pandas'",
    "datetime.timedelta": "make it a plain timedelta: x.to_pytimedelta() where it is pandas'",
    "datetime.tzinfo": "use zoneinfo.ZoneInfo or datetime.timezone",
    "collections.deque": "pass list(x)",
    "fractions.Fraction": "pass (x.numerator, x.denominator)",
    # numpy.asarray would drop the mask. Its module is `core` before numpy 2.
    "numpy.ma.MaskedArray": "pass x.data and x.mask, or x.filled(value)",
    "numpy.ma.core.MaskedArray": "pass x.data and x.mask, or x.filled(value)",
    "numpy.ndarray": "pass a plain numpy.ndarray: numpy.asarray(x)",
    "torch.Tensor": "pass x.numpy(force=True)",
    "polars.lazyframe.frame.LazyFrame": "pass x.collect()",
}
_OTHERWISE = (
    "pass builtin values, a dataclass, NamedTuple, Enum or pydantic model that is in the"
    " annotations, an array or a frame"
)


def remedy_for(value: object) -> str:
    """Return a sentence that names the type of the value and what to pass instead."""
    cls = type(value)
    kind = f"a value of type {name_of(cls)} cannot travel"
    for base in cls.__mro__:
        instead = _INSTEAD.get(f"{base.__module__}.{base.__qualname__}")
        if instead is not None:
            return f"{kind}; {instead}"
        if base in _BUILTINS:
            return f"{kind}, since it would come back as {base.__name__}; pass {base.__name__}(x)"
    return f"{kind}; {_OTHERWISE}"
