"""The decorator, and the handle that it makes of a function."""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, Unpack, cast, overload

from chalkcompute import deployment, parting, runtime
from chalkcompute.reply import send
from chalkcompute.settings import ARGUMENTS, Arguments, Settings, check_name, check_seconds
from chalkcompute.stream import Stream

if TYPE_CHECKING:
    from chalkcompute.inflight import Target
    from chalkcompute.reply import Reply
    from fnq_wire.arrow import Codec

__all__ = ["RemoteFunction", "function"]

P = ParamSpec("P")
T = TypeVar("T")
#: What a remote call returns, and what the body itself returns.
R_co = TypeVar("R_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)

#: Flags of a code object, as in `inspect`, which is slow to import.
_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200


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

    def __init__(self, body: Callable[P, L_co], name: str, settings: Settings) -> None:
        # First: it copies the body's attributes, which may have the names of ours.
        functools.update_wrapper(self, body)
        self.body = body
        self.name = name
        self.kind = _kind(body)
        self.settings = settings
        self.target = None
        self._codec: Codec | None = None

    def __call__(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it remotely and block until the value is there; a generator gives a Stream at once.

        In a script's own event loop this blocks the loop: use `await f.aio(...)`
        there. Wrong arguments raise before anything is sent. KeyboardInterrupt
        cancels the call.
        """
        target, reply = self._send(args, kwargs)
        return cast("R_co", Stream(reply) if target.streams else reply.value())

    def remote(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it remotely, as the bare call does."""
        return self(*args, **kwargs)

    async def aio(self, /, *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Call it remotely from an event loop, which goes on meanwhile.

        Cancelling the awaiting task cancels the call.
        """
        # A worker's session knows how to wait within its loop; elsewhere it would be blocked.
        if runtime.in_worker() or (self._settled() and runtime.ready()):
            target, reply = self._send(args, kwargs)
        else:
            target, reply = await self._send_aside(args, kwargs)
        return cast("R_co", Stream(reply) if target.streams else await reply.value_async())

    def local(self, /, *args: P.args, **kwargs: P.kwargs) -> L_co:
        """Run the body in this process, without a queue; return whatever it returns."""
        if self.body is None:
            raise TypeError(f"{self.name!r} was looked up by name: its body is not here to be run")
        return self.body(*args, **kwargs)

    def wait_ready(self, timeout: float | None = None) -> None:
        """Deploy if need be, and block until a worker has imported the function.

        Raises NotReadyError, with the cause, when it cannot, or not within
        `timeout` seconds.
        """
        if timeout is not None:
            check_seconds("timeout", timeout)
        target = self._locate()
        runtime.current_session().wait_ready(target, timeout)

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
            self._codec = Codec.of(self.body)
        return self._codec

    def _send(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Target, Reply]:
        target, codec, payload = self._prepare(args, kwargs)
        return target, send(target, payload, codec)

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
                reply.session.cancel(reply.inflight)

        def work() -> None:
            sent.append(self._send(args, kwargs))
            if left:
                give_up()

        try:
            await asyncio.to_thread(work)
        except asyncio.CancelledError:
            # First this: whoever comes second, this or the thread, sees what the other did.
            left = True
            give_up()
            raise
        return sent[0]

    def _prepare(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Target, Codec, bytes]:
        codec = self.codec
        payload = codec.encode_arguments(args, kwargs)
        return self._locate(), codec, payload

    def _locate(self) -> Target:
        """Return the version to call: deployed here, or the set mate's in a worker."""
        if not runtime.in_worker():
            return deployment.current().ensure(self)
        # Another call that runs here may have been made in another set.
        return runtime.current_session().resolve(self.name)

    def _settled(self) -> bool:
        """Whether `_locate` would answer without asking anybody."""
        return deployment.current().settled(self)

    def __repr__(self) -> str:
        return f"<remote function {self.name}>"

    def __copy__(self) -> RemoteFunction[P, R_co, L_co]:
        return self

    def __deepcopy__(self, memo: object) -> RemoteFunction[P, R_co, L_co]:
        return self

    def __reduce__(self) -> str | tuple[Any, ...]:
        """Travel by reference: as the global it is, else by the function's name."""
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
        return RemoteFunction(body, settings.name or body.__name__, settings)
    _check_body(body)
    settings.check()
    name = settings.name or body.__name__
    check_name("name", name)
    handle: RemoteFunction[..., Any, Any] = RemoteFunction(body, name, settings)
    deployment.current().register(handle)
    parting.attend()
    return handle


def _kind(body: Any) -> str:
    """Return the kind of a body as the spec names it."""
    flags = body.__code__.co_flags if isinstance(body, types.FunctionType) else 0
    if flags & _ASYNC_GENERATOR:
        return "async_generator"
    if flags & _COROUTINE:
        return "coroutine"
    return "generator" if flags & _GENERATOR else "function"


def _check_body(body: object) -> None:
    """Raise TypeError unless `body` is a function made by `def` outside of a class."""
    expected = "@function: expected a function made by `def` or `async def`"
    if isinstance(body, RemoteFunction):
        raise TypeError(f"{expected}, not {body!r}, which is remote already")
    if not isinstance(body, types.FunctionType):
        came = (
            f"the class {body.__name__}"
            if isinstance(body, type)
            else f"{type(body).__name__} {body!r}"
        )
        raise TypeError(f"{expected}, not {came}")
    if body.__name__ == "<lambda>":
        raise TypeError(
            f"{expected}, not a lambda: its source cannot be cut out of the line; write a def"
        )
    owner = body.__qualname__.rpartition(".")[0]
    if owner and not owner.endswith("<locals>"):
        raise TypeError(
            f"{expected}, not a method of {owner}: its instance stays here; "
            "write a def outside of the class"
        )
