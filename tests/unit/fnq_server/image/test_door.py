"""An engine that does not answer is named, with the remedy."""

from __future__ import annotations

import pytest

from fnq_server.image.docker.builder import DockerBuilder
from fnq_server.image.docker.door import DockerDoor
from fnq_server.image.seam import Builder
from fnq_wire.error import StackError


async def test_an_engine_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what DOCKER_HOST says, and why it cannot be reached."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(
        StackError,
        match=r"no Docker engine answers at tcp://127.0.0.1:1, asked to show the image x "
        r"\(Connection refused\): start it, or set DOCKER_HOST",
    ):
        await DockerDoor().image("x")


async def test_a_builder_asks_for_no_engine_before_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server starts while its engine is away."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")

    async def files(digest: str) -> bytes | None:
        return None

    builder: Builder = DockerBuilder(files)
    assert builder.active == {"image"}
