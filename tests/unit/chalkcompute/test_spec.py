"""What a deploy says of a function."""

from __future__ import annotations

import sys

import pytest

from chalkcompute import Image, RetryPolicy, Secret, Volume
from chalkcompute.imagefiles import steps_of
from chalkcompute.settings import Settings
from chalkcompute.spec import build
from fnq.v1 import spec_pb2
from fnq_wire.arrow import Codec
from fnq_wire.gpu import asks
from fnq_wire.version import version_id


def embed(texts: list[str], size: int = 3) -> list[list[float]]:
    """Stand for a function."""
    return [[0.0] * size for _ in texts]


def spec_of(settings: Settings, kind: str = "function") -> spec_pb2.FunctionSpec:
    """Return the spec of `embed` with these settings."""
    image, where = steps_of(settings.image).steps, ("models", "embed")
    return build("embed", kind, settings, Codec.of(embed), where, "ab" * 32, image)


def test_a_bare_decorator_has_the_defaults() -> None:
    """Nothing given: one invocation at once, one replica at most, the documented caps."""
    spec = spec_of(Settings())
    assert (spec.name, spec.module, spec.qualname) == ("embed", "models", "embed")
    assert (spec.min_replicas, spec.max_replicas, spec.concurrency) == (0, 1, 1)
    assert (spec.max_queue, spec.result_ttl_s, spec.suspend_cooldown_s) == (500_000, 86_400, 60)
    assert (spec.timeout_s, spec.bundle) == (0, "ab" * 32)
    assert spec.python == f"3.{sys.version_info[1]}"
    assert not spec.HasField("batching")
    assert not spec.HasField("retry")
    assert not spec.HasField("resources")


@pytest.mark.parametrize("kind", ["coroutine", "async_generator"])
def test_coroutines_share_a_worker(kind: str) -> None:
    """An async function runs many invocations at once unless told otherwise."""
    assert spec_of(Settings(), kind).concurrency == 1000
    assert spec_of(Settings(concurrency=7), kind).concurrency == 7
    assert spec_of(Settings(options={"concurrency": "processes"}), kind).concurrency == 1


def test_the_parameters_are_described() -> None:
    """Names, kinds, requiredness and Arrow types come from the codec."""
    first, second = spec_of(Settings()).parameters
    assert (first.name, first.kind, first.required) == ("texts", "either", True)
    assert (second.name, second.required) == ("size", False)
    assert "string" in first.type
    assert spec_of(Settings()).returns == Codec.of(embed).returns


def test_every_setting_arrives() -> None:
    """Each argument is where the wire has it, in its unit."""
    spec = spec_of(
        Settings(
            image=Image.base("a"),
            cpu="1.5",
            memory="4Gi",
            gpu="nvidia-l4:2",
            env={"A": "1"},
            min_replicas=2,
            volumes=[(Volume("v"), "/v")],
            secrets=[Secret("S"), Secret.from_integration("pg")],
            suspend_cooldown_period=0,
            options={"k": "v"},
            rate_limit_key="key",
            timeout=2.5,
            max_queue=10,
            result_ttl=60,
        )
    )
    assert [(each.verb, list(each.arguments)) for each in spec.image] == [("base", ["a"])]
    assert (spec.resources.cpu_millis, spec.resources.memory_bytes) == (1500, 4 << 30)
    assert (spec.resources.gpu, spec.resources.gpu_count) == ("nvidia-l4", 2)
    assert (dict(spec.env), dict(spec.options)) == ({"A": "1"}, {"k": "v"})
    assert (spec.min_replicas, spec.max_replicas, spec.suspend_cooldown_s) == (2, 2, 0)
    assert [(each.volume, each.path) for each in spec.volumes] == [("v", "/v")]
    assert [(each.source, each.name) for each in spec.secrets] == [
        ("env", "S"),
        ("integration", "pg"),
    ]
    assert (spec.rate_limit_key, spec.timeout_s, spec.max_queue, spec.result_ttl_s) == (
        "key",
        2.5,
        10,
        60,
    )


def test_one_batching_argument_brings_the_others_default() -> None:
    """The documented defaults apply when either is given."""
    by_size = spec_of(Settings(max_batching_size=32)).batching
    assert (by_size.max_size, by_size.max_buffer_ms) == (32, 1000)
    by_time = spec_of(Settings(max_buffer_duration=50)).batching
    assert (by_time.max_size, by_time.max_buffer_ms) == (10, 50)


def test_a_retry_policy_arrives() -> None:
    """All that a queue needs to schedule a retry; what matches is decided elsewhere."""
    retry = spec_of(
        Settings(retries=RetryPolicy.exponential(attempts=5, initial=0.5, max_wait=30.0))
    ).retry
    assert (retry.attempts, retry.initial, retry.multiplier, retry.max_wait, retry.jitter) == (
        5, 0.5, 2.0, 30.0, True,
    )  # fmt: skip
    assert not spec_of(Settings(retries=0)).HasField("retry")


@pytest.mark.parametrize(
    ("retry_on", "timeouts"),
    [
        ((Exception,), True),
        ((OSError,), True),
        ((TimeoutError, KeyError), True),
        ((KeyError,), False),
    ],
)
def test_a_timeout_is_repeated_where_its_error_matches(
    retry_on: tuple[type[BaseException], ...], timeouts: bool
) -> None:
    """No user code is there to raise it: what matches is told with the policy."""
    policy = RetryPolicy.linear(retry_on=retry_on)
    assert spec_of(Settings(retries=policy)).retry.timeouts is timeouts


def test_equal_settings_are_one_version() -> None:
    """The id of a version changes with a setting, not with the order of a mapping."""
    one = spec_of(Settings(env={"A": "1", "B": "2"}))
    assert version_id(one) == version_id(spec_of(Settings(env={"B": "2", "A": "1"})))
    assert version_id(one) != version_id(spec_of(Settings(env={"A": "1"})))


def test_gpus_that_are_taken_in_turn_arrive_in_their_order() -> None:
    """The first where it always was, so that versions stay what they are."""
    spec = spec_of(Settings(gpu=["nvidia:24Gi", "2:nvidia-a100"]))
    assert spec.resources.gpu_memory_bytes == 24 << 30
    assert [(each.name, each.count) for each in spec.resources.gpu_fallbacks] == [
        ("nvidia-a100", 2)
    ]
    assert asks(spec.resources) == (("nvidia", 1, 24 << 30), ("nvidia-a100", 2, 0))
