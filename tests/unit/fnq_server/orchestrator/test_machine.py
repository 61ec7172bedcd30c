"""What a machine lacks."""

from __future__ import annotations

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.machine import Machine, shortfalls, unenforced

GIB = 1 << 30
NOWHERE = "there are no control groups for them"
BARE = Machine(2, 4 * GIB, (), "3.11", frozenset(), NOWHERE)
STRONG = Machine(
    64, 512 * GIB, ("NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB", "Tesla T4"), "3.11"
)


def spec(
    cpu: int = 0, memory: int = 0, gpu: str = "", count: int = 1, python: str = "3.11"
) -> spec_pb2.FunctionSpec:
    """Return the spec of a function that asks for this."""
    made = spec_pb2.FunctionSpec(name="f", python=python)
    made.resources.cpu_millis, made.resources.memory_bytes = cpu, memory
    made.resources.gpu, made.resources.gpu_count = gpu, count
    return made


@pytest.mark.parametrize(
    ("asked", "lacks"),
    [
        (spec(), []),
        (spec(2_000, 4 * GIB), []),
        (spec(64_000), ["asks for 64 cores, this machine has 2"]),
        (spec(2_500), ["asks for 2.5 cores, this machine has 2"]),
        (spec(memory=6 * GIB), ["asks for 6Gi of memory, this machine has 4Gi"]),
        (spec(gpu="nvidia-l4"), ["asks for a GPU nvidia-l4, this machine has no GPU"]),
        (spec(gpu="nvidia-l4", count=2), ["asks for 2 GPUs nvidia-l4, this machine has no GPU"]),
        (
            spec(python="3.12"),
            ["was deployed by Python 3.12, the stack here runs 3.11"],
        ),
        (
            spec(64_000, 6 * GIB, "nvidia-l4"),
            [
                "asks for 64 cores, this machine has 2",
                "asks for 6Gi of memory, this machine has 4Gi",
                "asks for a GPU nvidia-l4, this machine has no GPU",
            ],
        ),
    ],
)
def test_each_thing_that_is_lacking_is_a_clause(
    asked: spec_pb2.FunctionSpec, lacks: list[str]
) -> None:
    """What is there in full is not mentioned."""
    assert shortfalls(asked, BARE) == lacks


@pytest.mark.parametrize(
    ("gpu", "count", "lacks"),
    [
        ("nvidia-a100", 2, ""),
        ("nvidia-a100-80gb", 1, ""),
        ("a100", 1, ""),
        ("nvidia-t4", 1, ""),
        ("tesla-t4", 1, ""),
        ("nvidia-a100", 3, "asks for 3 GPUs nvidia-a100, this machine has 2 of them"),
        (
            "nvidia-a10",
            1,
            "asks for a GPU nvidia-a10, this machine has NVIDIA A100-SXM4-80GB and Tesla T4",
        ),
        (
            "nvidia-a100-40gb",
            1,
            "asks for a GPU nvidia-a100-40gb, this machine has NVIDIA A100-SXM4-80GB and Tesla T4",
        ),
    ],
)
def test_a_gpu_is_known_by_the_words_of_its_model(gpu: str, count: int, lacks: str) -> None:
    """All that are asked for are among them; the maker is the same for all."""
    assert shortfalls(spec(gpu=gpu, count=count), STRONG) == [lacks] * bool(lacks)


def test_of_several_kinds_of_gpu_one_is_enough() -> None:
    """What is told names all of them."""
    asked = spec(gpu="nvidia-l4")
    asked.resources.gpu_fallbacks.add(name="nvidia-a100", count=3)
    assert shortfalls(asked, STRONG) == [
        "asks for a GPU nvidia-l4 or 3 GPUs nvidia-a100, this machine has 2 of them"
    ]
    asked.resources.gpu_fallbacks.add(name="nvidia-t4", count=1)
    assert shortfalls(asked, STRONG) == []


def test_an_image_has_a_python_of_its_own() -> None:
    """Its builder says where that is another one."""
    asked = spec(python="3.12")
    asked.image.add(verb="base", arguments=["python:3.12"])
    assert shortfalls(asked, BARE) == []


def test_what_workers_are_not_held_to_is_told_with_the_obstacle() -> None:
    """Only where it is asked for; the same for all functions, so that it is said once."""
    assert unenforced(spec(), BARE) == []
    assert unenforced(spec(1_000, GIB), BARE) == [
        f"memory is not enforced on this machine: {NOWHERE}",
        f"cpu is not enforced on this machine: {NOWHERE}",
    ]
    half = Machine(2, GIB, (), "3.11", frozenset({"memory"}), NOWHERE)
    assert unenforced(spec(1_000, GIB), half) == [f"cpu is not enforced on this machine: {NOWHERE}"]
