"""Groups of workers: real ones where this machine allows them."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from fnq_local.cgroups import Cgroups
from fnq_wire import cgroup

MIB = 1 << 20
#: Goes into groups, then takes memory or time.
MEMBER = """
import sys, time
from fnq_wire import cgroup
for path in sys.argv[2:]:
    cgroup.enter(path)
if sys.argv[1] == "take":
    taken = [bytearray(b"x" * (1 << 20)) for _ in range(200)]
elif sys.argv[1] == "stay":
    print("in", flush=True)
    time.sleep(60)
else:
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        pass
    print(time.process_time())
"""


@pytest.fixture
def groups() -> Cgroups:
    """Those of this process, as of a stack; nothing is left of them."""
    made = Cgroups()
    if made.enforced != {"memory", "cpu"}:
        pytest.skip(f"workers cannot be held to memory and cpu here: {made.obstacle}")
    return made


def member(what: str, paths: list[str]) -> subprocess.Popen[str]:
    """Start a process in groups."""
    return subprocess.Popen(
        [sys.executable, "-c", MEMBER, what, *paths], stdout=subprocess.PIPE, text=True
    )


def is_there(path: str) -> bool:
    """Return whether a group is there."""
    return Path(path).exists()


async def test_a_worker_that_takes_too_much_memory_is_killed(groups: Cgroups) -> None:
    """Its group says what it used; it goes with the worker."""
    paths = groups.make("f-0", 0, 64 * MIB)
    assert len(paths) == 1
    process = await asyncio.to_thread(member, "take", paths)
    await asyncio.to_thread(process.communicate)
    assert process.returncode == -9
    used = cgroup.memory(paths)
    assert used is not None
    assert (used.limit, used.kills) == (64 * MIB, 1)
    assert used.peak > 60 * MIB
    await groups.remove(paths)
    groups.close()
    assert not any(Path(path).parent.exists() for path in paths)


async def test_a_worker_has_the_cores_that_it_asks_for(groups: Cgroups) -> None:
    """A fifth of one, of half a second, is a tenth of a second of work."""
    paths = groups.make("f-0", 200, 0)
    process = await asyncio.to_thread(member, "work", paths)
    spent, _ = await asyncio.to_thread(process.communicate)
    assert float(spent) < 0.3
    await groups.remove(paths)
    groups.close()


async def test_what_a_worker_has_left_ends_with_its_group(groups: Cgroups) -> None:
    """Also what has gone out of its process group."""
    paths = groups.make("f-0", 1_000, 64 * MIB)
    process = await asyncio.to_thread(member, "stay", paths)
    assert process.stdout is not None
    await asyncio.to_thread(process.stdout.readline)
    await groups.remove(paths)
    assert not any(map(is_there, paths))
    await asyncio.to_thread(process.communicate)
    assert process.returncode == -9
    groups.close()


async def test_one_who_asks_for_nothing_gets_no_group(groups: Cgroups) -> None:
    """And two of one name get two."""
    assert groups.make("f-0", 0, 0) == []
    first, second = groups.make("f-0", 0, MIB * 64), groups.make("f-0", 0, MIB * 64)
    assert first != second
    for paths in (first, second):
        await groups.remove(paths)
    groups.close()


async def test_what_a_killed_stack_has_left_is_removed(groups: Cgroups) -> None:
    """By whichever stack comes next; those of stacks that live stay."""
    [mine] = groups.make("f-0", 0, 64 * MIB)
    stem = Path(mine).parents[1]
    namespace = Path(mine).parent.name.split("-")[1]
    left = stem / f"fnq-{namespace}-999999999-1" / "f-0"
    elsewhere = stem / "fnq-1-999999999-1"
    left.mkdir(parents=True)
    elsewhere.mkdir()
    Cgroups().tidy()
    assert not left.parent.exists()
    assert elsewhere.exists()
    elsewhere.rmdir()
    assert is_there(mine)
    await groups.remove([mine])
    groups.close()


def test_where_nothing_can_be_had_the_obstacle_is_told(tmp_path: Path) -> None:
    """And a worker gets no groups, whatever it asks for."""
    nowhere = Cgroups(str(tmp_path))
    assert nowhere.enforced == frozenset()
    assert nowhere.obstacle == "there are no control groups for them"
    assert nowhere.make("f-0", 1_000, MIB) == []
    nowhere.tidy()
    nowhere.close()
    (tmp_path / "mountinfo").write_text(f"1 2 0:1 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "cgroup").write_text("0::/ours\n")
    (tmp_path / "ours").mkdir()
    barred = Cgroups(str(tmp_path))
    assert barred.enforced == frozenset()
    assert barred.obstacle.startswith(f"no control group may be made below {tmp_path}/ours; where")
    assert barred.make("f-0", 1_000, MIB) == []
    assert list((tmp_path / "ours").iterdir()) == []


def test_a_group_of_version_2_hands_its_controllers_down(tmp_path: Path) -> None:
    """The nearest group above that has a controller is divided; each may be another one."""
    outer = tmp_path / "outer"
    (outer / "inner").mkdir(parents=True)
    (tmp_path / "mountinfo").write_text(f"1 2 0:1 / {tmp_path} rw - cgroup2 cgroup2 rw\n")
    (tmp_path / "cgroup").write_text("0::/outer/inner\n")
    mine = f"{Cgroups()._name}"
    for folder, controllers in ((outer, "cpu memory pids"), (outer / "inner", "cpu")):
        (folder / "cgroup.procs").write_text("")
        (folder / "cgroup.subtree_control").write_text(controllers)
        (folder / mine).mkdir()
        (folder / mine / "cgroup.subtree_control").write_text("")
    found = Cgroups(str(tmp_path))
    assert found.enforced == {"memory", "cpu"}
    assert (outer / "inner" / mine / "cgroup.subtree_control").read_text() == "+cpu"
