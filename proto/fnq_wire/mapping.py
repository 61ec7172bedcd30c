"""A file as memory: read in place, and writable without the file being changed.

What Python's own `mmap` maps keeps a file open for as long as it is mapped, and a
process may open a thousand; so the system is asked directly.
"""

from __future__ import annotations

import ctypes
import mmap
import weakref

__all__ = ["map_private"]

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = (
    ctypes.c_void_p,
    ctypes.c_size_t,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_longlong,
)
_libc.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_FAILED = ctypes.c_void_p(-1).value


def map_private(descriptor: int, size: int) -> memoryview:
    """Return the first `size` bytes of a file, at least one, copied where they are written.

    They stay while any view of them does, also when the file is closed and deleted.
    Raises OSError.
    """
    access = mmap.PROT_READ | mmap.PROT_WRITE
    address = _libc.mmap(None, size, access, mmap.MAP_PRIVATE, descriptor, 0)
    if address is None or address == _FAILED:
        problem = ctypes.get_errno()
        raise OSError(problem, "the file cannot be mapped")
    memory = (ctypes.c_ubyte * size).from_address(address)
    # At the end of the process the system does it, after everyone who may still look.
    weakref.finalize(memory, _libc.munmap, address, size).atexit = False
    return memoryview(memory).cast("B")
