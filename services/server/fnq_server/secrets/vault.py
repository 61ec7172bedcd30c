"""Which secrets functions are given: fetched at each start of workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fnq_server.secrets.needs import given, labels, problem_of
from fnq_server.secrets.seam import SecretStore
from fnq_server.secrets.words import missing
from fnq_wire.error import StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["ACTIVE", "NO_KEY", "NO_WAY", "Vault"]

#: The argument of the decorator that has an effect where there is a place for secrets.
ACTIVE = "secrets"
#: Why there is none.
NO_KEY = "no place for secrets: this server was started without --secret-key FILE"
NO_WAY = "no place for secrets: workers that this server does not start itself get none"


class Vault:
    """Gives functions what they name from `store`, unless `refusal` says why it cannot."""

    def __init__(self, store: SecretStore | None, *, hands_out: bool) -> None:
        self.store = store
        #: Empty, or one sentence: why functions here have no secrets.
        self.refusal = NO_KEY if store is None else "" if hands_out else NO_WAY

    @property
    def active(self) -> frozenset[str]:
        """The arguments of the decorator that have an effect through it."""
        return frozenset() if self.refusal else frozenset({ACTIVE})

    async def of(self, namespace: str, spec: spec_pb2.FunctionSpec) -> Mapping[str, str]:
        """Return the variables of a function as they are now.

        Raises StackError that names what is missing, and what Redis raises while it is away.
        """
        wanted = labels(spec)
        if not wanted:
            return {}
        if self.refusal or self.store is None:
            raise StackError(self.refusal)
        found = await self.store.get(namespace, wanted)
        lacking = [each for each, values in zip(wanted, found, strict=True) if values is None]
        if lacking:
            raise StackError(missing(lacking))
        variables = given(values or {} for values in found)
        problem = problem_of(variables)
        if problem:
            raise StackError(problem)
        return variables

    async def lacks(self, namespace: str, spec: spec_pb2.FunctionSpec) -> list[str]:
        """Return what a deploy would fail for, one sentence each; raises as `of` does.

        What comes from the deployer's environment is that deploy's own affair.
        """
        wanted = [each for each in labels(spec) if each.source != "local_env"]
        if not wanted:
            return []
        if self.refusal or self.store is None:
            return [self.refusal]
        found = await self.store.get(namespace, wanted)
        pairs = zip(wanted, found, strict=True)
        return [missing([each]) for each, values in pairs if values is None]
