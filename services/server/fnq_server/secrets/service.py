"""The Secrets RPC: set, listed and deleted; no value ever goes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import grpc
import grpc.aio

from fnq.v1 import secrets_pb2, secrets_pb2_grpc
from fnq_core.connection import FULL_TRIES, insist
from fnq_core.secrets import Label
from fnq_server.refusals import Context, refuse_unknown, told
from fnq_server.secrets.needs import problem_of_setting
from fnq_server.secrets.rotation import Rotation
from fnq_server.secrets.seam import Entry, SecretStore
from fnq_server.secrets.vault import NO_KEY
from fnq_wire.error import StackError

__all__ = ["Secrets"]


class Secrets(secrets_pb2_grpc.SecretsServicer):
    """What people say and ask of secrets. `store` is None where there is no place for them."""

    def __init__(self, store: SecretStore | None, rotation: Rotation) -> None:
        self._store = store
        self._rotation = rotation

    async def Set(  # noqa: N802 - the name in the contract of the wire
        self, request: secrets_pb2.SetSecretRequest, context: Context
    ) -> secrets_pb2.SetSecretReply:
        """Set a secret or an integration; what no worker could be given is refused."""
        problem = problem_of_setting(request.source, request.name, request.values)
        if problem:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        namespace, label = _namespace(request), Label(request.source, request.name)
        values = {name: value.decode() for name, value in request.values.items()}
        async with told(context):
            store = self._open()
            await insist(
                "setting a secret",
                lambda: store.set(namespace, label, values),
                full_tries=FULL_TRIES,
            )
        await self._rotation.tell(namespace)
        return secrets_pb2.SetSecretReply()

    async def List(  # noqa: N802
        self, request: secrets_pb2.ListSecretsRequest, context: Context
    ) -> secrets_pb2.ListSecretsReply:
        """Return what is set of a source, or the one of a name."""
        async with told(context):
            found = await self._entries(self._open(), _namespace(request), request.source)
        if request.name:
            if request.name not in found:
                await _refuse_unknown(context, request, found)
            found = {request.name: found[request.name]}
        return secrets_pb2.ListSecretsReply(secrets=[_message(each) for each in found.values()])

    async def Delete(  # noqa: N802
        self, request: secrets_pb2.DeleteSecretRequest, context: Context
    ) -> secrets_pb2.DeleteSecretReply:
        """Delete a secret or an integration; one that is not there is refused."""
        namespace, label = _namespace(request), Label(request.source, request.name)
        async with told(context):
            store = self._open()
            there = await insist("deleting a secret", lambda: store.delete(namespace, label))
            if not there:
                found = await self._entries(store, namespace, request.source)
                await _refuse_unknown(context, request, found)
        return secrets_pb2.DeleteSecretReply()

    async def _entries(
        self, store: SecretStore, namespace: str, source: str
    ) -> Mapping[str, Entry]:
        found: Sequence[Entry] = await insist(
            "listing secrets", lambda: store.entries(namespace, source)
        )
        return {each.name: each for each in found}

    def _open(self) -> SecretStore:
        """Return the store. Raises StackError where there is none."""
        if self._store is None:
            raise StackError(NO_KEY)
        return self._store


def _namespace(request: Any) -> str:
    return request.namespace or "default"


def _message(entry: Entry) -> secrets_pb2.SecretFacts:
    return secrets_pb2.SecretFacts(name=entry.name, variables=entry.variables, set_ms=entry.set_ms)


async def _refuse_unknown(context: Context, request: Any, known: Mapping[str, Entry]) -> NoReturn:
    noun = "integration" if request.source == "integration" else "secret"
    await refuse_unknown(context, noun, request.name, _namespace(request), known)
