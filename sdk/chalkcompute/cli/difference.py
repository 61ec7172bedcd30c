"""What differs between two versions of a function, in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from fnq_wire.gpu import asks

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["arguments", "changes", "settings"]

_MIB = 1 << 20
#: What stands for a setting that was not given.
_NONE = "none"


def changes(before: spec_pb2.FunctionSpec, after: spec_pb2.FunctionSpec) -> list[str]:
    """Return one line for each setting that differs, and for the source.

    Of the environment names alone are told: what lies there is not for logs.
    """
    old, new = settings(before), settings(after)
    told = [f"{name}: {old[name]} → {new[name]}" for name in new if old[name] != new[name]]
    if before.image != after.image and old["image"] == new["image"]:
        told.append("image: variables changed")
    told += _variables(before.env, after.env)
    if before.bundle != after.bundle:
        # The text of a decorator is part of it.
        told.append("source changed too" if told else "source changed")
    return told


def settings(spec: spec_pb2.FunctionSpec) -> dict[str, str]:
    """Return the settings of a function as text, the environment apart.

    They have the decorator's names, and its units; bytes are MiB where they are whole ones.
    """
    given = spec.resources
    found = {
        "parameters": f"({', '.join(_parameters(spec))}) -> {spec.returns or 'any'}",
        "kind": spec.kind.replace("_", " "),
        "image": "; ".join(" ".join([step.verb, *arguments(step)]) for step in spec.image),
        "cpu": f"{given.cpu_millis / 1000:g}" if given.cpu_millis else "",
        "memory": _memory(given.memory_bytes),
        "gpu": ", ".join(map(str, asks(given))),
        "min_replicas": str(spec.min_replicas),
        "max_replicas": str(spec.max_replicas),
        "volumes": ", ".join(f"{each.volume} at {each.path}" for each in spec.volumes),
        "secrets": ", ".join(f"{each.name} ({each.source})" for each in spec.secrets),
        "suspend_cooldown_period": f"{spec.suspend_cooldown_s:g} s",
        "options": ", ".join(f"{name}={value}" for name, value in sorted(spec.options.items())),
        "max_batching_size": str(spec.batching.max_size or ""),
        "max_buffer_duration": _unit(spec.batching.max_buffer_ms, "ms"),
        "retries": _retries(spec.retry),
        "rate_limit_key": spec.rate_limit_key,
        "concurrency": str(spec.concurrency),
        "timeout": _unit(spec.timeout_s, "s"),
        "max_queue": str(spec.max_queue),
        "result_ttl": f"{spec.result_ttl_s:g} s",
        "python": spec.python,
    }
    return {name: value or _NONE for name, value in found.items()}


def arguments(step: spec_pb2.ImageStep) -> list[str]:
    """Return the arguments of a step of an image; of variables only their names."""
    if step.verb == "env":
        return [each.partition("=")[0] for each in step.arguments]
    return list(step.arguments)


def _parameters(spec: spec_pb2.FunctionSpec) -> Iterator[str]:
    stars = {"var_positional": "*", "var_keyword": "**"}
    for each in spec.parameters:
        optional = "" if each.required or each.kind in stars else " = ..."
        yield f"{stars.get(each.kind, '')}{each.name}: {each.type}{optional}"


def _variables(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield f"env: {name} added"
        elif name not in after:
            yield f"env: {name} removed"
        elif before[name] != after[name]:
            yield f"env: {name} changed"


def _memory(size: int) -> str:
    if size % _MIB:
        return f"{size} bytes"
    return f"{size // _MIB} MiB" if size else ""


def _unit(value: float, unit: str) -> str:
    return f"{value:g} {unit}" if value else ""


def _retries(policy: spec_pb2.Retry) -> str:
    if not policy.attempts:
        return ""
    waits = (
        f"after {policy.initial:g} s, times {policy.multiplier:g}, at most {policy.max_wait:g} s"
    )
    return f"{policy.attempts} {waits}{', with jitter' if policy.jitter else ''}"
