"""Names of volumes, paths to mount them at, and directories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq_wire.mounttable import is_within
from fnq_wire.volume import clash, covers, folder, path_problem

PATHS = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map(lambda ns: "/" + "/".join(ns))


@pytest.mark.parametrize(
    "path",
    ["/models", "/data/x", "/mnt/a b", "/usr/src/app/data", "/tmp/cache", "/home/me/m", "/é"],
)
def test_a_directory_of_its_own_may_be_a_path(path: str) -> None:
    """Also below what others use."""
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("models", "absolute path"),
        ("", "absolute path"),
        ("~/models", "absolute path"),
        ("/models/", "write '/models'"),
        ("//models", "write '/models'"),
        ("/a/./b", "write '/a/b'"),
        ("/a/../etc/passwd", "write '/etc/passwd'"),
        ("/a:b", "without ':'"),
        ("/a\nb", "printable"),
        ("/a\0b", "printable"),
        ("/" + "x" * 2_000, "printable"),
        ("/", "a directory of its own"),
        ("/..", "a directory of its own"),
        ("/tmp", "a directory of its own"),
        ("/usr", "a directory of its own"),
        ("/proc/self", "a directory of its own"),
        ("/dev/shm/x", "a directory of its own"),
        ("/usr/lib/python3", "a directory of its own"),
        ("/lib64", "a directory of its own"),
    ],
)
def test_what_would_break_a_worker_is_no_path(path: str, words: str) -> None:
    """The message says what to write in its place."""
    assert words in (path_problem(path) or "")


@given(st.lists(PATHS, max_size=4))
def test_paths_clash_where_one_lies_in_another(paths: list[str]) -> None:
    """The outer one is named first."""
    pairs = [(a, b) for i, a in enumerate(paths) for b in paths[i + 1 :]]
    found = clash(paths)
    assert (found is not None) == any(is_within(a, b) or is_within(b, a) for a, b in pairs)
    assert found is None or is_within(found[1], found[0])


def test_a_mount_above_what_a_worker_needs_covers_it() -> None:
    """One beside it, or below it, does not."""
    assert covers("/home/me", ["/opt/x", "/home/me/.venv"]) == "/home/me/.venv"
    assert covers("/opt/x", ["/opt/x"]) == "/opt/x"
    assert covers("/opt/x/y", ["/opt/x"]) is None


def test_a_volume_s_directory_is_below_its_namespace_s() -> None:
    """Nothing that leads elsewhere is a name."""
    assert folder("/v", "default", "model-cache") == "/v/default/model-cache"
    for namespace, name in (("..", "a"), ("a", ".."), ("a/b", "c"), ("a", ""), ("a", ".deleted-x")):
        with pytest.raises(ValueError, match="expected at most 128 letters"):
            folder("/v", namespace, name)
