"""Frames call functions of the test's own process."""

from __future__ import annotations

from tests.unit.chalkcompute.frame.calls import calls

__all__ = ["calls"]
