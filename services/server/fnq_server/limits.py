"""The Limits RPC: policies set, shown and deleted."""

from __future__ import annotations

import grpc
import grpc.aio

from fnq.v1 import limits_pb2, limits_pb2_grpc
from fnq_core.connection import FULL_TRIES, insist
from fnq_core.limits import Limit, LimitBook
from fnq_server.refusals import Context, refuse_unknown, told
from fnq_wire.policy import LIMIT_NAME, Policy

__all__ = ["Limits", "summary"]


class Limits(limits_pb2_grpc.LimitsServicer):
    """What people ask and say of limits."""

    def __init__(self, book: LimitBook) -> None:
        self._book = book

    async def Set(  # noqa: N802 - the name in the contract of the wire
        self, request: limits_pb2.SetLimitRequest, context: Context
    ) -> limits_pb2.SetLimitReply:
        """Set a policy; one that allows nothing, or more than there is, is refused."""
        given = request.policy
        policy = Policy(given.max_concurrency, given.rate, given.per_s or 1, given.burst or 1)
        problem = policy.problem()
        if not LIMIT_NAME.fullmatch(request.limit):
            problem = (
                "expected at most 128 letters, digits, '.', '_' and '-' as the name of a limit, "
                f"not {request.limit!r}: no function could name it"
            )
        if problem is not None:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, problem)
        namespace = request.namespace or "default"
        async with told(context):
            await insist(
                "setting a limit",
                lambda: self._book.set(namespace, request.limit, policy),
                full_tries=FULL_TRIES,
            )
        return limits_pb2.SetLimitReply()

    async def List(  # noqa: N802
        self, request: limits_pb2.ListLimitsRequest, context: Context
    ) -> limits_pb2.ListLimitsReply:
        """Return all limits that have a policy, or one with the calls that wait for it."""
        namespace = request.namespace or "default"
        policies = await insist("looking at limits", lambda: self._book.policies(namespace))
        if request.limit and request.limit not in policies:
            await refuse_unknown(context, "limit", request.limit, namespace, policies)
        reply = limits_pb2.ListLimitsReply()
        for name in [request.limit] if request.limit else policies:
            found = await insist("looking at a limit", lambda: self._book.look(namespace, name))
            if found.policy is not None:
                reply.limits.append(_message(found, found.policy, calls=bool(request.limit)))
        return reply

    async def Delete(  # noqa: N802
        self, request: limits_pb2.DeleteLimitRequest, context: Context
    ) -> limits_pb2.DeleteLimitReply:
        """Delete a policy; one that is not there is refused."""
        namespace = request.namespace or "default"
        if not await insist(
            "deleting a limit", lambda: self._book.delete(namespace, request.limit)
        ):
            policies = await self._book.policies(namespace)
            await refuse_unknown(context, "limit", request.limit, namespace, policies)
        return limits_pb2.DeleteLimitReply()


def summary(limit: Limit) -> str:
    """Return in a few words what a limit allows, and how many hold and wait for its permits."""
    if limit.policy is None:
        return f"{limit.name}: no policy, nothing is limited"
    return f"{limit.name}: {limit.policy}; {limit.held} run, {len(limit.waiting)} wait"


def _message(found: Limit, policy: Policy, *, calls: bool) -> limits_pb2.LimitState:
    return limits_pb2.LimitState(
        limit=found.name,
        policy=limits_pb2.LimitPolicy(
            max_concurrency=policy.max_concurrency,
            rate=policy.rate,
            per_s=policy.per_s,
            burst=policy.burst,
        ),
        held=found.held,
        waiting=len(found.waiting),
        calls=found.waiting if calls else (),
    )
