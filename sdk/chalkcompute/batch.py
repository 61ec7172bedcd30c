"""Calls of a function that takes batches: of one item, or of a list of items."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chalkcompute.reply import Reply, RowsReply, send, send_rows
from fnq_wire.kinds import yields

if TYPE_CHECKING:
    from chalkcompute.inflight import Target, Terms
    from fnq_wire.items import Arguments, Items

__all__ = [
    "BATCH_SIZE",
    "BUFFER_MS",
    "ListReply",
    "check_batches",
    "items_of",
    "one_item",
    "send_items",
]

#: Items and milliseconds, where only the other one was given.
BATCH_SIZE, BUFFER_MS = 10, 1_000


class ListReply(Reply):
    """The answers to a list of items, in one call or several, as one list of values.

    The first item in order that failed is what is raised; that ends the calls of the rest.
    """

    __slots__ = ("_replies",)

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = replies

    def value(self) -> object:
        """Block until all calls ended; return their values or raise the first failure."""
        try:
            return [value for each in self._replies for value in _values(each, each.value())]
        except BaseException:
            self.cancel()
            raise

    async def value_async(self) -> object:
        """Do as `value` for the running event loop."""
        try:
            found = [_values(each, await each.value_async()) for each in self._replies]
            return [value for some in found for value in some]
        except BaseException:
            self.cancel()
            raise

    def cancel(self) -> None:
        """Ask for the end of all calls; may be repeated, also after it."""
        for each in self._replies:
            each.cancel()


def _values(reply: Reply, value: Any) -> list[object]:
    """Return the values of all items that a call was of."""
    found: list[object] = value if isinstance(reply, RowsReply) else [value]
    return found


def send_items(
    target: Target, items: Items, calls: Sequence[Arguments], terms: Terms | None = None
) -> ListReply:
    """Submit the items, as many in a call as a batch takes; all calls are in flight at once.

    Where calls are retried, or need permits, each item is one: only those that failed are
    to be repeated, and a rate counts items. So it is where `terms` limit their time.
    Raises what encoding the first item that cannot travel does.
    """
    codec = items.codec
    if target.single or (terms is not None and terms.timeout_ms) or len(calls) == 1:
        payloads = [codec.encode_arguments(args, kwargs) for args, kwargs in calls]
        sending: Iterator[Reply] = (send(target, each, codec, terms) for each in payloads)
    else:
        size = target.batch or len(calls) or 1
        starts = range(0, len(calls), size)
        sending = (send_rows(target, codec, calls[at : at + size], terms) for at in starts)
    replies: list[Reply] = []
    try:
        replies.extend(sending)
    except BaseException:
        ListReply(replies).cancel()
        raise
    return ListReply(replies)


def items_of(body: Callable[..., object]) -> Items:
    """Return what the items of a function are; the module that knows loads on first use."""
    from fnq_wire.items import Items

    return Items.of(body)


def one_item(items: Items | None, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Arguments:
    """Return the arguments of the one item that a call passes; TypeError where it is a list.

    Without `items` the function takes no batches: they are as they came.
    """
    if items is None:
        return args, kwargs
    found = items.split(args, kwargs)
    if isinstance(found, list):
        raise TypeError(
            f"expected one item for a batch, not a list of {len(found)}: only a direct call "
            "without an idempotency key takes a list; call the function so, or once for each item"
        )
    return found


def check_batches(body: Callable[..., object], kind: str) -> None:
    """Raise TypeError where a function cannot take batches as it is declared."""
    if yields(kind):
        raise TypeError(
            f"{body.__name__}() cannot take batches: it yields, and a batch has one result for "
            "each item; return a list, or leave out max_batching_size= and max_buffer_duration="
        )
    items_of(body)
