"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house import source

DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "examples/*.md", "jobs/*.md")
    for path in source.ROOT.glob(pattern)
)
#: A path as documents write it: in backquotes, with a slash and an ending or a last slash.
PATH = re.compile(r"`([a-z_.]+(?:/[\w*.-]+)*(?:/|/[\w-]+\.\w+))`")
TARGET = re.compile(r"\bmake ([a-z-]+)\b(?=[`\n ]*[`#])")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_path_in_a_document_exists(document: Path) -> None:
    """Each path in backquotes is found from the root or beside the package that it names."""
    roots = ("", "proto", "sdk", *(f"services/{each}" for each in _services()))
    missing = [
        path
        for path in PATH.findall(document.read_text())
        if not any(list((source.ROOT / root).glob(path.rstrip("/"))) for root in roots)
    ]
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_a_target_in_a_document_exists(document: Path) -> None:
    """Each `make TARGET` is one of the Makefile's."""
    makefile = (source.ROOT / "Makefile").read_text()
    known = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    assert set(TARGET.findall(document.read_text())) <= known


def _services() -> list[str]:
    """Return the folders that hold services."""
    return [path.name for path in (source.ROOT / "services").iterdir() if path.is_dir()]
