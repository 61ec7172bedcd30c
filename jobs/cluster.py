"""A cluster on this machine, to develop on: Consul, Nomad and the three jobs of the system.

`make cluster` and `make cluster-down` run it. Both agents are in development mode and
listen at 127.0.0.1; what they keep lies in one directory, which `down` removes. Progress
goes to stderr; on stdout is the one line to export.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from chalkcompute.config import Config
from fnq_local import redis
from fnq_wire.error import FnqError
from jobs import command, remains
from jobs.agent import Agent, ClusterError, await_that, missing
from jobs.consul import Consul
from jobs.http import RefusalError
from jobs.nomad import Nomad

__all__ = ["Cluster", "main"]

JOBS = Path(__file__).resolve().parent
#: Where a cluster keeps its state unless told otherwise; git ignores it.
STATE = JOBS.parent / ".cluster"
DRIVERS = ("raw_exec", "docker")
#: What the jobs read from the Nomad variable `nomad/jobs`.
TOKEN = "FNQ_TOKEN"
SECRETS = (TOKEN, "REDIS_PASSWORD")
#: Seconds for an agent to answer, and for a job to become healthy.
_AGENT_S, _JOB_S = 60.0, 120.0
#: MiB of a worker whose function does not say memory=.
_WORKER_MB = 1024


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a cluster is, and what runs on it.

    Functions in containers of plain servers may have images of their own: these build
    them, and push them to `registry`, if any, where nodes log in if `registry_login`.
    """

    state: Path = STATE
    consul_port: int = 8500
    nomad_port: int = 4646
    driver: str = "raw_exec"
    workers: str = ""
    servers: int = 1
    consumers: int = 1
    image: str = "fnq"
    tag: str = field(default_factory=lambda: metadata.version("fnq"))
    redis_image: str = "redis:7-bookworm"
    registry: str = ""
    registry_login: bool = False

    @property
    def worker_driver(self) -> str:
        """How functions run: as `workers` says, or as all else does."""
        return self.workers or self.driver

    @property
    def consul(self) -> Consul:
        """Its Consul."""
        return Consul(f"127.0.0.1:{self.consul_port}")

    @property
    def nomad(self) -> Nomad:
        """Its Nomad."""
        return Nomad(f"http://127.0.0.1:{self.nomad_port}")

    def as_it_runs(self) -> Cluster:
        """Return it with the ports at which its agents listen, once they run.

        Whoever answers at others is not ours to be given secrets and jobs, or to lose them.
        """
        consul, nomad = self._agents()
        found = self
        if nomad.pid is not None:
            found = replace(found, nomad_port=nomad.last_port or self.nomad_port)
        # A Nomad asks the Consul with which it began, also while that is away.
        if nomad.pid is not None or consul.pid is not None:
            found = replace(found, consul_port=consul.last_port or self.consul_port)
        return found

    def _agents(self) -> tuple[Agent, Agent]:
        return command.consul(self.consul_port, self.state), command.nomad(
            self.nomad_port, self.state
        )

    def up(self) -> None:
        """Start what does not run and submit the jobs; return when Consul calls them healthy.

        May be repeated. Raises ClusterError; what was started stays, to be looked at.
        """
        secrets = _secrets(os.environ)
        self.start_agents()
        if secrets:
            self.nomad.put_secrets(secrets)
        counts = {"redis": 1, "server": self.servers, "consumer": self.consumers}
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(self._run, counts):
                pass
        for job, count in counts.items():
            self._await_healthy(f"fnq-{job}", count)

    def _await_healthy(self, service: str, count: int) -> None:
        def healthy() -> bool:
            return len(self.consul.healthy(service)) >= count

        await_that(f"{service} passes its check", healthy, _JOB_S)
        _say(f"{service}: {', '.join(self.consul.healthy(service))}")

    def _run(self, job: str) -> None:
        self.nomad.run(JOBS / f"{job}.nomad.hcl", self.variables(job), _JOB_S)

    def start_agents(self) -> None:
        """Start Consul and Nomad unless they run; return when Nomad can place jobs."""
        self._check()
        # Tasks may run as another user, and must reach what is theirs.
        self.state.mkdir(mode=0o711, parents=True, exist_ok=True)
        (self.state / "redis").mkdir(mode=0o700, exist_ok=True)
        command.configure_nomad(self.nomad_port, self.state, self.consul.address)
        consul, nomad = self._agents()
        if nomad.pid is None:
            # Another one would not know the tasks that it left, and Consul names them.
            consul.stop()
            remains.end(self.state)
        _start(consul, self.consul.ready)
        _say(f"consul: http://{self.consul.address}")
        _start(nomad, self.nomad.ready)
        _say(f"nomad:  {self.nomad.address}")

    def variables(self, job: str) -> dict[str, str | int]:
        """Return what the file of a job is told: "redis", "server" or "consumer"."""
        native = self.driver == "raw_exec"
        found: dict[str, str | int] = {"driver": self.driver}
        data = str(self.state / "redis")
        if job == "redis" and native:
            return {**found, "command": redis.find(data), "data": data}
        if job == "redis":
            return {**found, "image": self.redis_image, "volume": command.VOLUME}
        found |= {"command": sys.executable} if native else {"image": self._image(job)}
        found["consul"] = self.consul.address
        if job == "consumer":
            return {**found, "count": self.consumers}
        found |= {"worker_command": sys.executable, "worker_image": self._image("worker")}
        found |= {"worker_driver": self.worker_driver, "worker_memory_mb": _WORKER_MB}
        if self._builds:
            login = str(self.registry_login).lower()
            found |= {"builder": "docker", "registry": self.registry, "registry_login": login}
        return {**found, "count": self.servers, "nomad": self.nomad.address}

    @property
    def _builds(self) -> bool:
        # A server in a container reaches no engine unless an operator says where one is.
        return (self.driver, self.worker_driver) == ("raw_exec", "docker")

    def _image(self, part: str) -> str:
        return f"{self.image}-{part}:{self.tag}"

    def down(self) -> None:
        """End all jobs, the agents and what is left of them; remove the state."""
        consul, nomad = self._agents()
        if nomad.pid is not None:
            self._end_jobs()
        nomad.stop()
        consul.stop()
        remains.remove(self.state)

    def _end_jobs(self) -> None:
        try:
            # A server would start workers again; Redis is there until all others are gone.
            self.nomad.end(lambda job: job["ID"] == "fnq-server")
            self.nomad.end(lambda job: job["ID"] != "fnq-redis")
            self.nomad.end(lambda job: True)
        except (RefusalError, ClusterError) as problem:
            _say(f"{problem}; going on without")

    def _check(self) -> None:
        """Raise ClusterError for what nobody could use, or when this machine lacks something."""
        for name, count in (("SERVERS", self.servers), ("CONSUMERS", self.consumers)):
            if count < 1:
                raise ClusterError(f"{name}: expected at least 1, not {count}")
        contained = "docker" in (self.driver, self.worker_driver)
        lacking = missing(["consul", "nomad"] + ["docker"] * contained)
        if lacking:
            raise ClusterError(
                f"a cluster here needs Consul and Nomad on the path; missing: {', '.join(lacking)}"
            )
        if self.worker_driver == "docker":
            _check_image(self._image("worker"))
        if self.driver == "docker":
            for part in ("server", "consumer"):
                _check_image(self._image(part))
            _pull(self.redis_image)


def _secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the secrets that are set. Raises ClusterError for a token that no client takes."""
    found = {name: environ[name] for name in SECRETS if environ.get(name)}
    try:
        Config.load(environ={name: found[name] for name in found if name == TOKEN}, cwd=JOBS)
    except ValueError as problem:
        raise ClusterError(str(problem)) from None
    return found


def _start(agent: Agent, ready: Callable[[], bool]) -> None:
    agent.start()
    try:
        await_that(f"{agent.name} answers", lambda: ready() or agent.pid is None, _AGENT_S)
    except ClusterError as problem:
        raise ClusterError(f"{problem}; see {agent.log}") from None
    if agent.pid is None:
        last = agent.log.read_text("utf-8", "replace").strip().rpartition("\n")[2]
        raise ClusterError(f"{agent.name} ended at once: {last}")


def _check_image(image: str) -> None:
    why = _refusal("image", "inspect", image)
    if why:
        raise ClusterError(f"the driver docker needs the image {image} (make images): {why}")


def _pull(image: str) -> None:
    """Have an image of a registry here. Raises ClusterError with what docker says."""
    if not _refusal("image", "inspect", image):
        return
    _say(f"pulling {image}")
    why = _refusal("pull", "--quiet", image)
    if why:
        raise ClusterError(
            f"the driver docker needs the image {image}: {why}; "
            "where it cannot be pulled, name another one with REDIS_IMAGE="
        )


def _refusal(*words: str) -> str:
    """Return why docker does not do what it is told; empty when it does."""
    asked = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if asked.returncode == 0:
        return ""
    return asked.stderr.strip().rpartition("\n")[2] or f"exit code {asked.returncode}"


def _say(line: str) -> None:
    print(f"[cluster] {line}", file=sys.stderr, flush=True)


def main(argv: Sequence[str]) -> int:
    """Do as told, "up" or "down"; return the exit code."""
    whole = Cluster()
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    parser.add_argument("verb", choices=("up", "down"))
    parser.add_argument("--state", type=Path, default=whole.state, metavar="DIR")
    parser.add_argument("--consul-port", type=int, default=whole.consul_port)
    parser.add_argument("--nomad-port", type=int, default=whole.nomad_port)
    parser.add_argument("--driver", choices=DRIVERS, default=whole.driver)
    parser.add_argument(
        "--workers", choices=DRIVERS, default=whole.workers, help="likewise, of functions"
    )
    parser.add_argument("--servers", type=int, default=whole.servers)
    parser.add_argument("--consumers", type=int, default=whole.consumers)
    parser.add_argument("--image", default=whole.image, help="what stands before -server")
    parser.add_argument("--tag", default=whole.tag, help="of the images")
    parser.add_argument("--redis-image", default=whole.redis_image)
    options = vars(parser.parse_args(argv))
    verb = options.pop("verb")
    cluster = Cluster(**options | {"state": options["state"].resolve()}).as_it_runs()
    try:
        cluster.up() if verb == "up" else cluster.down()
    except (ClusterError, RefusalError, FnqError) as problem:
        _say(str(problem))
        return 1
    if verb == "up":
        print(f"export FNQ_ADDR=consul://{cluster.consul.address}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
