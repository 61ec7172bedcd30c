"""`fnq gpus`: what GPUs there are, who has them, and whether they are busy."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from chalkcompute.cli.asking import running_server
from chalkcompute.cli.table import render

if TYPE_CHECKING:
    from fnq.v1 import gpus_pb2

__all__ = ["add"]

_HEAD = ("NODE", "MODEL", "MEMORY", "STATE", "USED BY", "ID")
_MIB = 1 << 20


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "gpus",
        help="what GPUs there are, and who has them",
        description="List the GPUs that workers may have: free, idle (held by workers that run "
        "nothing), busy or faulty. A function asks for one by gpu=.",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    # Its library takes longer to load than the whole command without it.
    from fnq.v1 import gpus_pb2, gpus_pb2_grpc

    with running_server() as server:
        request = gpus_pb2.ListGpusRequest(namespace=server.namespace)
        found = server.ask(server.stub(gpus_pb2_grpc.GpusStub).List, request).gpus
    if options.json:
        print(json.dumps([_dict(each) for each in found]))
    elif found:
        print(render(_HEAD, [_row(each) for each in found]))
    else:
        print("there are no GPUs")
    return 0


def _row(gpu: gpus_pb2.GpuState) -> tuple[str, ...]:
    memory = f"{gpu.memory_bytes // _MIB} MiB" if gpu.memory_bytes else ""
    state = f"{gpu.state}: {gpu.fault}" if gpu.fault else gpu.state
    return (gpu.node, gpu.model, memory, state, ", ".join(map(_holder, gpu.holders)), gpu.id)


def _holder(holder: gpus_pb2.GpuHolder) -> str:
    return holder.other or f"{holder.function} {holder.replica}"


def _dict(gpu: gpus_pb2.GpuState) -> dict[str, Any]:
    return {
        "node": gpu.node,
        "model": gpu.model,
        "id": gpu.id,
        "memory_bytes": gpu.memory_bytes,
        "state": gpu.state,
        "fault": gpu.fault,
        "holders": [
            {
                "function": each.function,
                "version": each.version,
                "replica": each.replica,
                "busy": each.busy,
                "other": each.other,
            }
            for each in gpu.holders
        ],
    }
