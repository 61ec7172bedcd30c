"""One stack for all programs of the specification's forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.livestack import Stack, one_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that all tests of this folder share, gone after the last."""
    with one_stack(tmp_path_factory.mktemp("stack")) as mine:
        yield mine
