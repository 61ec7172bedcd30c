"""The parts of a server that see to workers, and to what these are given."""

from __future__ import annotations

from dataclasses import dataclass

from fnq_server.demand import Demand
from fnq_server.doors import Doors
from fnq_server.image.seam import Builder
from fnq_server.lookout import Lookout
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.provisions import Provisions
from fnq_server.scaler import Scaler
from fnq_server.secrets.keyfile import KeyFile
from fnq_server.secrets.rotation import Rotation
from fnq_server.secrets.sealed import SealedStore
from fnq_server.secrets.vault import ACTIVE, Vault
from fnq_server.setup import Setup

__all__ = ["Supply"]


@dataclass(frozen=True, slots=True)
class Supply:
    """None is what the server does without."""

    orchestrator: Orchestrator | None
    builder: Builder | None
    vault: Vault
    provisions: Provisions
    demand: Demand
    lookout: Lookout
    rotation: Rotation
    scaler: Scaler | None

    @classmethod
    def of(cls, setup: Setup, doors: Doors, name: str) -> Supply:
        """Make the parts; `name` is the server's among those that may lead."""
        orchestrator = setup.orchestrator
        builder = setup.make_builder(doors.registry.bundle) if setup.make_builder else None
        vault = _vault(setup, doors)
        provisions = Provisions(builder, vault)
        demand = Demand(doors, orchestrator, provisions)
        provisions.changed = demand.want_anew
        scaler = None
        if orchestrator is not None:
            scaler = Scaler(doors, name, demand, orchestrator, provisions)
        return cls(
            orchestrator=orchestrator,
            builder=builder,
            vault=vault,
            provisions=provisions,
            demand=demand,
            lookout=Lookout(doors.board, demand, orchestrator),
            rotation=Rotation(demand, orchestrator),
            scaler=scaler,
        )


def _vault(setup: Setup, doors: Doors) -> Vault:
    key, placed = setup.secret_key, setup.orchestrator
    store = SealedStore(doors.secrets, KeyFile(key)) if key else setup.secrets
    return Vault(store, hands_out=placed is not None and ACTIVE in placed.active)
