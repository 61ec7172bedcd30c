"""Give a function a secret: it is in its worker's environment, and nowhere else.

Put one on the server first, then run this file with another one in its own environment:

    echo hunter2 | fnq secret set DEMO_API_KEY
    DEMO_TOKEN=swordfish python examples/credentials.py

You see that the function has both, and that its neighbour, which asked for none, has neither.
`fnq secret list` shows names and never values.
"""

from __future__ import annotations

import hashlib
import os

import chalkcompute
from chalkcompute import Secret

NAMES = ("DEMO_API_KEY", "DEMO_TOKEN")


def fingerprint(name: str) -> str:
    """Return something that shows which value a variable has, and not the value."""
    value = os.environ.get(name)
    return hashlib.sha256(value.encode()).hexdigest()[:8] if value else "nothing"


@chalkcompute.function(
    secrets=[Secret.from_env("DEMO_API_KEY"), Secret.from_local_env("DEMO_TOKEN")]
)
def trusted() -> dict[str, str]:
    """Look at what was asked for."""
    return {name: fingerprint(name) for name in NAMES}


@chalkcompute.function
def neighbour() -> dict[str, str]:
    """Look for what was not asked for."""
    return {name: fingerprint(name) for name in NAMES}


print("trusted has", trusted())
print("neighbour has", neighbour())
