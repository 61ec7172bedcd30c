"""What a deploy does about secrets: nothing may be missing, and what came along is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from fnq_core.connection import FULL_TRIES, insist
from fnq_core.secrets import Label
from fnq_server.secrets.needs import given, labels, problem_of
from fnq_server.secrets.rotation import Rotation
from fnq_server.secrets.seam import SecretStore
from fnq_server.secrets.vault import Vault
from fnq_server.secrets.words import missing
from fnq_wire.error import DeployError, StackError

if TYPE_CHECKING:
    from fnq.v1 import spec_pb2

__all__ = ["Admission"]


class Admission:
    """Lets a set in whose functions can be given all that they name."""

    def __init__(self, vault: Vault, rotation: Rotation) -> None:
        self._vault = vault
        self._rotation = rotation

    async def check(
        self,
        namespace: str,
        specs: Iterable[spec_pb2.FunctionSpec],
        local: Mapping[str, bytes],
    ) -> dict[Label, str]:
        """See that nothing is missing; return what of the deployer's environment is to be kept.

        Of `local` counts what the specs name. Raises DeployError, about the first function
        that lacks something.
        """
        asking = [spec for spec in specs if spec.secrets]
        if not asking:
            return {}
        store = self._vault.store
        if self._vault.refusal or store is None:
            raise DeployError(self._vault.refusal, function=asking[0].name)
        fresh = {
            each: _text(each, local[each.name])
            for spec in asking
            for each in labels(spec)
            if each.source == "local_env" and each.name in local
        }
        try:
            await _insist_there(store, namespace, asking, fresh)
        except StackError as problem:
            raise DeployError(str(problem), function=asking[0].name) from problem
        return fresh

    async def keep(self, namespace: str, fresh: Mapping[Label, str]) -> list[str]:
        """Keep what `check` returned, once its functions are recorded; may be repeated.

        Workers that start from now on are given it; return what is to be told of those that
        run with something else. Raises DeployError, and FullError where Redis has no room.
        """
        store = self._vault.store
        if not fresh or store is None:
            return []
        changed = await _changed(store, namespace, fresh)
        for label, text in fresh.items():
            try:
                await _set(store, namespace, label, text)
            except StackError as problem:
                raise DeployError(str(problem), function=label.function) from problem
        running = await self._rotation.tell(namespace)
        return [
            f"{each.function}: {each.name} has another value than before: workers that run keep "
            "the one that they started with"
            for each in changed
            if each.function in running
        ]


async def _insist_there(
    store: SecretStore,
    namespace: str,
    asking: Iterable[spec_pb2.FunctionSpec],
    fresh: Mapping[Label, str],
) -> None:
    lacking: dict[Label, str] = {}
    for spec in asking:
        wanted = labels(spec)
        kept = await _get(store, namespace, [each for each in wanted if each not in fresh])
        known = {**kept, **{each: {each.name: text} for each, text in fresh.items()}}
        for each in wanted:
            if known[each] is None:
                lacking.setdefault(each, spec.name)
        problem = problem_of(given(known[each] or {} for each in wanted))
        if problem:
            raise DeployError(problem, function=spec.name)
    if lacking:
        raise DeployError(missing(lacking), function=next(iter(lacking.values())))


async def _get(
    store: SecretStore, namespace: str, wanted: Sequence[Label]
) -> dict[Label, Mapping[str, str] | None]:
    found = await insist("looking for secrets", lambda: store.get(namespace, wanted))
    return dict(zip(wanted, found, strict=True))


async def _changed(store: SecretStore, namespace: str, fresh: Mapping[Label, str]) -> list[Label]:
    """Return what had another value before; nothing where that cannot be told."""
    try:
        before = await _get(store, namespace, list(fresh))
    except StackError:
        return []
    return [
        each
        for each, text in fresh.items()
        if before[each] is not None and before[each] != {each.name: text}
    ]


async def _set(store: SecretStore, namespace: str, label: Label, text: str) -> None:
    await insist(
        "keeping secrets",
        lambda: store.set(namespace, label, {label.name: text}),
        full_tries=FULL_TRIES,
    )


def _text(label: Label, value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        # Without its cause, which would show the value.
        raise DeployError(
            f"the value of {label.name} is no text in UTF-8", function=label.function
        ) from None
