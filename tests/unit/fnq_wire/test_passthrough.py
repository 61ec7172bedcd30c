"""Options for Nomad: what each key takes, and what is said of one that it does not."""

from __future__ import annotations

import pytest

from fnq_wire.option import check_options
from fnq_wire.passthrough import KEYS, NodeDemand, Passthrough, parse

OPERATORS = (
    "=, !=, <, <=, >, >=, version, semver, regexp, set_contains, set_contains_any, is_set, "
    "is_not_set"
)


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("node_pool", "gpu", Passthrough(node_pool="gpu")),
        ("datacenters", "dc1, eu-*", Passthrough(datacenters=("dc1", "eu-*"))),
        ("priority", "70", Passthrough(priority=70)),
        ("memory_max", "8Gi", Passthrough(memory_max_mb=8192)),
        ("docker.shm_size", "64Mi", Passthrough(docker={"shm_size": 64 << 20})),
        ("docker.pids_limit", "500", Passthrough(docker={"pids_limit": 500})),
        ("docker.cpu_hard_limit", "true", Passthrough(docker={"cpu_hard_limit": True})),
        ("docker.readonly_rootfs", "false", Passthrough(docker={"readonly_rootfs": False})),
        (
            "constraint",
            "attr.cpu.arch = amd\n${meta.r} set_contains a,b\n\nnode.pool is_set\ndistinct_hosts",
            Passthrough(
                demands=(
                    NodeDemand("${attr.cpu.arch}", "=", "amd"),
                    NodeDemand("${meta.r}", "set_contains", "a,b"),
                    NodeDemand("${node.pool}", "is_set", ""),
                    NodeDemand("", "distinct_hosts", "true"),
                )
            ),
        ),
    ],
)
def test_each_key_has_a_form_of_its_own(key: str, text: str, expected: Passthrough) -> None:
    """What it says arrives as what a job is made of."""
    assert parse({f"nomad.{key}": text}) == expected


def test_all_keys_go_together_and_others_are_left_alone() -> None:
    """`options` has keys of the worker, too."""
    found = parse({"nomad.node_pool": "a", "nomad.docker.pids_limit": "9", "concurrency": "x"})
    assert found == Passthrough(node_pool="a", docker={"pids_limit": 9})
    assert parse({}) == Passthrough()


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("node_pol", "a", "no such option 'nomad.node_pol'; did you mean 'nomad.node_pool'?"),
        ("x", "a", f"no such option 'nomad.x'; there are {', '.join(KEYS)}"),
        ("node_pool", "a b", "nomad.node_pool: expected the name of a node pool, not 'a b'"),
        (
            "datacenters",
            "a,,b",
            "nomad.datacenters: expected datacenters as \"dc1, eu-*\", not 'a,,b'",
        ),
        ("priority", "101", "nomad.priority: expected a number from 1 to 100, not '101'"),
        ("priority", "0", "nomad.priority: expected a number from 1 to 100, not '0'"),
        (
            "memory_max",
            "8GB",
            'nomad.memory_max: expected memory as "512Mi" or "4Gi", not \'8GB\'',
        ),
        (
            "docker.cpu_hard_limit",
            "yes",
            'nomad.docker.cpu_hard_limit: expected "true" or "false", not \'yes\'',
        ),
        (
            "constraint",
            "env.HOME = x",
            "nomad.constraint: 'env.HOME' is no attribute of a node, as attr.cpu.arch or meta.a is",
        ),
        (
            "constraint",
            "attr.cpu.arch ~ x",
            f"nomad.constraint: expected one of {OPERATORS} after 'attr.cpu.arch', not '~'",
        ),
        (
            "constraint",
            "attr.cpu.arch =",
            "nomad.constraint: expected \"ATTRIBUTE OPERATOR VALUE\", not 'attr.cpu.arch ='",
        ),
        (
            "constraint",
            "attr.a = ${env.X}",
            "nomad.constraint: expected \"ATTRIBUTE OPERATOR VALUE\", not 'attr.a = ${env.X}'",
        ),
    ],
)
def test_what_a_key_does_not_take_is_refused_by_name(key: str, text: str, message: str) -> None:
    """With the near names of one that is none; the decorator says the same."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        parse({f"nomad.{key}": text})
    assert str(caught.value) == message
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the whole text is compared
        check_options("options", {f"nomad.{key}": text})
    assert str(caught.value) == f"options: {message}"
