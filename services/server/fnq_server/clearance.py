"""Directories that go with all that is in them, whatever the modes of their folders."""

from __future__ import annotations

import contextlib
import os
import shutil

__all__ = ["clear_away"]


def clear_away(path: str) -> None:
    """Remove a file, or a directory with what is in it; several may do so at once.

    What cannot be removed all the same is left.
    """
    if not os.path.isdir(path) or os.path.islink(path):
        with contextlib.suppress(OSError):
            os.unlink(path)
        return
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        _let_in(path)
        shutil.rmtree(path, ignore_errors=True)


def _let_in(folder: str) -> None:
    """Have each folder let its owner at what is in it, before that is looked at."""
    with contextlib.suppress(OSError):
        os.chmod(folder, 0o700)
    for path, below, _ in os.walk(folder):
        for each in below:
            with contextlib.suppress(OSError):
                if not os.path.islink(os.path.join(path, each)):
                    os.chmod(os.path.join(path, each), 0o700)
