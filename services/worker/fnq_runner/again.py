"""Rebuild a bundle's `__main__` once more, in a child that multiprocessing spawned.

multiprocessing runs the module that `__main__.__spec__` names, as `__mp_main__`: for a
rebuilt `__main__` that is this one, so that no line of the script runs which was not
shipped. Decorators only name things there, as in the worker itself.
"""

from __future__ import annotations

from typing import cast

from chalkcompute import runtime
from chalkcompute.port import Session
from fnq_runner.loader import rebuild
from fnq_wire.error import ConnectionLostError


class Orphan:
    """The session of a process that no agent knows: whatever is asked of it fails."""

    def __getattr__(self, name: str) -> object:
        raise ConnectionLostError(
            "a process that multiprocessing started inside a worker cannot call remote "
            "functions: call them in the function itself"
        )


if __name__ == "__mp_main__":
    runtime.install(cast("Session", Orphan()))
    globals().update(rebuild())
