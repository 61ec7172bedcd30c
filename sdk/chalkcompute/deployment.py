"""What was decorated in this process, and its way to the server.

Decorating sends nothing. At the first call, `wait_ready` or the end of the
script all functions decorated so far are captured and deployed as one set; ones
that are decorated later are deployed in a later set that has the earlier ones
too, so that all of them may call each other.
"""

from __future__ import annotations

import os
import sys
import threading
import types
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from chalkcompute import runtime
from chalkcompute.inflight import Target

if TYPE_CHECKING:
    from chalkcompute.capture import Bundle
    from chalkcompute.config import Config
    from chalkcompute.function import RemoteFunction
    from chalkcompute.port import Deployed
    from fnq.v1 import spec_pb2

    Handle = RemoteFunction[..., Any, Any]

__all__ = ["Deployment", "Shipment", "current"]


@dataclass(frozen=True, slots=True)
class Shipment:
    """A set as it is deployed: handles, a spec for each in order, bundles by hash."""

    handles: list[Handle]
    specs: list[spec_pb2.FunctionSpec]
    bundles: dict[str, bytes]


class Deployment:
    """The functions of one process; thread-safe."""

    def __init__(self) -> None:
        self._handles: dict[str, Handle] = {}
        #: Names whose present handle is in no set yet.
        self._pending: set[str] = set()
        #: Lines that were said, by this process or by the one that it deploys for.
        self.said: set[str] = set()
        self._config: Config | None = None
        self._failed: dict[str, Handle] = {}
        #: Whether the deploy that was tried last was broken off, as by Ctrl-C, or goes on still.
        self.interrupted = False
        #: Whether a command decides what is deployed, and not the end of the script.
        self.is_led = False
        self.unlock()

    def unlock(self) -> None:
        """Take new locks: those that a fork copied may be held by threads it did not copy."""
        self._lock = threading.Lock()
        self._deploying = threading.Lock()

    def register(self, handle: Handle) -> None:
        """Take up a decorated function; one defined anew takes the place of the old one.

        Raises ValueError when another function has the name.
        """
        with self._lock:
            other = self._handles.get(handle.name)
            if other is not None and _place(other) != _place(handle):
                raise ValueError(
                    f"two functions are named {handle.name!r}: {_place(other)} and "
                    f"{_place(handle)}; give one of them another name="
                )
            self._handles[handle.name] = handle
            self._pending.add(handle.name)

    def meet(self, handle: Handle) -> None:
        """Take up a function that is deployed already, as all are in a worker."""
        with self._lock:
            self._handles[handle.name] = handle

    def settled(self, handle: Handle) -> bool:
        """Whether `ensure` would return without asking anybody."""
        return handle.target is not None and (not self._pending or self._never())

    def ensure(self, handle: Handle, timeout: float | None = None) -> Target:
        """Return the version that `handle` calls; deploy what is not deployed yet.

        Two threads that come at once deploy once. Raises what `port.Session.deploy` and
        opening a session raise; the next call tries again.
        """
        target: Target | None = handle.target
        if target is not None and not self._pending:
            return target
        if self._never():
            return target or self._look_up(handle)
        with self._deploying:
            members = self._members(handle)
            if members:
                try:
                    self._deploy(members, timeout)
                except Exception:
                    self.interrupted = False
                    raise
        assert handle.target is not None
        return handle.target

    def functions(self) -> dict[str, Handle]:
        """Return all that was decorated, by name."""
        with self._lock:
            return dict(self._handles)

    def rest(self) -> dict[str, Handle]:
        """Return the set that the end of the script must deploy; empty when there is none."""
        with self._lock:
            return dict(self._handles) if self._pending and not self._never() else {}

    def failed(self, members: dict[str, Handle]) -> bool:
        """Whether deploying just this set was tried last, and failed."""
        return self._failed == members

    def load(self, members: dict[str, Handle]) -> Shipment:
        """Capture a set; say once on stderr what was left out.

        Each function has a bundle of its own, of what it reaches: so it stays the
        same version when another one is decorated or changed. Raises DeployError for
        what cannot be captured, and for a secret that this environment does not have.
        """
        from chalkcompute import spec
        from chalkcompute.imagefiles import steps_of
        from chalkcompute.localenv import local_secrets

        shipment = Shipment(list(members.values()), [], {})
        for each in shipment.handles:
            body = cast("types.FunctionType", each.body)
            bundle = _capture([body])
            if bundle.left_out:
                self._say(f"left out of the bundle: {', '.join(bundle.left_out)}")
            shipment.bundles[bundle.hash] = bundle.data
            image = steps_of(each.settings.image)
            shipment.bundles.update(image.bundles)
            where = bundle.where[body]
            built = spec.build(
                each.name, each.kind, each.settings, each.codec, where, bundle.hash, image.steps
            )
            shipment.specs.append(built)
        # Read again when it is sent; what is missing is told before anything is started.
        local_secrets(shipment.specs)
        return shipment

    def _members(self, handle: Handle) -> dict[str, Handle]:
        """Return the set to deploy for a call of `handle`; empty if another thread just did."""
        with self._lock:
            if handle.target is not None and not self._pending:
                return {}
            members = dict(self._handles)
        if handle.target is None:
            # It may have been defined anew since: what is called is what is deployed.
            members[handle.name] = handle
        return members

    def _deploy(self, members: dict[str, Handle], timeout: float | None = None) -> None:
        self._failed, self.interrupted = members, True
        shipment = self.load(members)
        session = runtime.current_session()
        deployed = session.deploy(shipment.specs, shipment.bundles, timeout)
        versions = deployed.versions
        self.say(shipment.specs, deployed)
        from fnq_wire.version import is_divergent, is_repeatable, is_single, set_id

        names = [spec.name for spec in shipment.specs]
        own_set = set_id(dict(zip(names, (version for version, _ in versions), strict=True)))
        for handle, spec, (version, number) in zip(
            shipment.handles, shipment.specs, versions, strict=True
        ):
            repeatable = is_repeatable(spec)
            target = Target(version, spec.name, spec.kind, number, repeatable, own_set)
            target.divergent = is_divergent(spec)
            target.batch = spec.batching.max_size
            target.single = is_single(spec)
            handle.target = target
        self._failed, self.interrupted = {}, False
        with self._lock:
            self._pending -= {
                name for name, each in members.items() if self._handles.get(name) is each
            }

    def _never(self) -> bool:
        """Whether this process only looks up what is deployed already."""
        if self._config is None:
            self._config = runtime.config()
        return self._config.deploy == "never"

    def _look_up(self, handle: Handle) -> Target:
        handle.target = runtime.current_session().lookup(handle.name, None)[0]
        return handle.target

    def say(self, specs: Sequence[spec_pb2.FunctionSpec], deployed: Deployed) -> None:
        """Say once on stderr what whoever deployed a set is to know."""
        self._say_inactive(specs, deployed.active)
        self._say_unlimited(specs, deployed.missing_limits)
        for each in deployed.warnings:
            self._say(each)

    def _say_inactive(
        self, specs: Iterable[spec_pb2.FunctionSpec], active: Collection[str]
    ) -> None:
        """Say once on stderr which arguments of functions have no effect where they run.

        `active` are those that have one there, though not everywhere.
        """
        from fnq_wire.inactive import inactive

        for spec in specs:
            names = inactive(spec, active)
            if names:
                self._say(
                    f"{spec.name}: no effect: {', '.join(names)} (the function runs all the same)"
                )

    def _say_unlimited(
        self, specs: Iterable[spec_pb2.FunctionSpec], missing: Collection[str]
    ) -> None:
        """Say once on stderr which functions name a limit that has no policy."""
        for spec in specs:
            key = spec.rate_limit_key
            if key in missing:
                self._say(
                    f"{spec.name}: the rate limit {key!r} has no policy, so nothing is limited; "
                    f"set one: fnq limit set {key} --rate 100/m"
                )

    def _say(self, line: str) -> None:
        """Write a line to stderr, the same one only once."""
        if line not in self.said:
            self.said.add(line)
            sys.stderr.write(f"[fnq] {line}\n")


def _capture(bodies: list[types.FunctionType]) -> Bundle:
    """Capture sources; the module that does it loads on first use."""
    from chalkcompute.capture import capture

    return capture(bodies)


def _place(handle: Handle) -> str:
    return f"{handle.__module__}.{getattr(handle, '__qualname__', handle.name)}"


_current = Deployment()


def current() -> Deployment:
    """Return this process' deployment."""
    return _current


# A lambda: what is current then may be another one than now.
os.register_at_fork(after_in_child=lambda: _current.unlock())  # noqa: PLW0108
