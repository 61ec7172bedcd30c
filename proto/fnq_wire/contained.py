"""What an image that a Docker engine built is called, and where fnq is in it."""

from __future__ import annotations

__all__ = ["HOME", "PREFIX", "WORK"]

#: Before the reference of such an image in the name that a builder gives it.
PREFIX = "docker:"
#: Where images have what fnq adds.
HOME = "/opt/fnq"
#: What starts a whole worker, in images that have one; it takes the arguments of an agent.
WORK = f"{HOME}/work"
