"""What a plan says that differs between two versions."""

from __future__ import annotations

import pytest

from chalkcompute.cli.difference import changes, settings
from chalkcompute.resources import parse_memory
from fnq.v1 import spec_pb2

BEFORE = spec_pb2.FunctionSpec(
    name="embed",
    kind="function",
    max_replicas=1,
    concurrency=1,
    bundle="a" * 64,
    env={"KEPT": "1", "OLD": "2", "KEY": "first value"},
    resources=spec_pb2.Resources(memory_bytes=parse_memory("512Mi")),
)


def after(**changed: object) -> spec_pb2.FunctionSpec:
    """Return BEFORE with other values."""
    spec = spec_pb2.FunctionSpec()
    spec.CopyFrom(BEFORE)
    spec.MergeFrom(spec_pb2.FunctionSpec(**changed))  # type: ignore[arg-type]
    return spec


def test_the_same_settings_and_source_do_not_differ() -> None:
    """Nothing is told."""
    assert changes(BEFORE, after()) == []


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"resources": {"cpu_millis": 500}}, "cpu: none → 0.5"),
        ({"resources": {"memory_bytes": 1 << 30}}, "memory: 512 MiB → 1024 MiB"),
        ({"resources": {"memory_bytes": 1_000}}, "memory: 512 MiB → 1000 bytes"),
        ({"resources": {"gpu": "nvidia-l4", "gpu_count": 2}}, "gpu: none → nvidia-l4:2"),
        (
            {
                "resources": {
                    "gpu": "nvidia",
                    "gpu_memory_bytes": 24 << 30,
                    "gpu_fallbacks": [{"name": "nvidia-a100", "count": 2}],
                }
            },
            "gpu: none → nvidia:24Gi, nvidia-a100:2",
        ),
        ({"max_replicas": 8}, "max_replicas: 1 → 8"),
        ({"timeout_s": 2.5}, "timeout: none → 2.5 s"),
        ({"batching": {"max_size": 10}}, "max_batching_size: none → 10"),
        ({"image": [{"verb": "pip", "arguments": ["cowsay"]}]}, "image: none → pip cowsay"),
        (
            {"image": [{"verb": "env", "arguments": ["KEY=not for logs", "B=1"]}]},
            "image: none → env KEY B",
        ),
        ({"volumes": [{"volume": "m", "path": "/m"}]}, "volumes: none → m at /m"),
        ({"secrets": [{"source": "env", "name": "KEY"}]}, "secrets: none → KEY (env)"),
        ({"options": {"bisect": "false"}}, "options: none → bisect=false"),
        ({"kind": "async_generator"}, "kind: function → async generator"),
        (
            {"parameters": [{"name": "x", "kind": "either", "required": True, "type": "int64"}]},
            "parameters: () -> any → (x: int64) -> any",
        ),
        (
            {"retry": {"attempts": 3, "initial": 1, "multiplier": 2, "max_wait": 60}},
            "retries: none → 3 after 1 s, times 2, at most 60 s",
        ),
    ],
)
def test_each_setting_says_from_what_to_what(changed: dict[str, object], told: str) -> None:
    """By the names and units of the decorator."""
    assert changes(BEFORE, after(**changed)) == [told]


def test_the_source_is_told_last_and_the_environment_by_names_alone() -> None:
    """A value may be what is not for logs."""
    spec = after(bundle="b" * 64, env={"NEW": "3", "KEY": "second value"})
    del spec.env["OLD"]
    told = changes(BEFORE, spec)
    assert told == ["env: KEY changed", "env: NEW added", "env: OLD removed", "source changed too"]
    assert "value" not in str(told) + str(settings(spec))
    assert changes(BEFORE, after(bundle="b" * 64)) == ["source changed"]


def test_a_variable_of_an_image_that_changes_is_told_without_its_value() -> None:
    """As one of the function's own."""
    images = [after(image=[{"verb": "env", "arguments": [f"KEY={each}"]}]) for each in "12"]
    assert changes(*images) == ["image: variables changed"]
