"""Programs that stand in for those on the path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

__all__ = ["programs"]


def programs(folder: Path, made: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make programs, each a line of shell, and put nothing else on the path."""
    folder.mkdir()
    for name, line in made.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
