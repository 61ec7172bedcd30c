"""Lets go of images that nobody needs, once, when a server starts."""

from __future__ import annotations

import structlog

from fnq_core.connection import insist
from fnq_core.registry import Registry
from fnq_server.image.seam import Builder

__all__ = ["tidy_images"]

_log = structlog.get_logger()


async def tidy_images(builder: Builder, registry: Registry) -> None:
    """Have the builder let go of what no version refers to and nobody has used for long."""
    namespaces = await insist("looking for images", registry.namespaces)
    functions = await insist("looking for images", lambda: registry.functions(namespaces))
    wanted = [(each.namespace, version) for each in functions for version in each.versions]
    found = await insist("looking for images", lambda: registry.versions(wanted))
    if None in found:
        # What cannot be read may refer to an image, too.
        return
    images = [(each.spec.image, each.spec.options) for each in found if each and each.spec.image]
    try:
        await builder.tidy(images)
    except OSError as problem:
        _log.warning("images cannot be tidied", problem=str(problem))
