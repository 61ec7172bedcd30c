"""Who is told of the end of a detached call, whatever comes first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from fnq.v1 import record_pb2, result_pb2, session_pb2
from fnq_core.keptrecord import Ended, Pending
from fnq_server.watches import Watches
from fnq_wire import callid
from tests.loop import eventually

CALL = callid.make(1_790_000_000_000, "abc", 1, 1)
INBOX = "fnq:inbox:s1"
#: Another id of it: they have one idempotency key.
ALIAS = callid.make(1_790_000_000_000, "abc", 1, 2)


class Board:
    """A Watches whose look-ups the test answers, and one client's session."""

    def __init__(self) -> None:
        self.asked: list[asyncio.Future[Any]] = []
        self.sent: list[result_pb2.Result] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.read: list[bytes] = []
        self.deleted: list[str] = []
        relay: Any = SimpleNamespace(inbox=INBOX, hear_kept=None)
        fates: Any = SimpleNamespace(of=self._of)
        deleter: Any = SimpleNamespace(delete=lambda _, entries: self.deleted.extend(entries))
        nothing: Any = None
        self.watches = Watches(relay, fates, nothing, deleter, self._spawn)
        self.watches._outlet = SimpleNamespace(read=self._read)  # type: ignore[assignment]
        self.session: Any = SimpleNamespace(
            namespace="default", watches={}, appending=None, fenced=False, send=self._send
        )

    async def _of(self, namespace: str, calls: list[bytes], inbox: str) -> list[Any]:
        future = asyncio.get_running_loop().create_future()
        self.asked.append(future)
        return [await future for _ in calls]

    def _spawn(self, work: Any, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.get_running_loop().create_task(work))
        return self.tasks[-1]

    async def _read(self, watch: Any, fate: Any) -> None:
        self.read.append(watch.id)

    def _send(self, body: bytes) -> None:
        self.sent.append(result_pb2.Result.FromString(body))

    def open(self, identity: bytes, *, end_only: bool = True, call: bytes = CALL) -> None:
        """Have the client watch the call."""
        watch = session_pb2.Watch(id=identity.ljust(16), call=call, end_only=end_only)
        self.watches.open(self.session, watch)

    async def answer(self, number: int, fate: Any) -> None:
        """Answer a look-up."""
        await eventually(lambda: len(self.asked) > number)
        self.asked[number].set_result(fate)

    def end(self, inbox: str = INBOX) -> None:
        """Let the end come into an inbox."""
        result = result_pb2.Result(call=CALL, position=3, kept=True)
        result.end.exhausted = True
        self.watches.hear(inbox, "1-1", result)

    @property
    def told(self) -> list[bytes]:
        """The watches that were told of an end."""
        return [each.call.strip() for each in self.sent if each.HasField("end")]


def pending(*, streams: bool = False) -> Pending:
    """Return the fate of a call in flight."""
    return Pending("1-0", "stream", 1_000, record_pb2.Kept(streams=streams))


def ended(*, streams: bool = False) -> Ended:
    """Return the fate of a call that has ended."""
    result = result_pb2.Result(call=CALL, position=3)
    result.end.exhausted = True
    return Ended(1, 1_000, record_pb2.Kept(streams=streams), result)


@asynccontextmanager
async def looking() -> AsyncIterator[Board]:
    """Give a board whose look-ups run."""
    made = Board()
    task = asyncio.get_running_loop().create_task(made.watches.look_forever())
    yield made
    for each in (task, *made.tasks):
        each.cancel()
    await asyncio.gather(task, *made.tasks, return_exceptions=True)


async def test_all_who_watch_are_told_once_and_nothing_stays() -> None:
    """The entry of the inbox goes: what is kept is kept elsewhere."""
    async with looking() as board:
        board.open(b"a")
        await board.answer(0, pending())
        board.open(b"b")
        await board.answer(1, pending())
        await eventually(lambda: all(each.listens for each in board.session.watches.values()))
        board.end()
        assert (sorted(board.told), board.session.watches) == ([b"a", b"b"], {})
        assert board.deleted == ["1-1"]


async def test_an_end_that_overtakes_its_look_up_is_not_missed() -> None:
    """What was found before the end came is looked for once more."""
    async with looking() as board:
        board.open(b"a")
        await eventually(lambda: board.asked)
        board.end()
        assert board.told == []
        await board.answer(0, pending())
        await board.answer(1, ended())
        await eventually(lambda: board.told == [b"a"])


async def test_an_end_is_not_missed_by_who_asks_for_it_by_another_id() -> None:
    """It names the call itself, which is known only once the look-up is answered."""
    async with looking() as board:
        board.open(b"a", call=ALIAS)
        await eventually(lambda: board.asked)
        board.end()
        await board.answer(0, replace(pending(), call=CALL))
        await board.answer(1, ended())
        await eventually(lambda: board.told == [b"a"])
        assert board.watches._by_call == {}


async def test_an_end_in_the_inbox_of_another_server_is_left_to_that_one() -> None:
    """It is read here for calls that moved; who waits there has not heard of it yet."""
    async with looking() as board:
        board.open(b"a")
        await board.answer(0, pending())
        await eventually(lambda: all(each.listens for each in board.session.watches.values()))
        board.end("fnq:inbox:s2")
        assert (board.told, board.deleted) == ([b"a"], [])


async def test_who_reads_chunks_hears_of_the_end_after_them() -> None:
    """Not from the inbox, however early that says so."""
    async with looking() as board:
        board.open(b"a", end_only=False)
        await eventually(lambda: board.asked)
        board.end()
        await board.answer(0, pending(streams=True))
        board.end()
        await eventually(lambda: board.read)
        assert board.told == []


async def test_what_moves_to_another_server_is_told_nothing_here() -> None:
    """Its client asks there."""
    async with looking() as board:
        board.open(b"a")
        board.session.fenced = True
        await board.answer(0, result_pb2.Failure(error="NotFoundError"))
        board.open(b"b")
        await board.answer(1, ended())
        assert board.sent == []


async def test_a_watch_that_is_taken_back_is_told_nothing() -> None:
    """Nor one whose stream broke."""
    async with looking() as board:
        board.open(b"a")
        board.open(b"b")
        board.watches.close(board.session, b"a".ljust(16))
        board.watches.forget(board.session)
        await board.answer(0, ended())
        board.end()
        assert board.sent == []
