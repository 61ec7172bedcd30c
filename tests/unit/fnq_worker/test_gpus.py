"""The GPUs that a worker was given."""

from __future__ import annotations

import pytest

from fnq_worker.gpus import visible

GIVEN, READ = "NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"


def test_what_a_worker_was_given_cuda_sees() -> None:
    """Without a container nothing else hides those of others."""
    assert visible({GIVEN: "GPU-1,GPU-2"}) == {READ: "GPU-1,GPU-2"}


@pytest.mark.parametrize("environ", [{}, {GIVEN: "all"}, {GIVEN: "GPU-1", READ: "0"}])
def test_what_is_said_already_stays(environ: dict[str, str]) -> None:
    """An image may say "all" of itself, and the supervisor numbers."""
    assert visible(environ) == {}
