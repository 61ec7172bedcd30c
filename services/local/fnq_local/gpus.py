"""The GPUs of this machine, and which worker has which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from fnq_wire.gpu import is_a

__all__ = ["Choices", "Gpus", "choose"]

#: Kinds of GPU and how many of each, of which a worker takes one, first choice first.
Choices = Sequence[tuple[str, int]]


class Gpus:
    """Gives each worker GPUs that no other has, as long as there are some."""

    def __init__(self) -> None:
        self._held: dict[Hashable, list[int]] = {}

    def take(self, holder: Hashable, models: Sequence[str], choices: Choices) -> dict[str, str]:
        """Return the variables by which a worker's code sees its GPUs; the same ones each time.

        `models` are those of the machine, in the order of the bus. Nothing where none is
        asked for, or none fits: the code then sees what is there.
        """
        if not choices:
            return {}
        if holder not in self._held:
            taken = Counter(each for held in self._held.values() for each in held)
            self._held[holder] = _first(models, choices, taken)
        mine = self._held[holder]
        if not mine:
            return {}
        return {
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
            "CUDA_VISIBLE_DEVICES": ",".join(map(str, mine)),
        }

    def held(self, holder: Hashable) -> Sequence[int]:
        """Return the numbers of the GPUs that a worker has."""
        return self._held.get(holder, ())

    def give_back(self, holder: Hashable) -> None:
        """Let others have the GPUs of a worker that has ended; none is fine."""
        self._held.pop(holder, None)


def _first(models: Sequence[str], choices: Choices, taken: Mapping[int, int]) -> list[int]:
    """Return what the first choice that is free gives, else the first that is there, else most."""
    found = [choose(models, asked, count, taken) for asked, count in choices]
    whole = [
        each for each, (_, count) in zip(found, choices, strict=True) if len(each) >= max(1, count)
    ]
    free = [each for each in whole if not any(taken.get(number) for number in each)]
    return next(iter(free or whole), max(found, key=len))


def choose(models: Sequence[str], asked: str, count: int, taken: Mapping[int, int]) -> list[int]:
    """Return the numbers of `count` GPUs that fit, or of all there are; the least taken first."""
    fitting = [number for number, model in enumerate(models) if is_a(model, asked)]
    return sorted(sorted(fitting, key=lambda each: taken.get(each, 0))[: max(1, count)])
