"""Who has the GPUs of a Nomad, while that changes."""

from __future__ import annotations

import threading
from typing import Any

from fnq_server.orchestrator.nomad.door import Access, NomadDoor
from fnq_server.orchestrator.nomad.rack import Rack
from tests.unit.fnq_server.orchestrator.nomad import recorded
from tests.unit.fnq_server.orchestrator.nomad.api import NomadApi, serving
from tests.unit.fnq_server.orchestrator.nomad.recorded import allocation, node

#: Seconds in which a question that is asked at the same time would have come.
SOON_S = 0.2


class _Busy(NomadApi):
    """Places a worker in the moment in which somebody asks what is placed."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs_asked = threading.Event()

    def answer(self, method: str, url: str, body: Any) -> tuple[int, Any]:
        """Return what is there then."""
        if url.startswith("/v1/jobs"):
            found = super().answer(method, url, body)
            self.jobs_asked.set()
            return found
        if url.startswith("/v1/allocations"):
            self.jobs_asked.wait(SOON_S)
            made = recorded.job(Namespace="default")
            self.jobs[made["ID"]] = made
            self.place(made["ID"], allocation("running") | recorded.occupying("NVIDIA L4/0"))
        return super().answer(method, url, body)


async def test_a_worker_that_is_placed_meanwhile_is_known_for_ours() -> None:
    """It is no other's job, of which nobody knows what it does."""
    with serving(_Busy()) as api:
        api.nodes.append(node(NodeResources=recorded.resources(("NVIDIA L4", 23034, 1))))
        [card] = await Rack(NomadDoor(Access(api.address))).gpus()
    assert [each.function for each in card.workers] == ["f"]
    assert card.others == ()
