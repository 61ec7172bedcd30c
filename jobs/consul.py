"""What is asked of Consul: whether it is there, and who is healthy."""

from __future__ import annotations

from dataclasses import dataclass

from jobs.http import RefusalError, ask

__all__ = ["Consul"]


@dataclass(frozen=True, slots=True)
class Consul:
    """Consul at an address, "host:port"."""

    address: str

    def ready(self) -> bool:
        """Return whether it has a leader."""
        try:
            return bool(ask("GET", f"http://{self.address}/v1/status/leader"))
        except RefusalError:
            return False

    def healthy(self, service: str) -> list[str]:
        """Return the addresses of a service's instances that pass their checks."""
        found = ask("GET", f"http://{self.address}/v1/health/service/{service}?passing=1")
        places = [each["Service"] for each in found]
        return [f"{place['Address']}:{place['Port']}" for place in places]
