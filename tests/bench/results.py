"""All that one run of the benchmark measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bench.figure import Figure

__all__ = ["Results"]


@dataclass(slots=True)
class Results:
    """What was measured so far; `cpu` is per 10,000, by role, of each kind of work."""

    figures: dict[str, Figure] = field(default_factory=dict)
    cpu: dict[str, dict[str, Figure]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    commands: dict[str, dict[str, float]] = field(default_factory=dict)
    system_calls: dict[str, dict[str, float]] = field(default_factory=dict)

    def note(self, name: str, value: float) -> None:
        """Add a value to the figure `name`, which ends with its unit."""
        self.figures.setdefault(name, Figure()).values.append(value)

    def note_cpu(self, kind: str, spent: dict[str, float], number: int) -> None:
        """Add the CPU seconds that each role spent on `number` pieces of work."""
        by_role = self.cpu.setdefault(kind, {})
        for role, seconds in spent.items():
            by_role.setdefault(role, Figure()).values.append(seconds * 10_000 / number)
        total = sum(spent.values()) * 10_000 / number
        self.note(f"{kind}, CPU s per 10,000 {'chunks' if kind == 'stream' else 'calls'}", total)
