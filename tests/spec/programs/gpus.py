"""Functions that ask for GPUs."""

from __future__ import annotations

import os

import chalkcompute


@chalkcompute.function(gpu="nvidia-l4")
def gpu_first() -> str | None:
    """Return what this worker sees."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@chalkcompute.function(gpu="nvidia-l4")
def gpu_second() -> str | None:
    """Return what this worker sees."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@chalkcompute.function(gpu="nvidia-a100:2")
def gpu_others() -> str | None:
    """Return what this worker sees."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@chalkcompute.function
def gpu_none() -> str | None:
    """Return what a worker sees that asked for none."""
    return os.environ.get("CUDA_VISIBLE_DEVICES")


print(sorted([gpu_first(), gpu_second()]), gpu_others(), gpu_none())
