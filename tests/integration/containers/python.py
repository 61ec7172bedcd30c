"""An image with Python and pip on its path, for images of functions to begin with.

It has what runners need, so that most tests need not wait for that.
"""

from __future__ import annotations

import subprocess

from tests.integration.containers import engine

__all__ = ["MARKER", "NAME", "have", "remove"]

#: Its name: no registry has it.
NAME = f"fnq-test-python:{engine.TAG}"
#: A file that it has, and what is in it.
MARKER = ("/etc/fnq-marker", "made for a test")
_DOCKERFILE = f"""FROM {{base}}
RUN python3 -m venv /opt/python && echo {MARKER[1]} > {MARKER[0]}
ENV PATH=/opt/python/bin:$PATH
RUN pip install --no-cache-dir greenlet pyarrow
"""


def have() -> str:
    """Make it unless it is there, and return its name; skips where there is no engine."""
    engine.require()
    base = engine.base()
    if base == "fnq-base":
        # Where pip is told where packages are.
        base = "fnq-base-build"
    command = ["docker", "build", "-q", "--network", "host", "-t", NAME, "-"]
    text = _DOCKERFILE.format(base=base).encode()
    done = subprocess.run(command, input=text, capture_output=True, timeout=engine.BUILD_S)
    assert done.returncode == 0, done.stderr
    return NAME


def remove(*images: str) -> None:
    """Remove images, and the layers below that are nobody else's."""
    subprocess.run(["docker", "image", "rm", "-f", *images], capture_output=True)
