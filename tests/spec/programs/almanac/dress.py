"""Imported only when a call runs."""

from __future__ import annotations


def dressed(text: str) -> str:
    """Return the text with brackets around it."""
    return f"<{text}>"
