"""What the command `fnq volume` asks of a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from google.protobuf.message import Message

from chalkcompute.cli.download import Download
from chalkcompute.cli.upload import parts
from fnq.v1 import volumes_pb2, volumes_pb2_grpc

if TYPE_CHECKING:
    from chalkcompute.cli.server import Server

__all__ = ["VolumeFiles"]

_R = TypeVar("_R", bound=Message)


class VolumeFiles:
    """The volumes of a server. Paths are bytes, relative to their volume; b"" is its top.

    Raises NotFoundError for a volume or a path that is not there, ValueError for what
    cannot be done, QueueFullError where a disk is full, and what other questions raise:
    NotReadyError where no answer begins in time.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stub = server.stub(volumes_pb2_grpc.VolumesStub)
        self._space = {"namespace": server.namespace}

    def volumes(self) -> Sequence[volumes_pb2.VolumeState]:
        """Return all volumes."""
        request = volumes_pb2.ListVolumesRequest(**self._space)
        return self._ask("List", request, volumes_pb2.ListVolumesReply).volumes

    def look(self, volume: str, path: bytes) -> Iterator[volumes_pb2.VolumeEntry]:
        """Yield what lies in a folder, or the one file at a path."""
        request = volumes_pb2.LookRequest(**self._space, volume=volume, path=path)
        with self._server.translated():
            for reply in self._begun(self._stub.Look, request):
                yield from reply.entries

    def put(self, volume: str, local: str, remote: bytes) -> volumes_pb2.PutReply:
        """Copy a file or a folder into a volume. Raises OSError for what cannot be read."""
        problems: list[Exception] = []

        def sent() -> Iterator[volumes_pb2.PutPart]:
            yield volumes_pb2.PutPart(namespace=self._server.namespace, volume=volume)
            try:
                yield from parts(local, remote)
            except (OSError, ValueError) as problem:
                # gRPC's thread asks for the parts, and would only say that they ended.
                problems.append(problem)
                raise

        with self._server.translated():
            try:
                reply: volumes_pb2.PutReply = self._begun(self._stub.Put.future, sent()).result()
            except Exception:
                if problems:
                    raise problems[0] from None
                raise
            return reply

    def get(self, volume: str, remote: bytes, local: str) -> Download:
        """Copy a file or a folder out of a volume. Raises OSError for what cannot be written."""
        request = volumes_pb2.GetRequest(**self._space, volume=volume, path=remote)
        with self._server.translated(), Download(local) as download:
            for part in self._begun(self._stub.Get, request):
                download.take(part)
        return download

    def remove(self, volume: str, path: bytes, *, recursive: bool) -> None:
        """Remove a file, an empty folder or, if `recursive`, a folder with what is in it."""
        request = volumes_pb2.RemoveRequest(
            **self._space, volume=volume, path=path, recursive=recursive
        )
        self._ask("Remove", request, volumes_pb2.RemoveReply)

    def delete(self, volume: str, *, force: bool) -> None:
        """Delete a volume; one that functions mount only by force."""
        request = volumes_pb2.DeleteVolumeRequest(**self._space, volume=volume, force=force)
        self._ask("Delete", request, volumes_pb2.DeleteVolumeReply)

    def _ask(self, method: str, request: Message, reply: type[_R]) -> _R:
        """Return the answer, for which any number of files may have to be looked at."""
        # As a stream of one: otherwise gRPC tells the begin of an answer with its end.
        asked = self._server.stub(
            lambda channel: channel.unary_stream(
                f"/fnq.v1.Volumes/{method}",
                request_serializer=type(request).SerializeToString,
                response_deserializer=reply.FromString,
            )
        )
        with self._server.translated():
            [found] = self._begun(asked, request)
        answer: _R = found
        return answer

    def _begun(self, method: Any, request: Any) -> Any:
        return self._server.begun(method(request, metadata=self._server.metadata))
