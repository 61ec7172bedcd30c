"""Which models a name of a GPU stands for."""

from __future__ import annotations

import pytest

from fnq_server.orchestrator.nomad.model import expression, is_model, pattern, vendor

#: As NVML calls them.
MODELS = (
    "NVIDIA L4",
    "NVIDIA L40S",
    "NVIDIA A10",
    "NVIDIA A10G",
    "Tesla T4",
    "Tesla V100-SXM2-16GB",
    "NVIDIA A100-SXM4-40GB",
    "NVIDIA A100-PCIE-40GB",
    "NVIDIA A100 80GB PCIe",
    "NVIDIA A100-SXM4-80GB",
    "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
    "NVIDIA H100 80GB HBM3",
    "NVIDIA H100 PCIe",
    "NVIDIA H100 NVL",
    "NVIDIA H200",
    "NVIDIA GeForce RTX 4090",
    "NVIDIA RTX A6000",
    "NVIDIA RTX 6000 Ada Generation",
)


def _models(name: str, **own: list[str]) -> list[str]:
    found = pattern(name, {each.replace("_", "-"): models for each, models in own.items()})
    return [model for model in MODELS if is_model(expression([found]) if found else "", model)]


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("nvidia-l4", ["NVIDIA L4"]),
        ("l4", ["NVIDIA L4"]),
        ("nvidia-a10", ["NVIDIA A10"]),
        ("nvidia-t4", ["Tesla T4"]),
        ("nvidia-tesla-v100", ["Tesla V100-SXM2-16GB"]),
        ("nvidia-a100-80gb", ["NVIDIA A100 80GB PCIe", "NVIDIA A100-SXM4-80GB"]),
        ("nvidia-a100-pcie", ["NVIDIA A100-PCIE-40GB", "NVIDIA A100 80GB PCIe"]),
        ("nvidia-a100-mig-1g.5gb", ["NVIDIA A100-SXM4-40GB MIG 1g.5gb"]),
        ("nvidia-h100", ["NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe", "NVIDIA H100 NVL"]),
        ("nvidia-h100-sxm", ["NVIDIA H100 80GB HBM3"]),
        ("nvidia-h200-141gb", ["NVIDIA H200"]),
        ("nvidia-rtx-4090", ["NVIDIA GeForce RTX 4090"]),
        ("nvidia-a6000", ["NVIDIA RTX A6000"]),
        ("nvidia-rtx-6000-ada", ["NVIDIA RTX 6000 Ada Generation"]),
        ("nvidia-rtx", []),
    ],
)
def test_a_name_stands_for_each_form_of_its_model(name: str, models: list[str]) -> None:
    """And for no other model, nor for a slice of it."""
    assert _models(name) == models


def test_a_whole_model_has_all_its_forms() -> None:
    """Four cards, and not the slice."""
    assert len(_models("nvidia-a100")) == 4


def test_a_maker_alone_stands_for_all() -> None:
    """Of that maker, which is told apart otherwise."""
    assert _models("nvidia") == list(MODELS)
    assert [vendor(each) for each in ("nvidia-l4", "l4", "amd-mi300x")] == [
        "nvidia",
        "nvidia",
        "amd",
    ]


def test_an_operator_says_what_a_name_stands_for() -> None:
    """To the letter, but for its case; also in place of what it stands for elsewhere."""
    slices = ["NVIDIA A100-SXM4-40GB MIG 1g.5gb", "nvidia l4"]
    assert _models("nvidia-small", nvidia_small=slices) == [
        "NVIDIA L4",
        "NVIDIA A100-SXM4-40GB MIG 1g.5gb",
    ]
    assert _models("nvidia-h100-sxm", nvidia_h100_sxm=["NVIDIA H200"]) == ["NVIDIA H200"]
