"""Which GPUs a function asks for, and which models are such, by their words. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["MAKER", "SLACK", "GpuAsk", "asks", "is_a", "meets"]

#: Of GPUs whose maker is known by how they were found, and of names that say none.
MAKER = "nvidia"
#: What of the memory in its name a card may lack: an L4 of "24 GB" has 22.5 GiB.
SLACK = 0.1
_WORD = re.compile(r"[a-z0-9]+")
_GI, _MI = 1 << 30, 1 << 20


class GpuAsk(NamedTuple):
    """`number` GPUs of a kind, in lower case as "nvidia-l4", with so much memory each; 0: any."""

    name: str
    number: int = 1
    memory_bytes: int = 0

    @property
    def kind(self) -> str:
        """Name and memory, as an argument of the decorator."""
        if not self.memory_bytes:
            return self.name
        whole = self.memory_bytes % _GI == 0
        size = f"{self.memory_bytes // _GI}Gi" if whole else f"{self.memory_bytes // _MI}Mi"
        return f"{self.name}:{size}"

    def __str__(self) -> str:
        """Return it as an argument of the decorator."""
        return f"{self.kind}:{self.number}" if self.number > 1 else self.kind


def asks(resources: spec_pb2.Resources) -> tuple[GpuAsk, ...]:
    """Return what a function takes, first choice first; nothing where it asks for none."""
    if not resources.gpu:
        return ()
    first = GpuAsk(resources.gpu, max(1, resources.gpu_count), resources.gpu_memory_bytes)
    others = [
        GpuAsk(each.name, max(1, each.count), each.memory_bytes) for each in resources.gpu_fallbacks
    ]
    return (first, *others)


def is_a(model: str, asked: str) -> bool:
    """Whether a model, as "NVIDIA A100-SXM4-80GB", is what is asked for, as "nvidia-a100"."""
    words = {*_WORD.findall(model.lower()), MAKER}
    return words.issuperset(_WORD.findall(asked.lower()))


def meets(memory_bytes: int, asked_bytes: int) -> bool:
    """Whether a card's memory is what is asked for; cards have less than their names say."""
    return memory_bytes >= asked_bytes * (1 - SLACK)
