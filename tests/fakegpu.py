"""A device plugin of Nomad's that offers GPUs which do not exist; the agent starts it itself.

Messages are written by hand, four kinds of field being enough. What there is stands in a
file that is read again and again, so a test may break, add and remove cards:

    [{"model": "NVIDIA L4", "memory_mib": 23034, "ids": ["GPU-0"], "unhealthy": []}]
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

#: What Nomad says to its plugins, so that nobody else starts one.
_COOKIE = "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255"
#: Seconds between two looks at the file, and at the agent.
_LOOK_S, _AGENT_S = 0.2, 1.0
#: Each open stream holds a thread.
_THREADS = 16
_BASE = "hashicorp.nomad.plugins.base.proto.BasePlugin"
_DEVICE = "hashicorp.nomad.plugins.device.DevicePlugin"


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _entry(number: int, key: str, value: bytes | str) -> bytes:
    """Return one entry of a map."""
    return _field(number, _field(1, key) + _field(2, value))


def _texts(message: bytes) -> list[str]:
    """Return the texts of a message that has nothing else, each shorter than 128 bytes."""
    found = []
    while message:
        size = message[1]
        found.append(message[2 : 2 + size].decode())
        message = message[2 + size :]
    return found


class _Plugin:
    def __init__(self, inventory: Path) -> None:
        self._inventory = inventory
        self.over = threading.Event()

    def info(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        """Say that it is a device plugin (3), and the versions of its interface and its own."""
        return _field(1, 3) + _field(2, "v0.1.0") + _field(3, "v0.1.0") + _field(4, "fake_gpu")

    def nothing(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        """Have no schema, take any settings."""
        return b""

    def fingerprint(self, _request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Say what there is, now and whenever that changes."""
        said = b""
        while context.is_active() and not self.over.is_set():
            now = b"".join(map(_group, json.loads(self._inventory.read_bytes())))
            if now != said:
                said = now
                yield now
            self.over.wait(_LOOK_S)

    def reserve(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        """Say what a task that gets these sees in its environment."""
        return _field(1, _entry(1, "NVIDIA_VISIBLE_DEVICES", ",".join(_texts(request))))

    def stats(self, _request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Say nothing, for as long as it is asked."""
        while context.is_active() and not self.over.is_set():
            self.over.wait(_LOOK_S)
        yield from ()

    def shutdown(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        """End."""
        self.over.set()
        return b""


def _group(card: dict[str, Any]) -> bytes:
    """Return the cards of one model."""
    ill = card.get("unhealthy", [])
    devices = b"".join(
        _field(4, _field(1, each) + (_field(3, "broken by the test") if each in ill else ok))
        for ok in [_field(2, 1)]
        for each in card["ids"]
    )
    memory = _field(2, card["memory_mib"]) + _field(5, "MiB")
    kind = _field(1, "nvidia") + _field(2, "gpu") + _field(3, card["model"])
    return _field(1, kind + devices + _entry(5, "memory", memory))


def _serve(plugin: _Plugin) -> grpc.Server:
    def one(handle: Callable[..., bytes]) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_unary_rpc_method_handler(handle)

    def many(handle: Callable[..., Iterator[bytes]]) -> grpc.RpcMethodHandler[bytes, bytes]:
        return grpc.unary_stream_rpc_method_handler(handle)

    services = {
        _BASE: {
            "PluginInfo": one(plugin.info),
            "ConfigSchema": one(plugin.nothing),
            "SetConfig": one(plugin.nothing),
        },
        _DEVICE: {
            "Fingerprint": many(plugin.fingerprint),
            "Reserve": one(plugin.reserve),
            "Stats": many(plugin.stats),
        },
        # Without it each end takes two seconds, and a signal.
        "plugin.GRPCController": {"Shutdown": one(plugin.shutdown)},
    }
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS))
    for name, methods in services.items():
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, methods)])
    return server


def main(inventory: Path) -> None:
    """Offer the cards in a file until the agent says that it is enough, or is gone."""
    if os.environ.get("NOMAD_PLUGIN_MAGIC_COOKIE") != _COOKIE:
        sys.exit("a plugin of Nomad's, which Nomad starts: see tests/gpus.py")
    plugin = _Plugin(inventory)
    server = _serve(plugin)
    with tempfile.TemporaryDirectory(prefix="gpu") as folder:
        server.add_insecure_port(f"unix:{folder}/s")
        server.start()
        # Versions of the plugins' protocol and Nomad's, then where it is.
        print(f"1|2|unix|{folder}/s|grpc", flush=True)
        agent = os.getppid()
        while not plugin.over.wait(_AGENT_S) and os.getppid() == agent:
            pass
        server.stop(grace=_LOOK_S).wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
