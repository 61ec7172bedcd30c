"""The decorator, and the handle that it makes of a function."""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, Unpack, cast, overload

from chalkcompute import batch, deployment, mapped, options, parting, runtime
from chalkcompute.body import check_body, kind_of
from chalkcompute.inflight import Terms
from chalkcompute.reply import Reply, send, spawn
from chalkcompute.settings import ARGUMENTS, Arguments, Settings, check_name, check_seconds
from chalkcompute.stream import Stream

if TYPE_CHECKING:
    from chalkcompute.call import Call
    from chalkcompute.inflight import Target
    from chalkcompute.version import Version
    from chalkcompute.way import Way
    from fnq_wire.arrow import Codec
    from fnq_wire.items import Items
    from fnq_wire.pieces import Payload

__all__ = ["RemoteFunction", "function"]

P = ParamSpec("P")
T = TypeVar("T")
#: What a remote call returns, and what the body itself returns.
R_co = TypeVar("R_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)


class RemoteFunction(Generic[P, R_co, L_co]):
    """A function that runs elsewhere when it is called.

    Two handles are equal only if they are one. `target` is the version that calls
    go to, None until it is known.
    """

    __fnq_handle__ = True
    body: Callable[P, L_co] | None
    name: str
    kind: str
    settings: Settings
    target: Target | None
    #: What `options` asked for, and the handle that it was asked of.
    terms: Terms | None = None
    origin: RemoteFunction[P, R_co, L_co] | None = None

    def __init__(self, body: Callable[P, L_co], name: str, settings: Settings) -> None:
        # First: it copies the body's attributes, which may have the names of ours.
        functools.update_wrapper(self, body)
        self.body = body
        self.name = name
        self.kind = kind_of(body)
        self.settings = settings
        self.target = self.terms = self.origin = None
        self._codec: Codec | None = None
        vars(self).pop("items", None)

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it remotely and block until the value is there; a generator gives a Stream at once.

        In a script's own event loop this blocks the loop: use `await f.aio(...)`
        there. Wrong arguments raise before anything is sent. KeyboardInterrupt
        cancels the call.
        """
        if self.terms is not None and self.terms.key:
            return self.spawn(*args, **kwargs).get()
        target, reply = self._send(args, kwargs)
        return cast("R_co", Stream(reply) if target.streams else reply.value())

    def remote(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it remotely, as the bare call does."""
        return self(*args, **kwargs)

    async def aio(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it remotely from an event loop, which goes on meanwhile.

        Cancelling the awaiting task cancels the call.
        """
        if self.terms is not None and self.terms.key:
            # A server is asked; only a worker waits for that in its loop.
            work = functools.partial(self.spawn, *args, **kwargs)
            call = work() if runtime.in_worker() else await runtime.in_thread(work)
            return await call.aio()
        if self._near():
            target, reply = self._send(args, kwargs)
        else:
            target, reply = await self._send_aside(args, kwargs)
        return cast("R_co", Stream(reply) if target.streams else await reply.value_async())

    def spawn(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[R_co]:
        """Submit a call that outlives this process, and return a handle of it at once.

        There is no round trip, but for a call with an idempotency key: the call that has
        the key already is the one returned, or KeyConflictError, a ValueError, is raised
        where its arguments were others. What was spawned is sent before the interpreter
        exits.
        """
        from chalkcompute.call import Call

        target, codec, payload = self._prepare(args, kwargs)
        sent = spawn(target, payload, codec, self.terms)
        known = {"function": target.name, "kind": target.kind}
        call: Call[R_co] = Call(sent.call, codec=codec, sent=sent, **known)
        has_key = self.terms is not None and self.terms.key
        return call._keyed() if has_key else call  # noqa: SLF001 - known to who made the call

    def defer(self, /, *args: P.args, **kwargs: P.kwargs) -> Call[R_co]:
        """Do as `spawn`."""
        return self.spawn(*args, **kwargs)

    def options(
        self,
        *,
        timeout: float | None = None,
        deadline: float | None = None,
        idempotency_key: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> RemoteFunction[P, R_co, L_co]:
        """Return a handle whose calls, of every form, ask for this besides; no redeploy.

        `timeout` bounds one attempt and `deadline` the call as a whole, in seconds.
        Calls of the function with one `idempotency_key` are one call, for as long as its
        result is kept. `tags` are shown where calls are. None leaves what was asked before.
        """
        asked = options.terms(self.terms or Terms(), timeout, deadline, idempotency_key, tags)
        return cast("RemoteFunction[P, R_co, L_co]", options.handle(self, asked))

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> L_co:
        """Run the body in this process, without a queue; return whatever it returns."""
        if self.body is None:
            raise TypeError(f"{self.name!r} was looked up by name: its body is not here to be run")
        return self.body(*args, **kwargs)

    def map(
        self,
        *iterables: Iterable[Any],
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> mapped.Map[R_co]:
        """Call it for each item of an iterable, or for the items of several side by side.

        As the builtin `map` does it passes items by position, ends with the shortest
        iterable, and is lazy: see `Map`. Results come in the order of the input, or with
        `order_outputs=False` as they are there. The first row that fails raises its error,
        whose `row` is its number, from 0; with `return_exceptions` the error is the result
        of its row, and all others come too. Quick rows travel together; retries, permits,
        timeouts and deadlines are of one row all the same. A function that takes batches
        gets full ones. A generator function is a TypeError, an idempotency key a ValueError.
        """
        return mapped.over(self._way(), iterables, order_outputs, return_exceptions)

    def starmap(
        self,
        rows: Iterable[Iterable[Any]],
        *,
        order_outputs: bool = True,
        return_exceptions: bool = False,
    ) -> mapped.Map[R_co]:
        """Do as `map` for rows that hold all arguments each, by position."""
        return mapped.over_rows(self._way(), rows, order_outputs, return_exceptions)

    def wait_ready(self, timeout: float | None = None) -> None:
        """Deploy if need be, and block until a worker has imported the function.

        Raises NotReadyError, with the cause, when it cannot, or not within
        `timeout` seconds.
        """
        if timeout is not None:
            check_seconds("timeout", timeout)
        if self._near():
            target = self._locate()
        else:
            begun = time.monotonic()
            target = self._locate(timeout)
            if timeout is not None:
                timeout = max(0.0, timeout - (time.monotonic() - begun))
        runtime.current_session().wait_ready(target, timeout)

    def versions(self) -> list[Version]:
        """Return what was deployed under its name, the newest first.

        Raises NotFoundError where nothing is.
        """
        return runtime.current_session().functions.versions(self.name)

    def rollback(self, version: int | Version) -> None:
        """Make an earlier version current again, at once, for whoever calls it by name.

        By number, or as `versions` gave it. A decorated handle goes on calling the version
        of its own source. Raises NotFoundError where it is none that was ever live.
        """
        runtime.current_session().functions.roll_back(self.name, version)

    def delete(self) -> None:
        """Take the function and all its versions off the server.

        Calls that wait end with NotFoundError, those that run finish, and results are kept
        for their time. Raises NotFoundError where it is not there.
        """
        runtime.current_session().functions.delete(self.name)

    @staticmethod
    def from_name(name: str, version: int | None = None) -> RemoteFunction[..., Any, Any]:
        """Return a handle of what another script deployed: its current version, or that number.

        Nothing is asked before the first call; NotFoundError is raised then.
        """
        from chalkcompute.named import NamedFunction

        return NamedFunction(name, version)

    @property
    def codec(self) -> Codec:
        """Return what encodes the arguments and decodes the results."""
        if self._codec is None:
            from fnq_wire.arrow import Codec

            assert self.body is not None
            items = self.items
            self._codec = Codec.of(self.body) if items is None else items.codec
        return self._codec

    @functools.cached_property
    def items(self) -> Items | None:
        """Return what tells one item from a list of items; None where it takes no batches."""
        assert self.body is not None
        return batch.items_of(self.body) if self.settings.batches else None

    def _send(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Target, Reply]:
        items = self.items
        if items is not None:
            calls = items.split(args, kwargs)
            if isinstance(calls, list):
                target = self._locate()
                return target, batch.send_items(target, items, calls, self.terms)
        target, codec, payload = self._prepare(args, kwargs)
        return target, send(target, payload, codec, self.terms)

    async def _send_aside(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Target, Reply]:
        """Send from a thread: to deploy, or to open a session, takes a while.

        When the awaiting task is cancelled the call is, also if it is sent only then.
        """
        import asyncio

        sent: list[tuple[Target, Reply]] = []
        left = False

        def give_up() -> None:
            for _, reply in sent:
                reply.cancel()

        def work() -> None:
            sent.append(self._send(args, kwargs))
            if left:
                give_up()

        try:
            await runtime.in_thread(work)
        except asyncio.CancelledError:
            # First this: whoever comes second, this or the thread, sees what the other did.
            left = True
            give_up()
            raise
        return sent[0]

    def _prepare(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Target, Codec, Payload]:
        codec = self.codec
        payload = codec.lay_out_arguments(*batch.one_item(self.items, args, kwargs))
        return self._locate(), codec, payload

    def _locate(self, timeout: float | None = None) -> Target:
        """Return the version to call: deployed here, or the set mate's in a worker.

        Raises NotReadyError where that takes longer than `timeout` seconds.
        """
        if self.origin is not None:
            return self.origin._locate(timeout)  # noqa: SLF001 - the same function
        if not runtime.in_worker():
            return deployment.current().ensure(self, timeout)
        # Another call that runs here may have been made in another set.
        return runtime.current_session().resolve(self.name)

    def _seek(self) -> tuple[Target, Codec]:
        """Return the version to call, and what encodes its arguments."""
        return self._locate(), self.codec

    def _way(self) -> Way:
        from chalkcompute.way import Way

        return Way(self.name, self.kind, self._seek, self._near, self.terms)

    def _near(self) -> bool:
        """Whether a call would be on its way at once: a worker knows how to wait in its loop."""
        return runtime.in_worker() or (self._settled() and runtime.ready())

    def _settled(self) -> bool:
        """Whether `_locate` would answer without asking anybody."""
        return deployment.current().settled(self.origin or self)

    def __repr__(self) -> str:
        return f"<remote function {self.name}>"

    def __copy__(self) -> RemoteFunction[P, R_co, L_co]:
        return self

    def __deepcopy__(self, memo: object) -> RemoteFunction[P, R_co, L_co]:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Travel by reference: as the global it is, else by the function's name."""
        if self.origin is not None:
            return options.handle, (self.origin, self.terms)
        found: Any = sys.modules.get(self.__module__)
        qualname: str = self.__qualname__  # type: ignore[attr-defined]  # update_wrapper sets it
        for part in qualname.split("."):
            found = getattr(found, part, None)
        if found is self:
            return qualname
        return RemoteFunction.from_name, (self.name, self.target.number if self.target else None)


class _Decorator(Protocol):
    """What `@function(...)` returns: see `function`."""

    @overload
    def __call__(
        self, body: Callable[P, Coroutine[Any, Any, T]], /
    ) -> RemoteFunction[P, T, Coroutine[Any, Any, T]]: ...
    @overload
    def __call__(
        self, body: Callable[P, AsyncIterator[T]], /
    ) -> RemoteFunction[P, Stream[T], AsyncIterator[T]]: ...
    @overload
    def __call__(
        self, body: Callable[P, Iterator[T]], /
    ) -> RemoteFunction[P, Stream[T], Iterator[T]]: ...
    @overload
    def __call__(self, body: Callable[P, T], /) -> RemoteFunction[P, T, T]: ...


@overload
def function(
    body: Callable[P, Coroutine[Any, Any, T]], /
) -> RemoteFunction[P, T, Coroutine[Any, Any, T]]: ...
@overload
def function(
    body: Callable[P, AsyncIterator[T]], /
) -> RemoteFunction[P, Stream[T], AsyncIterator[T]]: ...
@overload
def function(body: Callable[P, Iterator[T]], /) -> RemoteFunction[P, Stream[T], Iterator[T]]: ...
@overload
def function(body: Callable[P, T], /) -> RemoteFunction[P, T, T]: ...
@overload
def function(**arguments: Unpack[Arguments]) -> _Decorator: ...
def function(body: Any = None, /, **arguments: Any) -> Any:
    """Make a remote function of a `def` or `async def`, bare or with arguments.

    Nothing is sent: at the first call, `wait_ready` or the end of the script all
    functions decorated so far are deployed as one set. A generator's call returns
    a `Stream`. For the arguments see `settings.Settings`; a bad one is a TypeError
    or ValueError here. In a worker it only names the function.
    """
    for unknown in arguments.keys() - set(ARGUMENTS):
        runtime.refuse(
            TypeError(f"function() has no argument {unknown!r}: expected {', '.join(ARGUMENTS)}")
        )
        del arguments[unknown]
    settings = Settings(**arguments)
    return functools.partial(_decorate, settings) if body is None else _decorate(settings, body)


def _decorate(settings: Settings, body: Any, /) -> RemoteFunction[..., Any, Any]:
    if runtime.in_worker():
        mate: RemoteFunction[..., Any, Any] = RemoteFunction(
            body, settings.name or body.__name__, settings
        )
        deployment.current().meet(mate)
        return mate
    check_body(body)
    settings.check()
    name = settings.name or body.__name__
    check_name("name", name)
    handle: RemoteFunction[..., Any, Any] = RemoteFunction(body, name, settings)
    if settings.batches:
        batch.check_batches(body, handle.kind)
    deployment.current().register(handle)
    parting.attend()
    return handle
