"""What a machine has, by the files of its driver and by its tool."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fnq_local.machine import look


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is first on the path, with no tool in it yet."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def test_gpus_are_those_of_the_driver(folder: Path) -> None:
    """A directory each, with a line on the model."""
    for number, model in enumerate(("NVIDIA L4", "Tesla T4")):
        gpu = folder / "gpus" / f"0000:0{number}:00.0"
        gpu.mkdir(parents=True)
        (gpu / "information").write_text(f"Model: \t\t {model}\nIRQ:   33\n")
    found = look(str(folder / "gpus"))
    assert found["gpus"] == ["NVIDIA L4", "Tesla T4"]
    assert found["cores"] >= 1
    assert found["memory_bytes"] > 1 << 28


@pytest.mark.parametrize(
    ("script", "gpus"),
    [("echo NVIDIA L4; echo NVIDIA L4", ["NVIDIA L4"] * 2), ("echo no; exit 9", [])],
)
def test_where_the_driver_shows_none_its_tool_is_asked(
    folder: Path, script: str, gpus: list[str]
) -> None:
    """One that fails has none to tell of."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    assert look(str(folder / "nothing"))["gpus"] == gpus
