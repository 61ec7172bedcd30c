"""What is told of GPUs."""

from __future__ import annotations

from fnq_server.gpus import state
from fnq_server.orchestrator.seam import Gpu, Placed

WORKER = Placed("default", "embed", "a1", 0, "running")


def test_a_gpu_is_free_idle_or_busy() -> None:
    """By what its workers run now."""
    assert state(Gpu("g", "NVIDIA L4"), "default", {}).state == "free"
    held = Gpu("g", "NVIDIA L4", workers=[WORKER])
    assert state(held, "default", {}).state == "idle"
    told = state(held, "default", {("a1", 0): 2, ("a1", 1): 1})
    assert (told.state, told.holders[0].function, told.holders[0].busy) == ("busy", "embed", 2)


def test_what_another_has_is_busy_and_names_no_function() -> None:
    """Neither of another namespace, nor of a job that is not ours."""
    held = Gpu("g", "NVIDIA L4", workers=[WORKER], others=["train"])
    told = state(held, "team", {("a1", 0): 1})
    assert told.state == "busy"
    assert [each.other for each in told.holders] == ["namespace default", "job train"]
    assert not any(each.function for each in told.holders)


def test_one_that_is_ill_is_faulty() -> None:
    """Whoever has it."""
    told = state(Gpu("g", "NVIDIA L4", fault="lost", workers=[WORKER]), "default", {})
    assert (told.state, told.fault) == ("faulty", "lost")
