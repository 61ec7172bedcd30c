"""What makes an image ready for runners, run by the Python of a test."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fnq_server.image.docker.inside import install


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Have it do its work in a folder; return the commands that it runs, of which none is run."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0)

    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "x.py").write_text("A = 1\n")
    monkeypatch.setattr(install, "HERE", str(tmp_path))
    monkeypatch.setattr(subprocess, "run", run)
    return commands


def test_what_an_image_has_is_not_installed_again(asked: list[list[str]], tmp_path: Path) -> None:
    """The code of runners is compiled, so that no zygote has to."""
    assert install.main(["pytest>=1"]) == 0
    assert asked == []
    assert list((tmp_path / "code" / "__pycache__").glob("x.*.pyc"))


def test_what_an_image_lacks_is_installed_beside_its_packages(
    asked: list[list[str]], tmp_path: Path
) -> None:
    """With its own pip, into a directory that only runners look into."""
    assert install.main(["fnq-absent>=1", "pytest>=1"]) == 0
    (command,) = asked
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-3:] == ["--target", str(tmp_path / "site"), "fnq-absent>=1"]


def test_an_agents_packages_are_installed_apart_whatever_the_image_has(
    asked: list[list[str]], tmp_path: Path
) -> None:
    """And its code is compiled too."""
    (tmp_path / "agent" / "code").mkdir(parents=True)
    (tmp_path / "agent" / "code" / "y.py").write_text("A = 1\n")
    assert install.main(["--agent", "pytest>=1"]) == 0
    (command,) = asked
    assert command[-3:] == ["--target", str(tmp_path / "agent" / "site"), "pytest>=1"]
    assert list((tmp_path / "agent" / "code" / "__pycache__").glob("y.*.pyc"))


def test_a_python_without_pip_makes_one_for_a_moment(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Debian's has none unless it is asked for."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert install.main(["fnq-absent>=1"]) == 0
    made, installed = asked
    assert made[1:3] == ["-m", "venv"]
    assert installed[0] == f"{made[3]}/bin/python"


def test_an_old_python_is_refused_by_its_version(
    asked: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do."""
    monkeypatch.setattr(sys, "version_info", (3, 9, 2))
    assert install.main(["pytest>=1"]) == 1
    assert "of this image is 3.9: begin with another base" in capsys.readouterr().err
    assert asked == []
