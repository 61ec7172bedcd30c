"""What `options=` of a decorator may say; they travel as text, name to value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = [
    "ALLOW",
    "BISECT",
    "CONCURRENCY",
    "DIVERGENCE",
    "EXACT",
    "FALSE",
    "IMAGE_PYTHON",
    "MOST_PROCESSES",
    "NOMAD",
    "PROCESSES",
    "VALUES",
    "check_options",
    "meant",
    "unknown",
]

#: What holds the invocations of one worker apart: threads of one process, or processes.
CONCURRENCY = "concurrency"
THREADS, PROCESSES = "threads", "processes"
#: Whether a batch for which the function raises is halved until the guilty items are alone.
BISECT = "bisect"
FALSE = "false"
#: Processes of one worker.
MOST_PROCESSES = 128
#: Whether a repeated generator may differ from the chunks that were delivered before.
DIVERGENCE = "divergence"
CHECK, ALLOW = "check", "allow"
#: Whether an image may run on another minor version of Python than it asks for.
IMAGE_PYTHON = "image.python"
NEAREST, EXACT = "nearest", "exact"
#: What the options begin with that are Nomad's.
NOMAD = "nomad."
#: Of each option that has an effect, what it may say.
VALUES: Mapping[str, tuple[str, ...]] = {
    CONCURRENCY: (THREADS, PROCESSES),
    DIVERGENCE: (CHECK, ALLOW),
    BISECT: ("true", FALSE),
    IMAGE_PYTHON: (NEAREST, EXACT),
}
#: What those of them begin with that have a dot.
_HEADS = {name.partition(".")[0] for name in VALUES if "." in name}


def unknown(options: Iterable[str]) -> list[str]:
    """Return the names that are nobody's: neither known here nor an orchestrator's."""
    return [
        name
        for name in options
        if name not in VALUES and ("." not in name or name.partition(".")[0] in _HEADS)
    ]


def meant(name: str) -> str:
    """Return the option that a name is near to; empty where it is near to none."""
    # Only what is wrong needs it.
    import difflib

    return next(iter(difflib.get_close_matches(name.casefold(), VALUES, n=1)), "")


def check_options(argument: str, options: Mapping[str, str]) -> None:
    """Raise ValueError when an option says what it may not, or is one of Nomad's that is none."""
    for name, known in VALUES.items():
        if name in options and options[name] not in known:
            expected = " or ".join(f'"{each}"' for each in known)
            raise ValueError(f"{argument}: {name}: expected {expected}, not {options[name]!r}")
    if not any(name.startswith(NOMAD) for name in options):
        return
    # Few functions have one, and it takes longer to load than most of what they need.
    from fnq_wire import passthrough

    try:
        passthrough.parse(options)
    except ValueError as problem:
        raise ValueError(f"{argument}: {problem}") from None
