"""What a decorator was told about its function: the arguments of `@function`.

The values are kept as they were written and checked once, at decoration; a
worker keeps them unchecked.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from chalkcompute.image import Image
from chalkcompute.retry import RetryPolicy
from chalkcompute.secret import Secret
from chalkcompute.volume import Volume
from fnq_wire.option import CONCURRENCY, MOST_PROCESSES, PROCESSES, check_options
from fnq_wire.variable import is_variable
from fnq_wire.volume import clash, path_problem

__all__ = [
    "ARGUMENTS",
    "Arguments",
    "Settings",
    "check_name",
    "check_number",
    "check_seconds",
    "check_texts",
    "check_unicode",
]

_NAME = re.compile(r"\w[\w.-]{0,127}")
#: What 32 bits of the wire hold.
_MAX_INT = (1 << 32) - 1
#: Seconds, some thirty years: clocks and timers can all still count them.
_MOST_S = 1e9


class Arguments(TypedDict, total=False):
    """Arguments of `@function`, by name; see `Settings` for their meaning."""

    name: str | None
    image: Image | None
    cpu: int | float | str | None
    memory: int | str | None
    gpu: str | Sequence[str] | None
    env: Mapping[str, str] | None
    min_replicas: int | None
    max_replicas: int | None
    volumes: Sequence[tuple[Volume, str]] | None
    secrets: Sequence[Secret] | None
    serialization_format: Literal["pyarrow"]
    suspend_cooldown_period: float | None
    options: Mapping[str, str] | None
    max_buffer_duration: int | None
    max_batching_size: int | None
    retries: int | RetryPolicy | None
    rate_limit_key: str | None
    concurrency: int | None
    timeout: float | None
    max_queue: int | None
    result_ttl: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The arguments of one decorator; None stands for "not given".

    `cpu` is in cores, `memory` in bytes or "4Gi", `max_buffer_duration` in
    milliseconds, `suspend_cooldown_period`, `timeout` (of one attempt) and
    `result_ttl` in seconds. `concurrency` counts invocations at once in one
    worker (default: 1 of a sync function or in processes, else 1,000), `max_queue` calls
    that may wait. `options={"concurrency": "processes"}` gives each a process of its own,
    "threads" (the default) a thread of one; those of async functions share a loop.
    """

    name: str | None = None
    image: Image | None = None
    cpu: int | float | str | None = None
    memory: int | str | None = None
    gpu: str | Sequence[str] | None = None
    env: Mapping[str, str] | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    volumes: Sequence[tuple[Volume, str]] | None = None
    secrets: Sequence[Secret] | None = None
    serialization_format: str = "pyarrow"
    suspend_cooldown_period: float | None = None
    options: Mapping[str, str] | None = None
    max_buffer_duration: int | None = None
    max_batching_size: int | None = None
    retries: int | RetryPolicy | None = None
    rate_limit_key: str | None = None
    concurrency: int | None = None
    timeout: float | None = None
    max_queue: int | None = None
    result_ttl: float | None = None

    @property
    def batches(self) -> bool:
        """Whether the function takes its calls in batches."""
        return self.max_batching_size is not None or self.max_buffer_duration is not None

    def check(self) -> None:
        """Raise TypeError or ValueError that names the first bad argument and what is expected."""
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                check(name, value)
        if self.serialization_format != "pyarrow":
            raise ValueError(
                'serialization_format: expected "pyarrow", the only one, '
                f"not {self.serialization_format!r}"
            )
        least, most = self.min_replicas, self.max_replicas
        if least is not None and most is not None and least > most:
            raise ValueError(f"min_replicas: expected at most max_replicas ({most}), not {least}")
        if self.has_processes and (self.concurrency or 1) > MOST_PROCESSES:
            raise ValueError(
                f"concurrency: expected at most {MOST_PROCESSES} processes, not {self.concurrency}"
            )

    @property
    def has_processes(self) -> bool:
        """Whether invocations of one worker are to run in processes of their own."""
        return (self.options or {}).get(CONCURRENCY) == PROCESSES


#: Names of all arguments, in the order of the documentation.
ARGUMENTS = tuple(Arguments.__annotations__)


def check_name(argument: str, value: object) -> None:
    """Raise unless `value` can name a function."""
    if not isinstance(value, str):
        raise TypeError(f"{argument}: expected text, not {value!r} ({type(value).__name__})")
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"{argument}: expected at most 128 letters, digits, '.', '_' and '-', not {value!r}"
        )


def check_number(argument: str, value: object, least: int = 1) -> None:
    """Raise unless `value` is a whole number from `least` on that the wire holds."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected an int, not {value!r} ({type(value).__name__})")
    if not least <= value <= _MAX_INT:
        raise ValueError(f"{argument}: expected at least {least}, at most {_MAX_INT}, not {value}")


def check_seconds(argument: str, value: object, *, zero: bool = False) -> None:
    """Raise unless `value` is a duration in seconds; `zero` says whether 0 is one."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{argument}: expected seconds, not {value!r} ({type(value).__name__})")
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        least = "of 0 or more" if zero else "above 0"
        raise ValueError(f"{argument}: expected seconds {least}, not {value!r}")
    if value > _MOST_S:
        raise ValueError(f"{argument}: expected at most {_MOST_S:g} seconds, not {value!r}")


def _is(kind: type) -> Callable[[str, object], None]:
    """Return a check for instances of one of our own classes."""

    def check(argument: str, value: object) -> None:
        if not isinstance(value, kind):
            raise TypeError(
                f"{argument}: expected {kind.__name__}(...), not {value!r} ({type(value).__name__})"
            )

    return check


def _retries(_: str, value: object) -> None:
    RetryPolicy.of(value)


def _resource(argument: str, value: object) -> None:
    # Few functions ask for any.
    from chalkcompute.resources import PARSERS

    PARSERS[argument](value)


def check_unicode(argument: str, text: str) -> None:
    """Raise unless UTF-8 has all of a text, which is not shown."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{argument}: expected text, and half a character is in it") from None


def check_texts(argument: str, value: object) -> None:
    """Raise unless `value` maps texts to texts."""
    if not isinstance(value, Mapping):
        raise TypeError(
            f"{argument}: expected a mapping of texts, not {value!r} ({type(value).__name__})"
        )
    for key, text in value.items():
        if not isinstance(key, str):
            raise TypeError(
                f"{argument}: expected text as a key, not {key!r} ({type(key).__name__})"
            )
        # The text is not shown: an environment may hold what is not for logs.
        if not isinstance(text, str):
            raise TypeError(f"{argument}: expected text for {key!r}, not {type(text).__name__}")
        check_unicode(argument, key + text)


def _options(argument: str, value: object) -> None:
    check_texts(argument, value)
    assert isinstance(value, Mapping)
    check_options(argument, value)


def _variables(argument: str, value: object) -> None:
    check_texts(argument, value)
    assert isinstance(value, Mapping)
    for key, text in value.items():
        if not is_variable(key):
            raise ValueError(f"{argument}: expected the name of a variable, not {key!r}")
        if "\0" in text:
            raise ValueError(
                f"{argument}: the value of {key} holds a zero byte, which no environment can"
            )


def _listed(argument: str, value: object, example: str) -> Sequence[object]:
    if isinstance(value, (str, bytes)) or not isinstance(value, Sequence):
        raise TypeError(f"{argument}: expected a list such as {example}, not {value!r}")
    return value


def _secrets(argument: str, value: object) -> None:
    for each in _listed(argument, value, '[Secret("X")]'):
        if not isinstance(each, Secret):
            # Not shown: it may be the value of a secret.
            raise TypeError(
                f'{argument}: expected Secret("X") in the list, not {type(each).__name__}'
            )


def _volumes(argument: str, value: object) -> None:
    example = '[(Volume("x"), "/data")]'
    paths: list[str] = []
    for each in _listed(argument, value, example):
        if not (isinstance(each, tuple) and len(each) == 2 and isinstance(each[0], Volume)):
            raise TypeError(f"{argument}: expected a list such as {example}, not {each!r} in it")
        volume, path = each
        if not isinstance(path, str):
            raise TypeError(f"{argument}: expected a path to mount {volume!r} at, not {path!r}")
        problem = path_problem(path)
        if problem is not None:
            raise ValueError(f"{argument}: {volume!r}: {problem}")
        paths.append(path)
    found = clash(paths)
    if found is not None:
        outer, inner = found
        where = f"at {inner!r}" if inner == outer else f"at {outer!r} and at {inner!r} in it"
        raise ValueError(
            f"{argument}: two volumes are mounted {where}: give each a path of its own"
        )


_CHECKS: dict[str, Callable[[str, object], None]] = {
    "name": check_name,
    "image": _is(Image),
    "cpu": _resource,
    "memory": _resource,
    "gpu": _resource,
    "env": _variables,
    "min_replicas": functools.partial(check_number, least=0),
    "max_replicas": check_number,
    "volumes": _volumes,
    "secrets": _secrets,
    "suspend_cooldown_period": functools.partial(check_seconds, zero=True),
    "options": _options,
    "max_buffer_duration": check_number,
    "max_batching_size": check_number,
    "retries": _retries,
    "rate_limit_key": check_name,
    "concurrency": check_number,
    "timeout": check_seconds,
    "max_queue": check_number,
    "result_ttl": check_seconds,
}
