"""What is mounted where, and how targets lie in each other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fnq_wire.mounttable import Mounted, deepest, hidden, in_order, is_within, parse

TABLE = rb"""22 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
25 24 0:23 /a /mnt/with\040space ro,noatime,nodiratime shared:1 master:2 - tmpfs none rw,size=4k
27 1 254:0 / / rw - ext4 /dev/vda rw
28 27 254:0 / /caf\303\251 rw,relatime - ext4 /dev/vda rw
"""
NAMES = st.lists(st.sampled_from("ab"), max_size=4).map(lambda names: "/" + "/".join(names))


def test_the_kernel_s_table_is_read() -> None:
    """Paths are those that programs see, flags those with which it may be mounted again."""
    relative = 1 << 21
    assert parse(TABLE) == [
        Mounted("/proc", 2 | 4 | 8 | relative),
        Mounted("/mnt/with space", 1 | 1 << 10 | 1 << 11),
        # Neither is said where each reading is noted.
        Mounted("/", 1 << 24),
        Mounted("/café", relative),
    ]


def test_a_name_that_begins_like_a_folder_is_not_in_it() -> None:
    """The root has all in it, also itself."""
    assert is_within("/a/b", "/a")
    assert is_within("/a", "/a")
    assert is_within("/a", "/")
    assert not is_within("/ab", "/a")
    assert not is_within("/", "/a")


@given(st.lists(NAMES, unique=True))
def test_targets_come_after_those_that_they_lie_in(paths: list[str]) -> None:
    """Whatever their number, and none is lost."""
    ordered = in_order(paths)
    assert sorted(ordered) == sorted(paths)
    for number, path in enumerate(ordered):
        assert not [each for each in ordered[number + 1 :] if is_within(path, each)]


@given(NAMES, st.lists(NAMES))
def test_the_deepest_folder_has_no_other_between(path: str, folders: list[str]) -> None:
    """None where a path lies in none of them."""
    around = [each for each in folders if is_within(path, each)]
    found = deepest(path, folders)
    assert (found is None) is (not around)
    assert all(found is not None and is_within(found, each) for each in around)


def test_a_target_above_another_s_source_hides_it() -> None:
    """Its own source it may cover."""
    assert list(hidden([("/s/v", "/m"), ("/x", "/s")])) == [("/s", "/s/v")]
    assert list(hidden([("/s/v", "/s"), ("/x", "/m")])) == []
