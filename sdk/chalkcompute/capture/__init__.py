"""The source of functions, made into a bundle that a worker can load."""

from __future__ import annotations

from chalkcompute.capture.bundle import Bundle
from chalkcompute.capture.packer import capture

__all__ = ["Bundle", "capture"]
