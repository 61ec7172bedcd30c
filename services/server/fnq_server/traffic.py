"""The parts of a server that carry calls from clients to Redis, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass

from fnq_core.service import Spawn
from fnq_server.accept import Accepter
from fnq_server.canceller import Canceller
from fnq_server.deleter import Deleter
from fnq_server.doors import Doors
from fnq_server.doubt import Doubts
from fnq_server.fates import Fates
from fnq_server.orders import Orders
from fnq_server.relay import Relay
from fnq_server.remover import Remover
from fnq_server.sessions import Sessions
from fnq_server.stranded import Stranded
from fnq_server.supply import Supply
from fnq_server.watches import Watches

__all__ = ["Traffic"]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Each is a loop, or hears clients, or is asked by those that do."""

    orders: Orders
    deleter: Deleter
    relay: Relay
    doubts: Doubts
    stranded: Stranded
    remover: Remover
    fates: Fates
    canceller: Canceller
    watches: Watches
    sessions: Sessions

    @classmethod
    def of(cls, doors: Doors, supply: Supply, inbox: str, spawn: Spawn) -> Traffic:
        """Make the parts; results come into `inbox`, and `spawn` starts loops beside them."""
        mailboxes = doors.mailboxes
        orders = Orders(mailboxes, doors.calls)
        deleter = Deleter(mailboxes, doors.blobs)
        relay = Relay(inbox, mailboxes, orders, deleter)
        stranded = Stranded(doors, supply.demand, supply.lookout, relay.awaits)
        accepter = Accepter(relay, doors.calls, doors.registry, supply.demand.want, stranded)
        fates = Fates(doors.kept, doors.registry, doors.sessions)
        watches = Watches(relay, fates, mailboxes, deleter, spawn)
        return cls(
            orders=orders,
            deleter=deleter,
            relay=relay,
            doubts=Doubts(relay, doors.backlog, orders),
            stranded=stranded,
            remover=Remover(doors, supply.demand, stranded, accepter.forget, supply.vault.store),
            fates=fates,
            canceller=Canceller(doors.kept, mailboxes, orders, deleter),
            watches=watches,
            sessions=Sessions(
                doors.sessions, mailboxes, relay, accepter, doors.blobs, deleter, watches
            ),
        )
