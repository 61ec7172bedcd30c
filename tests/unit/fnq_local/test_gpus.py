"""Which worker has which GPUs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fnq_local.gpus import Gpus, choose

MODELS = ["NVIDIA L4", "NVIDIA A100-SXM4-80GB", "NVIDIA L4", "NVIDIA A100-SXM4-80GB"]


@pytest.mark.parametrize(
    ("asked", "count", "taken", "chosen"),
    [
        ("nvidia-l4", 1, {}, [0]),
        ("nvidia-l4", 1, {0: 1}, [2]),
        ("nvidia-l4", 2, {0: 1}, [0, 2]),
        ("nvidia-l4", 9, {}, [0, 2]),
        ("nvidia-a100", 1, {1: 2, 3: 1}, [3]),
        ("nvidia-h100", 1, {}, []),
    ],
)
def test_the_least_taken_that_fit_are_chosen(
    asked: str, count: int, taken: Mapping[int, int], chosen: list[int]
) -> None:
    """All that fit where there are fewer than are asked for."""
    assert choose(MODELS, asked, count, taken) == chosen


def test_a_worker_keeps_its_gpus_until_it_ends() -> None:
    """Also where it is started again; who asks for none, or for what is not there, sees all."""
    gpus = Gpus()

    def seen(holder: str, asked: str = "nvidia-l4") -> str | None:
        return gpus.take(holder, MODELS, [(asked, 1)] if asked else []).get("CUDA_VISIBLE_DEVICES")

    assert [seen("a"), seen("b"), seen("a"), seen("c")] == ["0", "2", "0", "0"]
    assert [seen("d", ""), seen("e", "nvidia-h100")] == [None, None]
    gpus.give_back("b")
    gpus.give_back("nobody")
    assert seen("f") == "2"


def test_of_several_choices_the_first_that_is_free_is_taken() -> None:
    """Then the first that is there in full, then what there is most of."""
    gpus = Gpus()

    def seen(holder: str, *choices: tuple[str, int]) -> str:
        return gpus.take(holder, MODELS, choices)["CUDA_VISIBLE_DEVICES"]

    assert seen("a", ("nvidia-h100", 1), ("nvidia-l4", 2)) == "0,2"
    assert seen("b", ("nvidia-l4", 1), ("nvidia-a100", 1)) == "1"
    assert list(gpus.held("b")) == [1]
    assert seen("c", ("nvidia-l4", 2), ("nvidia-a100", 2)) == "0,2"
    assert seen("d", ("nvidia-h100", 1), ("nvidia-l4", 3)) == "0,2"
    assert list(gpus.held("nobody")) == []
