"""The block that asks Nomad for GPUs."""

from __future__ import annotations

import pytest

from fnq_server.orchestrator.nomad.device import devices, runtime
from fnq_wire.error import UnschedulableError
from fnq_wire.gpu import GpuAsk


def test_who_asks_for_none_has_no_block() -> None:
    """Nomad would take an empty one for a device."""
    assert devices([], {}) == []


def test_memory_has_its_unit_and_a_tenth_less() -> None:
    """An L4 of 24 GB says that it has 23034 MiB; any model will do."""
    [block] = devices([GpuAsk("nvidia", 1, 24 << 30)], {})
    assert block["Constraints"] == [
        {"LTarget": "${device.attr.memory}", "RTarget": "22118 MiB", "Operand": ">="}
    ]


def test_a_list_is_one_block_with_its_order_as_weights() -> None:
    """The last one needs none; makers have names of their own."""
    [block] = devices([GpuAsk("amd-mi300x"), GpuAsk("amd-mi250"), GpuAsk("amd-mi100")], {})
    assert block["Name"] == "amd/gpu"
    assert [each["Weight"] for each in block["Affinities"]] == [100, 50]
    assert len(block["Constraints"]) == 1
    [block] = devices([GpuAsk("nvidia-l4"), GpuAsk("nvidia")], {})
    assert (block["Constraints"], len(block["Affinities"])) == ([], 1)


@pytest.mark.parametrize(
    "other", [GpuAsk("nvidia-a100", 2), GpuAsk("amd-mi100"), GpuAsk("nvidia-a100", 1, 1 << 30)]
)
def test_a_list_that_one_block_cannot_say_is_refused(other: GpuAsk) -> None:
    """With all that it names."""
    with pytest.raises(UnschedulableError, match="one maker, number and memory, not nvidia-l4"):
        devices([GpuAsk("nvidia-l4"), other], {})


def test_a_runtime_is_a_whole_word_of_those_that_docker_has() -> None:
    """Nomad writes them as one text."""
    assert runtime("nvidia")["RTarget"] == "(^|,)nvidia(,|$)"
