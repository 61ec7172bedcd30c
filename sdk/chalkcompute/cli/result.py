"""What a call came to, printed: for people, or as JSON."""

from __future__ import annotations

import json
import math
import sys
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chalkcompute.call import Call
from chalkcompute.cli.asking import MisuseError
from chalkcompute.errors import RemoteError
from chalkcompute.stream import Stream

__all__ = ["ask", "jsonable", "show"]


def show(found: Any, *, as_json: bool) -> None:
    """Print a value, or the chunks of a stream, each as it comes; a line each as JSON.

    For people text is printed as it is, and None not at all.
    """
    streams = isinstance(found, Stream | types.GeneratorType)
    chunks: Iterable[Any] = found if streams else [found]
    for each in chunks:
        if as_json:
            print(json.dumps(jsonable(each)), flush=True)
        elif each is not None or streams:
            print(each, flush=True)


def jsonable(value: Any) -> Any:
    """Return a value as JSON has it.

    Tuples and numpy's arrays are lists; what JSON has no form for, keys included, is its repr.
    """
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float and math.isfinite(value):
        return value
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    if isinstance(value, dict):
        return {
            key if isinstance(key, str) else repr(key): jsonable(each)
            for key, each in value.items()
        }
    return repr(value)


def ask(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], *, as_json: bool
) -> int:
    """Call a remote function and show what comes; return the exit code.

    Where the function raised its remote traceback is printed, and the code is 1. Raises
    MisuseError for arguments that it does not take, and what else a call raises.
    """
    try:
        found = function(*args, **kwargs)
        if isinstance(found, Call):
            print(found.id)
        else:
            show(found, as_json=as_json)
    except RemoteError as problem:
        # The first note is the traceback, with whose it is.
        notes = getattr(problem, "__notes__", [])[bool(problem.remote_traceback) :]
        told = problem.remote_traceback.rstrip() or str(problem)
        print("\n".join([told, *notes]), file=sys.stderr)
        return 1
    except TypeError as problem:
        raise MisuseError(str(problem)) from problem
    return 0
