"""What a Redis says of itself, as INFO has it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["fields", "release"]


def fields(reply: bytes) -> dict[str, str]:
    """Return an answer to INFO by its names."""
    return dict(line.split(":", 1) for line in reply.decode().splitlines() if ":" in line)


def release(told: Mapping[str, str]) -> str:
    """Return its release; of Valkey its own, not that of the Redis which it stands for."""
    return told.get("valkey_version") or told["redis_version"]
