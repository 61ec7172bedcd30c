"""The innermost cause of an error that libraries have wrapped, more than once. Pure."""

from __future__ import annotations

__all__ = ["innermost", "system_reason"]


def innermost(problem: BaseException) -> BaseException:
    """Return the error with which it began."""
    while (deeper := problem.__cause__ or problem.__context__) is not None:
        problem = deeper
    return problem


def system_reason(problem: BaseException) -> str:
    """Return the innermost cause in a few words: the operating system's, where it has some."""
    inner = innermost(problem)
    return getattr(inner, "strerror", None) or type(inner).__name__
