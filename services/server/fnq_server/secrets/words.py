"""What people are told of a secret: how it is called, and how it comes to be set. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from fnq_core.secrets import Label

__all__ = ["missing", "remedy", "title"]


def title(label: Label) -> str:
    """Return what a secret is called in a sentence: "the secret X"."""
    if label.source == "integration":
        return f"the integration {label.name}"
    if label.source == "local_env":
        return f"the secret {label.name} of {label.function}"
    return f"the secret {label.name}"


def remedy(label: Label) -> str:
    """Return what sets it: "fnq secret set X"."""
    if label.source == "integration":
        return f"fnq integration set {label.name}"
    if label.source == "local_env":
        return f"deploy again where the environment has {label.name}"
    return f"fnq secret set {label.name}"


def missing(labels: Iterable[Label]) -> str:
    """Return in one sentence what is not set, each with its remedy."""
    return "; ".join(f"{title(each)} is missing: {remedy(each)}" for each in labels)
