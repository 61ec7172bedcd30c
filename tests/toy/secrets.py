"""What a server without a place for secrets gives its parts."""

from __future__ import annotations

from fnq_server.demand import Demand
from fnq_server.orchestrator.seam import Orchestrator
from fnq_server.secrets.admission import Admission
from fnq_server.secrets.rotation import Rotation
from fnq_server.secrets.vault import Vault

__all__ = ["NO_SECRETS", "admission"]

NO_SECRETS = Vault(None, hands_out=False)


def admission(demand: Demand, orchestrator: Orchestrator | None) -> Admission:
    """Return what lets in sets whose functions name no secrets."""
    return Admission(NO_SECRETS, Rotation(demand, orchestrator))
