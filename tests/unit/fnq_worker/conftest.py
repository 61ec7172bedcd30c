"""What the tests of the agent share: one zygote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.fnq_runner.zygote import zygote_at


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a zygote that serves all tests of a run."""
    with zygote_at(tmp_path_factory.mktemp("z") / "z.sock") as path:
        yield path
