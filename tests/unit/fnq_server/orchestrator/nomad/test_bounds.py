"""What functions may ask for on a cluster, as its operator writes it down."""

from __future__ import annotations

from typing import Any

import pytest

from fnq.v1 import spec_pb2
from fnq_server.orchestrator.nomad.bounds import Bounds, excesses

BOUNDS = Bounds.parse(
    """
    cpu = 4
    memory = "8Gi"
    gpus = 1
    replicas = 10
    priority = 60
    node_pools = ["gpu", "big"]
    options = ["nomad.node_pool", "nomad.priority", "nomad.memory_max"]
    """,
    "/etc/workers.toml",
)
PRIORITIES = "a whole number from 50, which a job has that names none, to 100"
ALL = "cpu, memory, gpus, replicas, priority, node_pools, options"


def _spec(
    options: dict[str, str] | None = None, least: int = 0, most: int = 1, **resources: Any
) -> spec_pb2.FunctionSpec:
    return spec_pb2.FunctionSpec(
        name="f",
        resources=spec_pb2.Resources(**resources),
        options=options or {},
        min_replicas=least,
        max_replicas=most,
    )


@pytest.mark.parametrize(
    ("spec", "clause", "bound"),
    [
        (_spec(cpu_millis=4500), "asks for cpu=4.5", "cpu = 4"),
        (_spec(memory_bytes=(8 << 30) + 1), "asks for memory of 8193 MiB", 'memory = "8Gi"'),
        (_spec(gpu="nvidia-l4", gpu_count=2), "asks for 2 GPUs", "gpus = 1"),
        (_spec(most=11), "asks for max_replicas=11", "replicas = 10"),
        (_spec(least=12, most=12), "asks for min_replicas=12", "replicas = 10"),
        (_spec({"nomad.priority": "61"}), "asks for the priority 61", "priority = 60"),
        (
            _spec({"nomad.node_pool": "edge"}),
            "asks for the node pool 'edge'",
            'node_pools = ["gpu", "big"]',
        ),
        (
            _spec({"nomad.memory_max": "9Gi"}),
            "asks for nomad.memory_max of 9216 MiB",
            'memory = "8Gi"',
        ),
        (
            _spec({"nomad.constraint": "attr.cpu.arch = amd64"}),
            "uses the option nomad.constraint",
            'options = ["nomad.node_pool", "nomad.priority", "nomad.memory_max"]',
        ),
    ],
)
def test_what_is_too_much_is_told_with_the_bound_as_it_is_written(
    spec: spec_pb2.FunctionSpec, clause: str, bound: str
) -> None:
    """And where that is."""
    expected = f"{clause}, and the operator's bound is {bound} (/etc/workers.toml)"
    assert excesses(spec, BOUNDS, "default") == [expected]


def test_what_is_at_a_bound_is_within_it() -> None:
    """So is the operator's own node pool, and whatever nobody bounds."""
    options = {"nomad.priority": "60", "nomad.node_pool": "own", "nomad.memory_max": "8Gi"}
    most = _spec(
        options, 10, 10, cpu_millis=4000, memory_bytes=8 << 30, gpu="nvidia-l4", gpu_count=1
    )
    assert excesses(most, BOUNDS, "own") == []
    huge = _spec({"nomad.node_pool": "x"}, 999, 999, cpu_millis=999_000, gpu="a", gpu_count=9)
    assert excesses(huge, Bounds(), "own") == []
    assert excesses(_spec(), BOUNDS, "own") == []


def test_a_bound_of_no_gpus_keeps_them_from_all() -> None:
    """One GPU without a count is one."""
    [told] = excesses(_spec(gpu="nvidia-l4"), Bounds.parse("gpus = 0", "here"), "own")
    assert told == "asks for 1 GPU, and the operator's bound is gpus = 0 (here)"


def test_a_bound_of_gpus_holds_for_each_choice_of_a_list() -> None:
    """Any of them may be the one that is taken."""
    fallbacks = [spec_pb2.GpuAsk(name="nvidia-t4", count=2)]
    spec = _spec(gpu="nvidia-l4", gpu_count=1, gpu_fallbacks=fallbacks)
    assert excesses(spec, BOUNDS, "own") == [
        "asks for 2 GPUs, and the operator's bound is gpus = 1 (/etc/workers.toml)"
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cpus = 1", "bounds.cpus: no such bound; did you mean cpu?"),
        (
            "x = 1",
            f"bounds.x: no such bound; there are {ALL}",
        ),
        ("cpu = true", "bounds.cpu: expected a number of cores above 0, not True"),
        ("memory = 4096", 'bounds.memory: expected memory as "512Mi" or "4Gi", not 4096'),
        ("memory = '4G'", 'bounds.memory: expected memory as "512Mi" or "4Gi", not \'4G\''),
        ("gpus = -1", "bounds.gpus: expected a whole number, 0 or more, not -1"),
        ("replicas = 0", "bounds.replicas: expected a whole number above 0, not 0"),
        ("priority = 49", f"bounds.priority: expected {PRIORITIES}, not 49"),
        ("priority = 101", f"bounds.priority: expected {PRIORITIES}, not 101"),
        ("node_pools = 'a'", "bounds.node_pools: expected a list of node pools, not 'a'"),
        (
            "options = ['node_pool']",
            "bounds.options: expected a list of keys that begin with nomad., not ['node_pool']",
        ),
    ],
)
def test_a_slip_of_the_pen_is_no_bound(text: str, message: str) -> None:
    """It would let everything through."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        Bounds.parse(text, "here")
    assert str(caught.value) == message
