"""Where control groups lie, by the kernel's tables."""

from __future__ import annotations

import pytest

from fnq_wire.hierarchy import Hierarchy, hierarchies

UNIFIED = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
MEMORY = "41 30 0:36 / /sys/fs/cgroup/memory rw shared:17 - cgroup cgroup rw,memory"
CPU = "40 30 0:35 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct"
PIDS = "42 30 0:37 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids"
HYBRID = "30 24 0:26 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw"
OURS = "41 30 0:36 /docker/ab /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"
BLANK = r"41 30 0:36 / /mnt/my\040groups rw - cgroup cgroup rw,memory"
DISK = "24 1 254:0 / / rw,relatime - ext4 /dev/vda rw"


@pytest.mark.parametrize(
    ("mounts", "own", "found"),
    [
        ([DISK], "0::/", []),
        (
            [DISK, UNIFIED],
            "0::/user.slice/a.scope",
            [(2, "/sys/fs/cgroup", "/sys/fs/cgroup/user.slice/a.scope", "")],
        ),
        ([UNIFIED], "0::/", [(2, "/sys/fs/cgroup", "/sys/fs/cgroup", "")]),
        ([UNIFIED], "0::/../other", []),
        (
            [MEMORY, CPU, PIDS, HYBRID],
            "9:pids:/p\n4:memory:/api/e3\n1:cpu,cpuacct:/\n0::/",
            [
                (2, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified", ""),
                (1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/api/e3", "memory"),
                (1, "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "cpu"),
            ],
        ),
        (
            [OURS],
            "4:memory:/docker/ab/x",
            [(1, "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory/x", "memory")],
        ),
        ([OURS], "4:memory:/docker/abc", []),
        ([MEMORY], "0::/", []),
        ([BLANK], "4:memory:/", [(1, "/mnt/my groups", "/mnt/my groups", "memory")]),
        (["nonsense", "1 2 - cgroup"], "nonsense", []),
    ],
)
def test_our_group_is_found_in_each_tree(
    mounts: list[str], own: str, found: list[tuple[int, str, str, str]]
) -> None:
    """Version 2 comes first; what is not below the mount point is not there."""
    expected = [
        Hierarchy(version, root, path, frozenset(filter(None, [has])))
        for version, root, path, has in found
    ]
    assert hierarchies("\n".join(mounts), own) == expected
