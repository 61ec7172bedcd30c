"""Scenes in a process of their own: forked, perhaps as another user, gone afterwards."""

from __future__ import annotations

import ctypes
import json
import os
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from fnq_wire.mounts import MountError, enter

__all__ = ["NOBODY", "USERS", "apart", "can_mount"]

#: A user with no rights of his own.
NOBODY = 65_534
#: Of prctl(2): without it a process that changed its user may not say who it is.
_PR_SET_DUMPABLE = 4

#: As the user who runs the tests, and as one with no rights where that is root.
USERS = [
    pytest.param(os.getuid(), id="self"),
    pytest.param(
        NOBODY,
        id="nobody",
        marks=pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user"),
    ),
]


def apart(scene: Callable[[], Any], user: int | None = None, root: str = "/") -> Any:
    """Return what a scene returns (JSON) in a fork of this process, as `user`, below `root`.

    An exception in it fails the test, with its traceback.
    """
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(ours)
        try:
            if root != "/":
                os.chroot(root)
            _become(user)
            said = {"value": scene()}
        except BaseException:  # noqa: BLE001 - the test that waits for it fails with it
            said = {"problem": traceback.format_exc()}
        os.write(theirs, json.dumps(said).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as file:
        text = file.read()
    os.waitpid(pid, 0)
    found = json.loads(text)
    assert "problem" not in found, found["problem"]
    return found["value"]


def _become(user: int | None) -> None:
    if user is not None and user != os.getuid():
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def can_mount(user: int | None = None) -> str:
    """Return why processes of `user` cannot mount anything here; empty where they can."""

    def scene() -> str:
        try:
            enter([("/", "/fnq-tries", "ro")])
        except MountError as problem:
            return str(problem)
        return ""

    return str(apart(scene, user))
