"""Whether packages can be had here, for tests that build images."""

from __future__ import annotations

import functools
import os
import subprocess
import tempfile

import pytest
import uv

from fnq_server.image.environments import index

__all__ = ["needs_index"]

#: Seconds in which an index answers.
_ANSWER_S = 20


@functools.cache
def _answers() -> bool:
    environ = os.environ | index.uv_variables(os.environ, index.read(index.configs(os.environ)))
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [uv.find_uv_bin(), "pip", "install", "--target", folder, "--no-deps", "cowsay==6.1"],
            env=environ,
            capture_output=True,
            timeout=_ANSWER_S,
            check=False,
        )
    return done.returncode == 0


def needs_index() -> None:
    """Skip the test where no package index answers."""
    if not _answers():
        pytest.skip("no package index answers here")
