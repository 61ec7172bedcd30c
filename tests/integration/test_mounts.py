"""Mounts that one process sees, as root and as a user without rights; nobody else sees them."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fnq_wire import mounts
from fnq_wire.mounts import MountError
from tests.apart import USERS, apart, can_mount

#: Of prctl(2).
_SET_DEATH, _GET_DEATH = 1, 2

pytestmark = pytest.mark.parametrize("user", USERS)


@pytest.fixture(autouse=True)
def _nothing_left(user: int) -> Iterator[None]:
    """Nothing of a test stays mounted here, and nothing at the root."""
    if why := can_mount(user):
        pytest.skip(reason=why)
    yield
    mounted = Path("/proc/self/mountinfo").read_text().splitlines()
    assert [line for line in mounted if "/fnq-m" in line or "/fnq-app" in line] == []
    assert [each for each in os.listdir("/") if each.startswith("fnq-")] == []


@pytest.fixture
def folder(user: int) -> Iterator[Path]:
    """A directory of the user's, with a folder `a` and a file `b` in it."""
    path = Path(tempfile.mkdtemp(prefix="fnq-mounts-", dir="/dev/shm"))
    (path / "a").mkdir()
    (path / "a" / "there").write_text("hi")
    (path / "b").write_text("file")
    for each in (path, *path.rglob("*")):
        os.chown(each, user, user)
    yield path
    shutil.rmtree(path)


def _try(*paths: str) -> list[int]:
    """Return the number of the error with which each file cannot be made; 0 where it can."""
    found = []
    for path in paths:
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        except OSError as problem:
            found.append(problem.errno or -1)
        else:
            found.append(0)
    return found


def test_a_directory_appears_where_nothing_was(user: int, folder: Path) -> None:
    """Below a root that is rebuilt for this process; what is written there lies in the source."""

    def scene() -> Any:
        mounts.enter([(str(folder / "a"), "/fnq-models/deep", "rw")])
        Path("/fnq-models/deep/new").write_text("from within")
        return [sorted(os.listdir("/fnq-models/deep")), _try("/fnq-models/x", "/x")]

    assert apart(scene, user) == [["new", "there"], [errno.EROFS, errno.EROFS]]
    assert (folder / "a" / "new").read_text() == "from within"


def test_all_else_is_as_it_was(user: int, folder: Path) -> None:
    """The top of the file system, processes, shared memory, sockets, open files, the directory."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(folder / "sock"))
    listener.listen()
    os.chmod(folder / "sock", 0o777)
    (folder / "open").write_text("open file")
    descriptor = os.open(folder / "open", os.O_RDONLY)

    def scene() -> Any:
        os.chdir(folder)
        before = set(os.listdir("/"))
        ids = os.getpid(), os.getppid(), os.getuid(), os.getgid()
        mounts.enter([(str(folder / "a"), "/fnq-models", "rw")])
        assert set(os.listdir("/")) - before == {"fnq-models"}
        assert before <= set(os.listdir("/"))
        assert (os.getpid(), os.getppid(), os.getuid(), os.getgid()) == ids
        assert int(os.readlink("/proc/self")) == os.getpid()
        with socket.socket(socket.AF_UNIX) as knock:
            knock.connect("sock")
        Path("/dev/null").write_text("x")
        return [os.read(descriptor, 20).decode(), os.getcwd(), _try(f"{folder}/shared")]

    assert apart(scene, user) == ["open file", str(folder), [0]]
    assert (folder / "shared").exists()
    os.close(descriptor)
    listener.close()


def test_files_and_folders_to_read_stand_beside_volumes(user: int, folder: Path) -> None:
    """Also a volume within a folder that is only read: neither gets anything of the other."""

    def scene() -> Any:
        mounts.enter(
            [
                (str(folder / "b"), "/fnq-app/conf/b.txt", "ro"),
                (str(folder), "/fnq-app/data", "ro"),
                (str(folder / "a"), "/fnq-app/data/cache/deep", "rw"),
            ]
        )
        return [
            Path("/fnq-app/conf/b.txt").read_text(),
            sorted(os.listdir("/fnq-app/data")),
            os.listdir("/fnq-app/data/cache/deep"),
            _try("/fnq-app/data/b", "/fnq-app/data/x", "/fnq-app/data/a/x", "/fnq-app/conf/b.txt"),
            _try("/fnq-app/data/cache/deep/y"),
        ]

    text, names, cached, refused, allowed = apart(scene, user)
    assert (text, names, cached, allowed) == ("file", ["a", "b", "cache"], ["there"], [0])
    assert set(refused) == {errno.EROFS}
    assert sorted(os.listdir(folder)) == ["a", "b"]


def test_a_target_that_is_there_is_covered(user: int, folder: Path) -> None:
    """What lay there is hidden from this process."""

    def scene() -> Any:
        mounts.enter([(str(folder / "a"), "/media", "rw")])
        return os.listdir("/media")

    assert apart(scene, user) == ["there"]


def test_a_directory_that_may_not_be_written_is_rebuilt_or_else_made_in(
    user: int, folder: Path
) -> None:
    """For this process it has one entry more; in one that may be written a folder is made."""

    def scene() -> Any:
        before = sorted(os.listdir("/usr/share"))
        mounts.enter(
            [(str(folder / "a"), "/usr/share/fnq-models", "rw"), (str(folder), f"{folder}/c", "ro")]
        )
        after = sorted(os.listdir("/usr/share"))
        return [set(after) - set(before) == {"fnq-models"}, os.listdir("/usr/share/fnq-models")]

    try:
        assert apart(scene, user) == [True, ["there"]]
        assert os.listdir(folder / "c") == []
        assert os.path.exists("/usr/share/fnq-models") is (user == 0)
    finally:
        if user == 0:
            os.rmdir("/usr/share/fnq-models")


def test_what_is_mounted_in_a_source_comes_along_and_gives_no_rights(
    user: int, folder: Path
) -> None:
    """Neither programs that run as their owner nor devices, in no part of it."""

    def scene() -> Any:
        mounts.enter([("/dev", "/fnq-models", "rw")])
        table = Path("/proc/self/mountinfo").read_text().splitlines()
        lines = [line.split() for line in table]
        # Of two at one path the later is seen.
        return {each[4]: each[5] for each in lines if each[4].startswith("/fnq-models")}

    found = apart(scene, user)
    assert len(found) > 1
    assert all({"nosuid", "nodev"} <= set(options.split(",")) for options in found.values())


def _refusal(wanted: list[tuple[str, str, str]]) -> Callable[[], str]:
    def scene() -> str:
        try:
            mounts.enter(wanted)
        except MountError as problem:
            return str(problem)
        return ""

    return scene


def test_what_cannot_be_mounted_is_refused_by_name(user: int, folder: Path) -> None:
    """A file in the way, a source that is not there or would be hidden, a volume in a volume."""
    a, b = str(folder / "a"), str(folder / "b")
    for wanted, text in (
        ([(a, "/etc/passwd", "rw")], "/etc/passwd is there, and is not a directory"),
        ([(b, "/etc", "ro")], "/etc is there, and is not a file"),
        ([(f"{a}/no", "/fnq-m", "rw")], "/fnq-m"),
        ([(a, "/fnq-m", "rw"), (b, str(folder), "ro")], f"at {folder} would hide {a}"),
        ([(a, "/fnq-m", "rw"), (a, "/fnq-m/n", "rw")], "/fnq-m/n lies in what is mounted"),
        ([(a, "/fnq-m", "rw"), (b, "/fnq-m", "ro")], "two things are to be mounted at /fnq-m"),
    ):
        assert text in apart(_refusal(wanted), user)
    assert os.listdir(a) == ["there"]


def test_a_machine_that_forbids_mounts_says_what_to_do(user: int, folder: Path) -> None:
    """As in a container: in a root of its own a user without rights gets no namespace."""
    if user == 0:
        pytest.skip(reason="root may mount here, whatever its root directory is")

    def scene() -> Any:
        return _refusal([(str(folder / "a"), "/fnq-models", "rw")])()

    said = apart(scene, user, root="/usr")
    assert "lets no process of this user mount anything for itself (Operation not permitted" in said
    assert "run it as root, or allow user namespaces: sysctl" in said
    assert "--cap-add SYS_ADMIN" in said


def test_a_limit_of_namespaces_that_is_used_up_is_named(user: int, folder: Path) -> None:
    """Since the kernel says that there is no space left on a device."""
    if user == 0:
        pytest.skip(reason="root needs no namespace of users")

    def scene() -> Any:
        # The limit is that of this process and its children alone.
        assert mounts._unshare()
        Path("/proc/sys/user/max_user_namespaces").write_bytes(b"0")
        mounts._finish("/", owns_users=True)
        return _refusal([(str(folder / "a"), "/fnq-models", "rw")])()

    assert "(user.max_user_namespaces is used up, or 0): run it as root" in apart(scene, user)


def test_a_process_dies_with_its_parent_and_is_no_mightier_than_before(
    user: int, folder: Path
) -> None:
    """The signal that it asked for stays; so does what it may do."""

    def scene() -> Any:
        libc, found = ctypes.CDLL(None), ctypes.c_int()
        libc.prctl(_SET_DEATH, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
        before = _may()
        mounts.enter([(str(folder / "a"), "/fnq-models", "rw")])
        libc.prctl(_GET_DEATH, ctypes.byref(found), 0, 0, 0)
        return [found.value, _may() == before]

    assert apart(scene, user) == [signal.SIGKILL, True]


def _may() -> list[str]:
    status = Path("/proc/self/status").read_text().splitlines()
    return [line for line in status if line.startswith(("CapEff", "CapPrm", "NoNewPrivs"))]


def test_a_step_of_a_build_reads_all_and_writes_what_it_was_given(user: int, folder: Path) -> None:
    """Its temporary files are its own; the directory that it was given is written."""

    def scene() -> Any:
        mounts.seal([str(folder / "a")], [str(folder)])
        outside = ["/etc/fnq-x", "/fnq-x", "/usr/fnq-x", f"{folder}/fnq-x"]
        inside = ["/tmp/fnq-x", "/var/tmp/fnq-x", "/dev/shm/fnq-x", f"{folder}/a/new"]
        assert Path(f"{folder}/b").read_text() == "file"
        return [_try(*outside), _try(*inside), Path("/etc/passwd").exists()]

    assert apart(scene, user) == [[errno.EROFS] * 4, [0] * 4, True]
    assert sorted(os.listdir(folder / "a")) == ["new", "there"]
    assert not os.path.exists("/dev/shm/fnq-x")
    assert not os.path.exists("/tmp/fnq-x")


def test_a_step_of_a_build_may_have_mounts_too(user: int, folder: Path) -> None:
    """At paths that the system does not have, in what is read only apart from these."""

    def scene() -> Any:
        mounts.seal([str(folder / "a")])
        mounts.enter([(str(folder / "a"), "/fnq-app/data", "rw")])
        Path("/fnq-app/data/new").write_text("hi")
        return _try("/fnq-app/x", "/etc/fnq-x", f"{folder}/a/other", "/tmp/fnq-x")

    assert apart(scene, user) == [errno.EROFS, errno.EROFS, 0, 0]
    assert sorted(os.listdir(folder / "a")) == ["new", "other", "there"]


def test_a_build_has_its_temporary_files_where_it_is_told(user: int, folder: Path) -> None:
    """So that large ones need no memory; it can also be run as a program."""

    def scene() -> Any:
        argv = ["--writable", str(folder / "a"), "--tmp", str(folder / "a"), "--", "sh", "-c"]
        mounts.main([*argv, f"echo hi > /tmp/big; id -u > {folder}/a/user"])

    pid = os.fork()
    if pid == 0:
        apart_as(user, scene)
    os.waitpid(pid, 0)
    assert (folder / "a" / "big").read_text() == "hi\n"
    assert (folder / "a" / "user").read_text() == f"{user}\n"


def apart_as(user: int, scene: Callable[[], Any]) -> None:
    """Become a program as another user, and never return."""
    try:
        apart(scene, user)
    except ValueError:  # The program that the scene became says nothing.
        os._exit(0)
    os._exit(1)
