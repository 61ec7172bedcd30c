"""The file system as one process and its children see it: the door to mount(2).

`enter` is for a worker: directories and files appear at the paths that its function asks
for. `seal` is for a step that builds an image: the system is there to read, and a few
directories to write. Both give the calling process a table of mounts of its own, which
goes with the last process that has it: nothing is mounted for anybody else. A mount point
that is missing where this user may write, not right below /, is made, and stays, empty.

A process that may mount does so as it is. Any other becomes the owner of a namespace of
users in which it is who it was; files of other users then look like those of `nobody`.

Call them in a process of one thread, as one is after a fork:

    python -m fnq_wire.mounts --writable DIR [--readable DIR] [--tmp DIR] -- COMMAND ...
"""

from __future__ import annotations

import argparse
import ctypes
import errno
import os
import platform
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence

from fnq_wire import mounttable
from fnq_wire.mounttable import NO_DEVICES, NO_SUID, READ_ONLY

__all__ = ["MountError", "enter", "main", "seal"]

#: Of unshare(2), mount(2) and umount2(2).
_NEW_MOUNTS, _NEW_USER = 0x00020000, 0x10000000
_REMOUNT, _BIND, _RECURSIVE = 1 << 5, 1 << 12, 1 << 14
_UNBINDABLE, _PRIVATE, _SLAVE = 1 << 17, 1 << 18, 1 << 19
_DETACH = 2
#: What no volume needs: programs that run as another user, and devices.
_RESTRICTED = NO_SUID | NO_DEVICES
#: Numbers of pivot_root(2), which the library of C does not offer.
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}
#: Of capset(2): the version with two words a set.
_CAPABILITY_VERSION = 0x20080522
#: A directory with more than this is not rebuilt to have one more.
_MOST_SIBLINGS = 2_000
_REMEDY = (
    "run it as root, or allow user namespaces: sysctl -w user.max_user_namespaces=15000, "
    "kernel.unprivileged_userns_clone=1 (Debian), "
    "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu); a container needs "
    "--cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
)
#: Where programs keep what others shall not see.
_SCRATCH = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - they are covered, not used
#: Where processes say what they are, also to the kernel; and its settings, in the same place.
_PROCESSES, _KERNEL = "/proc", ("/proc/sys",)

_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class MountError(Exception):
    """Say why something cannot be mounted for this process, and what to do.

    `number` is what the kernel said, 0 where it was not asked.
    """

    def __init__(self, text: str, number: int = 0) -> None:
        super().__init__(text)
        self.number = number


def enter(mounts: Collection[tuple[str, str, str]]) -> None:
    """Have each source appear at its target: (source, target, "rw" or "ro"), absolute paths.

    A source is a directory or a file. A target that does not exist is made: for real where
    its directory may be written, otherwise for this process alone; `/` is never written.
    What lay at a target is hidden. The working directory stays. Raises MountError.
    """
    if not mounts:
        return
    targets = [target for _, target, _ in mounts]
    twice = next((each for each in targets if targets.count(each) > 1), None)
    if twice is not None:
        raise MountError(f"two things are to be mounted at {twice}: choose another path for one")
    try:
        _enter({target: (source, mode) for source, target, mode in mounts})
    except OSError as problem:
        raise MountError(f"cannot mount {mounts}: {problem}") from problem


def seal(writable: Iterable[str], readable: Iterable[str] = (), tmp: str | None = None) -> None:
    """Have everything be read only but `writable` directories and those for scratch.

    `/tmp`, `/var/tmp` and `/dev/shm` are empty and this process' own: in memory, or `/tmp`
    in the directory `tmp`. `readable` directories that lie there stay visible. Raises MountError.
    """
    try:
        _seal([os.path.realpath(each) for each in writable], readable, tmp)
    except OSError as problem:
        raise MountError(f"cannot seal the system: {problem}") from problem


def _enter(wanted: Mapping[str, tuple[str, str]]) -> None:
    for target, source in mounttable.hidden([(each[0], path) for path, each in wanted.items()]):
        raise MountError(f"what is mounted at {target} would hide {source}: choose another path")
    folder = _here()
    owns_users = _unshare()
    targets = mounttable.in_order(wanted)
    rooted = [each for each in targets if _nearest(each) == "/"]
    if rooted:
        _build_root([(each, os.path.isdir(wanted[each][0])) for each in rooted])
    modes: dict[str, str] = {}
    for target in targets:
        source, modes[target] = wanted[target]
        _make_point(target, os.path.isdir(source), modes)
        _mount(source, target, _BIND | _RECURSIVE)
    _restrict({each: _RESTRICTED | (READ_ONLY if modes[each] == "ro" else 0) for each in targets})
    _finish(folder, owns_users)


def _seal(free: Collection[str], readable: Iterable[str], tmp: str | None) -> None:
    folder = _here()
    owns_users = _unshare()
    shown = [*map(os.path.realpath, readable), *(each for each in _KERNEL if os.path.isdir(each))]
    kept = {each: os.open(each, os.O_PATH) for each in (*shown, *free)}
    scratch = {os.path.realpath(each): "" for each in _SCRATCH if os.path.isdir(each)}
    if tmp is not None:
        kept.setdefault(tmp, os.open(tmp, os.O_PATH))
        scratch[os.path.realpath(_SCRATCH[0])] = tmp
    for path, source in scratch.items():
        if source:
            _mount(f"/proc/self/fd/{kept[source]}", path, _BIND | _RECURSIVE)
        else:
            _mount("tmpfs", path, _RESTRICTED, "tmpfs", "mode=1777")
    for path in mounttable.in_order(kept):
        os.makedirs(path, exist_ok=True)
        _mount(f"/proc/self/fd/{kept[path]}", path, _BIND | _RECURSIVE)
        os.close(kept[path])
    _restrict(
        {
            "/": READ_ONLY,
            **dict.fromkeys(kept, READ_ONLY),
            **dict.fromkeys((*scratch, *free, _PROCESSES), 0),
        }
    )
    _finish(folder, owns_users)


def _unshare() -> bool:
    """Take a table of mounts of our own; return whether a namespace of users came with it."""
    if _libc is None:
        raise MountError(f"nothing can be mounted for one process on {sys.platform}: use Linux")
    user, group = os.getuid(), os.getgid()
    owns_users: bool = _libc.unshare(_NEW_MOUNTS) != 0
    if owns_users and _libc.unshare(_NEW_USER | _NEW_MOUNTS) != 0:
        raise _forbidden(ctypes.get_errno())
    try:
        if owns_users:
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{user} {user} 1")
            _write("/proc/self/gid_map", f"{group} {group} 1")
        # What others mount later is seen here; what is mounted here is seen nowhere else.
        _mount(None, "/", _RECURSIVE | _SLAVE)
    except OSError as problem:
        raise _forbidden(problem.errno or 0) from problem
    except MountError as problem:
        raise MountError(f"{problem}; {_REMEDY}") from problem
    return owns_users


def _forbidden(number: int) -> MountError:
    what = "this machine lets no process of this user mount anything for itself"
    # In the kernel's words, which speak of disks.
    full = number == errno.ENOSPC
    why = "user.max_user_namespaces is used up, or 0" if full else os.strerror(number)
    return MountError(f"{what} ({why}): {_REMEDY}")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _nearest(path: str) -> str:
    """Return the nearest directory above or at `path` that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def _make_point(target: str, is_folder: bool, modes: Mapping[str, str]) -> None:
    """Make sure that there is a directory, or a file, to mount on.

    `modes` are those of what is mounted so far; nothing is ever made in a source.
    """
    if os.path.lexists(target):
        if os.path.isdir(target) is not is_folder:
            what = "a directory" if is_folder else "a file"
            raise MountError(f"{target} is there, and is not {what}: choose another path")
        return
    folder = _nearest(target)
    inside = mounttable.deepest(folder, modes)
    if inside is not None and modes[inside] == "rw":
        raise MountError(f"{target} lies in what is mounted at {inside}: choose a path outside")
    if inside is None and os.access(folder, os.W_OK | os.X_OK):
        _make(target, is_folder)
    else:
        _rebuild(folder, target, is_folder)


def _make(path: str, is_folder: bool) -> None:
    try:
        os.makedirs(path if is_folder else os.path.dirname(path), exist_ok=True)
        if not is_folder:
            os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o644))
    except OSError as problem:
        raise MountError(f"cannot make {path}: {problem.strerror}") from problem


def _rebuild(folder: str, target: str, is_folder: bool) -> None:
    """Have a directory that may not be written contain what it does, and `target`."""
    os.chdir(folder)
    siblings = os.listdir()
    if len(siblings) > _MOST_SIBLINGS:
        raise MountError(
            f"{target} is not there, and {folder} has too much in it ({len(siblings)} entries) "
            "to be seen with one more: make the directory, or choose another path"
        )
    _cover(folder)
    # The working directory is what lies below the cover.
    for name in siblings:
        _repeat(name, os.path.join(folder, name))
    _make(target, is_folder)
    _close_cover(folder)


def _build_root(points: Collection[tuple[str, bool]]) -> None:
    """Have a root that contains what `/` does, and points to mount on (path, is a directory)."""
    names = os.listdir("/")
    # Any directory is the place of the new root until it is the root.
    place = next(each for each in names if _is_plain_folder(f"/{each}") and each != "proc")
    os.chdir(f"/{place}")
    _cover(f"/{place}")
    for name in names:
        _repeat("." if name == place else f"/{name}", f"/{place}/{name}")
    for path, is_folder in points:
        _make(f"/{place}{path}", is_folder)
    os.chdir(f"/{place}")
    _pivot()
    os.chdir("/")
    _close_cover("/")


def _is_plain_folder(path: str) -> bool:
    return os.path.isdir(path) and not os.path.islink(path)


def _cover(folder: str) -> None:
    _mount("tmpfs", folder, _RESTRICTED, "tmpfs", "mode=0755")
    # What is bound into it next must not bring it along.
    _mount(None, folder, _UNBINDABLE)


def _close_cover(folder: str) -> None:
    _mount(None, folder, _PRIVATE)
    _mount(None, folder, _REMOUNT | _BIND | READ_ONLY | _RESTRICTED)


def _repeat(source: str, target: str) -> None:
    """Have `target` be what `source` is, with all that is mounted there."""
    try:
        if os.path.islink(source):
            os.symlink(os.readlink(source), target)
            return
        is_folder = os.path.isdir(source)
        os.lstat(source)
    except OSError:  # It has gone, or nobody can look at it.
        return
    _make(target, is_folder)
    _mount(source, target, _BIND | _RECURSIVE)


def _pivot() -> None:
    """Make the working directory, a mount, the root; let go of the old one."""
    number = _PIVOT_ROOT.get(platform.machine())
    if _libc is None or number is None:
        raise MountError(f"no new root can be made on {platform.machine()}: mount on directories")
    here = ctypes.c_char_p(b".")
    if _libc.syscall(ctypes.c_long(number), here, here) != 0:
        why = os.strerror(ctypes.get_errno())
        raise MountError(f"cannot change the root ({why}): mount on directories that exist")
    # The old root lies on the new one.
    if _libc.umount2(here, _DETACH) != 0:
        raise MountError(f"cannot let go of the old root: {os.strerror(ctypes.get_errno())}")


def _restrict(flags: Mapping[str, int]) -> None:
    """Add flags to all mounts by the lowest folder in which they lie; none where they are 0."""
    with open("/proc/self/mountinfo", "rb") as file:
        table = mounttable.parse(file.read())
    for mounted in table:
        added = flags.get(mounttable.deepest(mounted.path, flags) or "", 0)
        if not added & ~mounted.flags:
            continue
        try:
            _mount(None, mounted.path, _REMOUNT | _BIND | mounted.flags | added)
        except MountError as problem:
            # Another mount lies on it, or above it: nobody sees it.
            if problem.number not in (errno.EINVAL, errno.ENOENT, errno.EACCES):
                raise


def _mount(source: str | None, target: str, flags: int, kind: str = "", data: str = "") -> None:
    given = [None if not text else os.fsencode(text) for text in (source, target, kind, data)]
    assert _libc is not None
    if _libc.mount(*given[:3], ctypes.c_ulong(flags), given[3]) != 0:
        number = ctypes.get_errno()
        raise MountError(f"cannot mount at {target}: {os.strerror(number)}", number)


def _here() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:  # Somebody removed it.
        return "/"


def _finish(folder: str, owns_users: bool) -> None:
    """Return to the working directory; be no mightier than before."""
    try:
        os.chdir(folder)
    except OSError:
        os.chdir("/")
    if owns_users and os.getuid() != 0:
        assert _libc is not None
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
        nothing = (ctypes.c_uint32 * 6)()
        _libc.capset(ctypes.byref(header), ctypes.byref(nothing))


def main(argv: Sequence[str]) -> int:
    """Run a command with the system sealed, or try whether `enter` works here.

    Returns 1, with a line on stderr, where that cannot be.
    """
    parser = argparse.ArgumentParser(prog="python -m fnq_wire.mounts")
    parser.add_argument("--writable", action="append", default=[], metavar="DIR")
    parser.add_argument("--readable", action="append", default=[], metavar="DIR")
    parser.add_argument("--tmp", metavar="DIR", help="what /tmp is (default: memory)")
    parser.add_argument("--try", action="store_true", dest="tries", help="run nothing")
    parser.add_argument("command", nargs="*")
    options = parser.parse_args(argv)
    try:
        if options.tries:
            enter([("/", "/fnq-tries-to-mount", "ro")])
            return 0
        seal(options.writable, options.readable, options.tmp)
        os.execvp(options.command[0], options.command)  # noqa: S606 - what was asked for
    except (MountError, OSError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
