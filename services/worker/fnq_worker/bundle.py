"""Brings a bundle to where its runner finds it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from fnq_core.connection import insist
from fnq_core.registry import Registry
from fnq_wire.bundle import unpack

__all__ = ["fetch"]


async def fetch(registry: Registry, digest: str, work: str) -> str:
    """Return the directory with the unpacked bundle; made once per work directory.

    Raises RuntimeError when the bundle is not in the registry.
    """
    root = Path(work) / f"bundle-{digest[:16]}"
    if not root.exists():
        data = await insist("fetching the bundle", lambda: registry.bundle(digest))
        if data is None:
            raise RuntimeError(f"the bundle {digest} is not in the registry: deploy again")
        root.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(unpack, data, root)
    return str(root)
