"""Which Python of a machine an image runs on."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_server.image.environments.python import NEWEST, OLDEST, Python, choose, find
from fnq_server.image.environments.recipe import Asked
from fnq_wire.error import ImageBuildError


def machine(*versions: str) -> list[Python]:
    """Return the Pythons of a machine, by version."""
    return [
        Python(int(minor), int(patch), f"/py{minor}")
        for minor, patch in (each.split(".")[1:] for each in versions)
    ]


@pytest.mark.parametrize(
    ("asked", "there", "version", "remark"),
    [
        (Asked(12), ["3.11.2", "3.12.1"], "3.12.1", ""),
        (Asked(12), ["3.12.1", "3.12.9"], "3.12.9", ""),
        (Asked(12, 1), ["3.12.1", "3.12.9"], "3.12.1", ""),
        (Asked(12, 4), ["3.12.1", "3.13.0"], "3.12.1", "no Python 3.12.4: its image runs on 3.12"),
        (Asked(12), ["3.11.2", "3.14.0"], "3.11.2", "no Python 3.12: its image runs on 3.11.2"),
        (Asked(12), ["3.11.2", "3.13.0"], "3.13.0", "no Python 3.12: its image runs on 3.13.0"),
        (Asked(9), ["3.9.1", "3.11.2"], "3.11.2", "no Python 3.9: its image runs on 3.11.2"),
        (Asked(), [f"3.{sys.version_info.minor}.0"], f"3.{sys.version_info.minor}.0", ""),
    ],
)
def test_the_asked_python_is_taken_or_the_nearest(
    asked: Asked, there: list[str], version: str, remark: str
) -> None:
    """Where it is another one, that is said."""
    choice = choose(asked, machine(*there), exact=False)
    assert choice.python.version == version
    assert remark in choice.remark
    assert bool(remark) == bool(choice.remark)


def test_exactly_the_asked_one_or_none() -> None:
    """The error names what is asked for, what is there, and what to do."""
    assert choose(Asked(12), machine("3.12.1"), exact=True).python.version == "3.12.1"
    with pytest.raises(ImageBuildError, match=r"exactly Python 3\.12, .* has 3\.11\.2, 3\.13\.0"):
        choose(Asked(12), machine("3.13.0", "3.11.2"), exact=True)
    with pytest.raises(ImageBuildError, match=r"no Python 3\.11 to 3\.14"):
        choose(Asked(12), machine("3.10.1", "3.15.0"), exact=False)


@given(
    st.integers(6, 16),
    st.lists(st.tuples(st.integers(OLDEST, NEWEST), st.integers(0, 20)), min_size=1),
)
def test_none_is_nearer_than_the_chosen_one(minor: int, there: list[tuple[int, int]]) -> None:
    """And none of the same minor version is newer."""
    found = [Python(*each, f"/{each}") for each in there]
    chosen = choose(Asked(minor), found, exact=False).python
    assert all(abs(each.minor - minor) >= abs(chosen.minor - minor) for each in found)
    assert all(each.patch <= chosen.patch for each in found if each.minor == chosen.minor)


def test_pythons_are_found_where_they_are_kept(tmp_path: Path) -> None:
    """On PATH and in the folders of pyenv and uv; one that does not answer is none."""

    def put(path: str, version: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True)
        file.write_text(f"#!/bin/sh\necho {version}\n")
        file.chmod(0o755)

    put("bin/python3.12", "3 12 4 cpython")
    put("other/python3.13", "3 13 1 pypy")
    put("broken/python3.14", "not here")
    put("pyenv/versions/3.14.0/bin/python3.14", "3 14 0 cpython")
    put("uv/cpython-3.13.2-linux/bin/python3.13", "3 13 2 cpython")
    folders = ("bin", "other", "broken", "pyenv/shims")
    found = find(
        {
            "PATH": os.pathsep.join(str(tmp_path / each) for each in folders),
            "PYENV_ROOT": str(tmp_path / "pyenv"),
            "UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv"),
        }
    )
    ours = [each.version for each in found if each.path.startswith(str(tmp_path))]
    assert ours == ["3.12.4", "3.13.2", "3.14.0"]
    assert sys.version_info.minor in [each.minor for each in found]
