"""What a deploy says of one function: its `FunctionSpec`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chalkcompute.batch import BATCH_SIZE, BUFFER_MS
from chalkcompute.errors import CallTimeoutError
from chalkcompute.resources import parse_cpu, parse_gpu, parse_memory
from chalkcompute.retry import RetryPolicy
from chalkcompute.settings import Settings
from fnq_wire.inactive import DEFAULT_COOLDOWN_S, DEFAULT_RESULT_TTL_S

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2
    from fnq_wire.arrow import Codec
    from fnq_wire.gpu import GpuAsk

__all__ = ["build"]

#: Invocations at once in one worker: a coroutine waits, a thread of control works.
_ASYNC_CONCURRENCY, _SYNC_CONCURRENCY = 1_000, 1
#: Calls that may wait.
_MAX_QUEUE = 500_000


def build(
    name: str,
    kind: str,
    settings: Settings,
    codec: Codec,
    where: tuple[str, str],
    bundle: str,
    image: Iterable[tuple[str, tuple[str, ...]]] = (),
) -> spec_pb2.FunctionSpec:
    """Return the spec of a function that lies at `where` (module, qualname) in `bundle`.

    `image` are the steps of its image, as `steps_of` reads them.
    """
    from fnq.v1 import spec_pb2

    spec = spec_pb2.FunctionSpec(
        name=name,
        module=where[0],
        qualname=where[1],
        kind=kind,
        returns=codec.returns,
        env=settings.env or {},
        options=settings.options or {},
        rate_limit_key=settings.rate_limit_key or "",
        timeout_s=settings.timeout or 0.0,
        max_queue=settings.max_queue or _MAX_QUEUE,
        result_ttl_s=settings.result_ttl or DEFAULT_RESULT_TTL_S,
        bundle=bundle,
        python=f"{sys.version_info[0]}.{sys.version_info[1]}",
    )
    for info in codec.parameters:
        spec.parameters.add(name=info.name, kind=info.kind, required=info.required, type=info.type)
    for verb, arguments in image:
        spec.image.add(verb=verb, arguments=arguments)
    _scale(spec, settings)
    _equip(spec, settings)
    _batch_and_retry(spec, settings)
    return spec


def _scale(spec: spec_pb2.FunctionSpec, settings: Settings) -> None:
    least = settings.min_replicas or 0
    spec.min_replicas = least
    spec.max_replicas = settings.max_replicas or max(1, least)
    cooldown = settings.suspend_cooldown_period
    spec.suspend_cooldown_s = DEFAULT_COOLDOWN_S if cooldown is None else cooldown
    one = settings.has_processes or spec.kind in ("function", "generator")
    spec.concurrency = settings.concurrency or (_SYNC_CONCURRENCY if one else _ASYNC_CONCURRENCY)


def _equip(spec: spec_pb2.FunctionSpec, settings: Settings) -> None:
    if settings.cpu is not None:
        spec.resources.cpu_millis = parse_cpu(settings.cpu)
    if settings.memory is not None:
        spec.resources.memory_bytes = parse_memory(settings.memory)
    if settings.gpu is not None:
        _ask_for_gpus(spec.resources, parse_gpu(settings.gpu))
    for volume, path in settings.volumes or ():
        spec.volumes.add(volume=volume.name, path=path)
    for secret in settings.secrets or ():
        spec.secrets.add(source=secret.source, name=secret.name)


def _ask_for_gpus(resources: spec_pb2.Resources, asked: Sequence[GpuAsk]) -> None:
    first, *others = asked
    resources.gpu, resources.gpu_count, resources.gpu_memory_bytes = first
    for name, count, memory_bytes in others:
        resources.gpu_fallbacks.add(name=name, count=count, memory_bytes=memory_bytes)


def _batch_and_retry(spec: spec_pb2.FunctionSpec, settings: Settings) -> None:
    if settings.batches:
        spec.batching.max_size = settings.max_batching_size or BATCH_SIZE
        spec.batching.max_buffer_ms = settings.max_buffer_duration or BUFFER_MS
    policy = RetryPolicy.of(settings.retries)
    if policy is not None and policy.attempts:
        spec.retry.attempts = policy.attempts
        spec.retry.initial = policy.initial
        spec.retry.multiplier = policy.multiplier
        spec.retry.max_wait = policy.max_wait
        spec.retry.jitter = policy.jitter
        spec.retry.timeouts = issubclass(CallTimeoutError, policy.retry_on)
