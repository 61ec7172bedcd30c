"""Which arguments of a decorator this release takes but does not act on."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from fnq_wire.option import VALUES, meant, unknown

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["DEFAULT_COOLDOWN_S", "DEFAULT_RESULT_TTL_S", "inactive"]

#: Seconds; what a spec says where the decorator said nothing.
DEFAULT_COOLDOWN_S = 60.0
DEFAULT_RESULT_TTL_S = 86_400.0


def inactive(spec: spec_pb2.FunctionSpec, active: Collection[str] = ()) -> list[str]:
    """Return the names of arguments that were given and have no effect yet.

    They have the decorator's names and the order of its documentation. `active` are
    those that have one where the function runs, though not everywhere. Options that
    are nobody's follow one by one: they have an effect nowhere.
    """
    nobodys = sorted(unknown(spec.options))
    given = {
        "image": bool(spec.image),
        "cpu": spec.resources.cpu_millis > 0,
        "memory": spec.resources.memory_bytes > 0,
        "gpu": bool(spec.resources.gpu),
        "volumes": bool(spec.volumes),
        "secrets": bool(spec.secrets),
        "options": any(name not in VALUES and name not in nobodys for name in spec.options),
    }
    names = [name for name, is_given in given.items() if is_given and name not in active]
    return [*names, *map(_nobodys, nobodys)]


def _nobodys(option: str) -> str:
    near = meant(option)
    return f'options["{option}"]' + (f' (did you mean "{near}"?)' if near else "")
