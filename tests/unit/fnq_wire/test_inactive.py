"""Arguments that have no effect yet are named."""

from __future__ import annotations

from fnq.v1 import spec_pb2
from fnq_wire.inactive import DEFAULT_COOLDOWN_S, DEFAULT_RESULT_TTL_S, inactive


def bare(kind: str = "function") -> spec_pb2.FunctionSpec:
    """Return the spec of a bare decorator."""
    return spec_pb2.FunctionSpec(
        kind=kind,
        max_replicas=1,
        suspend_cooldown_s=DEFAULT_COOLDOWN_S,
        result_ttl_s=DEFAULT_RESULT_TTL_S,
        concurrency=1,
    )


def test_a_bare_decorator_has_nothing_inactive() -> None:
    """Defaults are not arguments that were ignored."""
    assert inactive(bare()) == []


def test_what_has_an_effect_is_not_named() -> None:
    """Environment, least replicas, cap of the queue, time limit and async concurrency act."""
    spec = bare("coroutine")
    spec.env["A"] = "1"
    spec.min_replicas = spec.max_replicas = 2
    spec.max_queue = 10
    spec.timeout_s = 1.0
    spec.concurrency = 500
    assert inactive(spec) == []


def test_what_has_an_effect_where_the_function_runs_is_not_named() -> None:
    """Another stack may act on more."""
    spec = bare()
    spec.resources.cpu_millis, spec.resources.memory_bytes, spec.result_ttl_s = 1, 1, 1.0
    assert inactive(spec, {"cpu", "memory", "gpu"}) == ["result_ttl"]


def test_everything_else_is_named_in_the_order_of_the_documentation() -> None:
    """Each argument has the name that the decorator gives it."""
    spec = bare("generator")
    spec.image.add(verb="base", arguments=["a"])
    spec.resources.cpu_millis, spec.resources.memory_bytes, spec.resources.gpu = 1, 1, "nvidia-l4"
    spec.max_replicas, spec.concurrency, spec.timeout_s = 4, 8, 1.0
    spec.volumes.add(volume="v", path="/v")
    spec.secrets.add(source="env", name="S")
    spec.suspend_cooldown_s, spec.result_ttl_s = 300, 60
    spec.options["k"] = "v"
    spec.batching.max_size, spec.batching.max_buffer_ms = 10, 1000
    spec.retry.attempts, spec.rate_limit_key = 3, "key"
    assert inactive(spec) == [
        "image", "cpu", "memory", "gpu", "max_replicas", "volumes", "secrets",
        "suspend_cooldown_period", "options", "max_buffer_duration", "max_batching_size",
        "retries", "rate_limit_key", "concurrency", "result_ttl",
    ]  # fmt: skip
