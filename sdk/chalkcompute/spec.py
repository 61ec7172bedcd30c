"""What a deploy says of one function: its `FunctionSpec`."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from chalkcompute.errors import DeployError
from chalkcompute.image import Image, Step
from chalkcompute.resources import parse_cpu, parse_gpu, parse_memory
from chalkcompute.retry import RetryPolicy
from chalkcompute.settings import Settings
from fnq_wire.inactive import DEFAULT_COOLDOWN_S, DEFAULT_RESULT_TTL_S

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2
    from fnq_wire.arrow import Codec

__all__ = ["build", "image_steps"]

#: Invocations at once in one worker: a coroutine waits, a thread of control works.
_ASYNC_CONCURRENCY, _SYNC_CONCURRENCY = 1_000, 1
#: Calls that may wait.
_MAX_QUEUE = 500_000
#: Items and milliseconds, where only the other one was given.
_BATCH_SIZE, _BUFFER_MS = 10, 1_000


def build(
    name: str, kind: str, settings: Settings, codec: Codec, where: tuple[str, str], bundle: str
) -> spec_pb2.FunctionSpec:
    """Return the spec of a function that lies at `where` (module, qualname) in `bundle`.

    Raises DeployError when a file of its image cannot be read.
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
    if settings.image is not None:
        for verb, arguments in image_steps(settings.image):
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
    synchronous = spec.kind in ("function", "generator")
    spec.concurrency = settings.concurrency or (
        _SYNC_CONCURRENCY if synchronous else _ASYNC_CONCURRENCY
    )


def _equip(spec: spec_pb2.FunctionSpec, settings: Settings) -> None:
    if settings.cpu is not None:
        spec.resources.cpu_millis = parse_cpu(settings.cpu)
    if settings.memory is not None:
        spec.resources.memory_bytes = parse_memory(settings.memory)
    if settings.gpu is not None:
        spec.resources.gpu, spec.resources.gpu_count = parse_gpu(settings.gpu)
    for volume, path in settings.volumes or ():
        spec.volumes.add(volume=volume.name, path=path)
    for secret in settings.secrets or ():
        spec.secrets.add(source=secret.source, name=secret.name)


def _batch_and_retry(spec: spec_pb2.FunctionSpec, settings: Settings) -> None:
    if settings.max_batching_size is not None or settings.max_buffer_duration is not None:
        spec.batching.max_size = settings.max_batching_size or _BATCH_SIZE
        spec.batching.max_buffer_ms = settings.max_buffer_duration or _BUFFER_MS
    policy = RetryPolicy.of(settings.retries)
    if policy is not None and policy.attempts:
        spec.retry.attempts = policy.attempts
        spec.retry.initial = policy.initial
        spec.retry.multiplier = policy.multiplier
        spec.retry.max_wait = policy.max_wait
        spec.retry.jitter = policy.jitter


def image_steps(image: Image) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Return verb and arguments of each step, with the local files it names.

    A text file (Dockerfile, requirements) is its text; a file or folder that is
    copied is its sha256, so that equal content is an equal image wherever it lies.
    Raises DeployError when one cannot be read.
    """
    for step in image.steps:
        try:
            yield step.verb, (*step.arguments, *_content(step))
        except (OSError, UnicodeDecodeError) as problem:
            raise DeployError(
                f"image: cannot read {step.source} for its step {step.verb!r}: {problem}"
            ) from problem


def _content(step: Step) -> tuple[str, ...]:
    if step.source is None:
        return ()
    path = Path(step.source)
    if step.verb in ("dockerfile", "pip"):
        return (path.read_text("utf-8"),)
    return (_digest([path] if step.verb == "add_file" else _files(path), path),)


def _files(folder: Path) -> Iterator[Path]:
    """Return all files and links below `folder`, in an order that is the same everywhere."""
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield Path(entry.path)


def _digest(files: Iterator[Path] | list[Path], root: Path) -> str:
    """Return the sha256 of names below `root`, permission to execute, and contents."""
    digest = hashlib.sha256()
    for path in files:
        if path.is_symlink():
            mode, content = "link", os.readlink(path)
        else:
            mode = "run" if os.access(path, os.X_OK) else "read"
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()}\0{mode}\0{content}\n".encode())
    return digest.hexdigest()
