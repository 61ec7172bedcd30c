"""What the files of a control group say; folders stand in for groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from fnq_wire import cgroup
from fnq_wire.cgroup import Memory, size

MIB = 1 << 20
EVENTS = "low 0\nhigh 0\nmax 12\noom 3\noom_kill {}\noom_group_kill 0\n"
CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"


def group(folder: Path, **files: str) -> str:
    """Make a folder with files that are named as in a group, "_" for the first "."."""
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)
    return str(folder)


def text(path: str, name: str) -> str:
    """Return what lies in a file of a group."""
    return Path(path, name).read_text()


def test_limits_of_version_2_are_those_of_one_folder(tmp_path: Path) -> None:
    """Swap is no way around the limit."""
    path = group(tmp_path, memory_max="max", memory_swap="", cpu_max="max 100000")
    Path(path, "memory.swap.max").write_text("max")
    cgroup.limit_memory(path, 64 * MIB)
    cgroup.limit_cpu(path, 1_500)
    assert text(path, "memory.max") == str(64 * MIB)
    assert text(path, "memory.swap.max") == "0"
    assert text(path, "cpu.max") == "150000 100000"


def test_limits_of_version_1_are_files_of_their_own(tmp_path: Path) -> None:
    """A kernel that does not count swap has no file for it; the least quota is a millisecond."""
    memory = group(tmp_path / "m", memory_limit_in_bytes="9")
    cpu = group(tmp_path / "c", cpu_cfs_quota_us="-1", cpu_cfs_period_us="1")
    cgroup.limit_memory(memory, 64 * MIB)
    cgroup.limit_cpu(cpu, 1)
    assert text(memory, "memory.limit_in_bytes") == str(64 * MIB)
    assert text(cpu, "cpu.cfs_quota_us") == "1000"
    assert text(cpu, "cpu.cfs_period_us") == "100000"


def test_a_folder_without_a_controller_takes_no_limit(tmp_path: Path) -> None:
    """Nothing is made there that only looks like one."""
    with pytest.raises(OSError, match="limit_in_bytes"):
        cgroup.limit_memory(str(tmp_path), MIB)
    with pytest.raises(OSError, match="cfs_period"):
        cgroup.limit_cpu(str(tmp_path), 1_000)
    assert list(tmp_path.iterdir()) == []


def test_what_was_used_is_read_from_the_group_that_counts_memory(tmp_path: Path) -> None:
    """Of either version; what an old kernel does not say is 0."""
    two = group(tmp_path / "2", memory_events=EVENTS.format(2), memory_max=f"{64 * MIB}\n")
    assert cgroup.memory([two]) == Memory(64 * MIB, 0, 2)
    Path(two, "memory.peak").write_text(f"{63 * MIB}\n")
    assert cgroup.memory([two]) == Memory(64 * MIB, 63 * MIB, 2)
    one = group(
        tmp_path / "1",
        memory_oom_control=CONTROL.format(1),
        memory_limit_in_bytes="9223372036854771712\n",
        memory_max_usage_in_bytes="4096\n",
    )
    cpu = group(tmp_path / "c", cpu_stat="")
    assert cgroup.memory([cpu, one]) == Memory(0, 4096, 1)
    assert cgroup.memory([cpu, str(tmp_path / "gone")]) is None


@pytest.mark.parametrize(
    ("count", "shown"),
    [(64 * MIB, "64Mi"), (1 << 30, "1Gi"), (3 << 29, "1.5Gi"), (100_000_000, "95.4Mi")],
)
def test_bytes_are_shown_as_memory_takes_them(count: int, shown: str) -> None:
    """One digit behind the point is enough."""
    assert size(count) == shown


def test_processes_of_a_group_that_is_gone_are_none(tmp_path: Path) -> None:
    """Who is there is listed one a line."""
    path = group(tmp_path)
    Path(path, "cgroup.procs").write_text("12\n345\n")
    assert cgroup.members(path) == [12, 345]
    assert cgroup.members(str(tmp_path / "gone")) == []
