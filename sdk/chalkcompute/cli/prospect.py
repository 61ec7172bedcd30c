"""What a deploy would do to one function, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalkcompute.cli.difference import changes

if TYPE_CHECKING:
    from fnq.v1 import plans_pb2, spec_pb2

__all__ = ["change", "differences", "told"]


def change(planned: plans_pb2.PlannedVersion) -> str:
    """Return in two words what a deploy does, or did, to a function."""
    if not planned.known:
        return "new version" if planned.current_number else "new function"
    return "unchanged" if planned.number == planned.current_number else "current again"


def told(spec: spec_pb2.FunctionSpec, version: plans_pb2.PlannedVersion) -> Iterator[str]:
    """Yield what a deploy would do to a function, line by line."""
    is_current = version.known and version.number == version.current_number
    now = f", now {version.current_number}" if version.current_number and not is_current else ""
    yield f"{spec.name}: {change(version)} ({version.number}{now})"
    yield from (f"    {each}" for each in differences(spec, version))
    yield from (f"    {each}" for each in version.lacks)
    if version.job and not is_current:
        yield "    to be submitted:"
        yield from (f"        {line}" for line in version.job.splitlines())
    if version.forecast and not is_current:
        yield "    what comes of it:"
        yield from (f"        {line}" for line in version.forecast)


def differences(spec: spec_pb2.FunctionSpec, version: plans_pb2.PlannedVersion) -> list[str]:
    """Return a line for each setting that differs from what is current."""
    return changes(version.current, spec) if version.current_number else []
