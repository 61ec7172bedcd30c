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
    """Environment, replicas, cap of the queue, time, batches, concurrency and retries act."""
    spec = bare("function")
    spec.env["A"] = "1"
    spec.min_replicas, spec.max_replicas, spec.suspend_cooldown_s = 2, 4, 300
    spec.max_queue = 10
    spec.timeout_s = 1.0
    spec.batching.max_size, spec.batching.max_buffer_ms = 10, 1000
    spec.concurrency = 50
    spec.options["concurrency"] = "processes"
    spec.options["divergence"] = "allow"
    spec.retry.attempts = 3
    assert inactive(spec) == []


def test_what_has_an_effect_where_the_function_runs_is_not_named() -> None:
    """Another stack may act on more."""
    spec = bare()
    spec.resources.cpu_millis, spec.resources.memory_bytes = 1, 1
    spec.volumes.add(volume="v", path="/v")
    assert inactive(spec, {"cpu", "memory", "gpu"}) == ["volumes"]


def test_everything_else_is_named_in_the_order_of_the_documentation() -> None:
    """Each argument has the name that the decorator gives it."""
    spec = bare("generator")
    spec.image.add(verb="base", arguments=["a"])
    spec.resources.cpu_millis, spec.resources.memory_bytes, spec.resources.gpu = 1, 1, "nvidia-l4"
    spec.max_replicas, spec.timeout_s = 4, 1.0
    spec.volumes.add(volume="v", path="/v")
    spec.secrets.add(source="env", name="S")
    spec.suspend_cooldown_s, spec.result_ttl_s = 300, 60
    spec.options["nomad.priority"] = "60"
    spec.rate_limit_key = "key"
    assert inactive(spec) == [
        "image", "cpu", "memory", "gpu", "volumes", "secrets", "options",
    ]  # fmt: skip


def test_an_option_that_is_nobodys_is_named_wherever_the_function_runs() -> None:
    """With the name that it is near to; those of an orchestrator are that one's."""
    spec = bare()
    for name in ("concurency", "image.pyton", "unknown", "nomad.priority", "concurrency"):
        spec.options[name] = "2"
    assert inactive(spec, {"options"}) == [
        'options["concurency"] (did you mean "concurrency"?)',
        'options["image.pyton"] (did you mean "image.python"?)',
        'options["unknown"]',
    ]
    del spec.options["nomad.priority"]
    assert "options" not in inactive(spec)
