"""What whoever asks over gRPC is told of what cannot be done: code and words of each error."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, NoReturn, TypeAlias

import grpc
import grpc.aio

from fnq_core.connection import FullError
from fnq_core.registry import RecordError, Version
from fnq_server.volume.beneath import PathError
from fnq_server.volume.seam import VolumeError, VolumeFullError, VolumeMissingError
from fnq_wire.error import StackError

__all__ = [
    "Context",
    "refuse_unknown",
    "refuse_unknown_function",
    "refuse_unknown_version",
    "refuse_unlive_function",
    "told",
]

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"

#: The first that fits is taken.
_CODES: tuple[tuple[type[Exception], grpc.StatusCode], ...] = (
    (FullError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (RecordError, grpc.StatusCode.DATA_LOSS),
    (VolumeFullError, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (VolumeMissingError, grpc.StatusCode.NOT_FOUND),
    (VolumeError, grpc.StatusCode.INVALID_ARGUMENT),
    (PathError, grpc.StatusCode.INVALID_ARGUMENT),
    (StackError, grpc.StatusCode.ABORTED),
)


@contextlib.asynccontextmanager
async def told(context: Context) -> AsyncIterator[None]:
    """Tell whoever asks what is wrong with Redis, with what lies there, or with a volume."""
    try:
        yield
    except tuple(error for error, _ in _CODES) as problem:
        code = next(code for error, code in _CODES if isinstance(problem, error))
        if isinstance(problem, PathError) and problem.missing:
            code = grpc.StatusCode.NOT_FOUND
        words = problem.advice if isinstance(problem, FullError) else str(problem)
        await context.abort(code, words)


async def refuse_unknown(
    context: Context, noun: str, name: str, namespace: str, known: Iterable[str]
) -> NoReturn:
    """Refuse a question about what is not set in a namespace; say what is."""
    await context.abort(
        grpc.StatusCode.NOT_FOUND,
        f"no {noun} {name!r} in namespace {namespace!r}; set there: {', '.join(known) or 'none'}",
    )


async def refuse_unknown_function(
    context: Context, namespace: str, function: str, known: Iterable[str]
) -> NoReturn:
    """Refuse a question about a function that is not there; say which there are."""
    await context.abort(
        grpc.StatusCode.NOT_FOUND,
        f"no function {function!r} in namespace {namespace!r}: run the script that defines it; "
        f"deployed there: {', '.join(known) or 'none'}",
    )


async def refuse_unknown_version(
    context: Context, function: str, version: object, known: Iterable[Version]
) -> NoReturn:
    """Refuse a version that is not among those `known` of a function, or was never live."""
    live = sorted(each.number for each in known if each.live)
    await context.abort(
        grpc.StatusCode.NOT_FOUND,
        f"{function!r} has no version {version} that was ever live; "
        f"those that were: {', '.join(map(str, live)) or 'none'}",
    )


async def refuse_unlive_function(context: Context, namespace: str, name: str) -> NoReturn:
    """Refuse to look up a function by name of which no version has gone live."""
    await context.abort(
        grpc.StatusCode.NOT_FOUND,
        f"no version of the function {name!r} in namespace {namespace!r} has gone live yet: "
        f"`fnq function versions {name}` says what became of each",
    )
