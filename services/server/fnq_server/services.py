"""What a server answers over gRPC: a servicer for each service, with the parts that it asks."""

from __future__ import annotations

import grpc.aio

from fnq.v1 import (
    calls_pb2_grpc,
    cluster_pb2_grpc,
    control_pb2_grpc,
    functions_pb2_grpc,
    gpus_pb2_grpc,
    limits_pb2_grpc,
    plans_pb2_grpc,
    scaling_pb2_grpc,
    secrets_pb2_grpc,
    session_pb2_grpc,
    volumes_pb2_grpc,
)
from fnq_server.calls import Calls
from fnq_server.cluster.service import Cluster
from fnq_server.control import Control
from fnq_server.deploys import Deploys
from fnq_server.doors import Doors
from fnq_server.functions import Functions
from fnq_server.gpus import Gpus
from fnq_server.limits import Limits
from fnq_server.mounting import Mounting
from fnq_server.plans import Plans
from fnq_server.scaling import Scalings
from fnq_server.secrets.admission import Admission
from fnq_server.secrets.service import Secrets
from fnq_server.setup import Setup
from fnq_server.status import Reporter
from fnq_server.supply import Supply
from fnq_server.traffic import Traffic
from fnq_server.trial import Trial
from fnq_server.volumes import Volumes

__all__ = ["SERVICES", "add"]

#: Names of the services, as a client of health and reflection asks for them.
SERVICES = [
    f"fnq.v1.{each}"
    for each in (
        "Sessions Control Calls Limits Plans Volumes Functions Secrets Scaling Gpus Cluster"
    ).split()
]


def add(
    server: grpc.aio.Server, setup: Setup, doors: Doors, supply: Supply, traffic: Traffic
) -> None:
    """Have `server` answer for all services."""
    mounting = Mounting(setup.volumes, doors.registry, doors.board)
    reporter = Reporter(doors, setup.listen, supply)
    deploys = _deploys(doors, supply, mounting, reporter)
    session_pb2_grpc.add_SessionsServicer_to_server(traffic.sessions, server)
    control_pb2_grpc.add_ControlServicer_to_server(
        Control(doors, supply.demand, supply.lookout, deploys, reporter), server
    )
    calls_pb2_grpc.add_CallsServicer_to_server(Calls(doors, supply, traffic), server)
    limits_pb2_grpc.add_LimitsServicer_to_server(Limits(doors.limits), server)
    plans_pb2_grpc.add_PlansServicer_to_server(
        Plans(doors.registry, supply.provisions, mounting, supply.orchestrator), server
    )
    volumes_pb2_grpc.add_VolumesServicer_to_server(
        Volumes(mounting, supply.demand.begin_again), server
    )
    functions_pb2_grpc.add_FunctionsServicer_to_server(Functions(doors, traffic.remover), server)
    secrets_pb2_grpc.add_SecretsServicer_to_server(
        Secrets(supply.vault.store, supply.rotation), server
    )
    gpus_pb2_grpc.add_GpusServicer_to_server(Gpus(doors.board, supply.orchestrator), server)
    cluster_pb2_grpc.add_ClusterServicer_to_server(
        Cluster(doors.redis, supply.orchestrator, setup.token), server
    )
    scaling_pb2_grpc.add_ScalingServicer_to_server(
        Scalings(doors.registry, doors.scalings, reporter, supply.orchestrator), server
    )


def _deploys(doors: Doors, supply: Supply, mounting: Mounting, reporter: Reporter) -> Deploys:
    starts = supply.orchestrator is not None
    trial = Trial(doors.board, supply.demand, supply.lookout, starts=starts)
    admission = Admission(supply.vault, supply.rotation)
    return Deploys(
        doors, supply, trial, reporter, admission, [supply.demand.check_room, mounting.prepare]
    )
