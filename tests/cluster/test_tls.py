"""The jobs with TLS, from Nomad's variables to a function's worker."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from fnq_wire.tls import PLAIN, Tls
from jobs.agent import Agent
from jobs.cluster import JOBS, Cluster
from jobs.consul import Consul
from tests import agents
from tests.certificates import Authority
from tests.cluster.script import environment, run
from tests.ports import free_port

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(230),
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="no Redis with TLS here"),
]

#: What the servers ask for, besides.
TOKEN = "the-token"
#: Seconds for a job to be deployed.
JOB_S = 120.0


@dataclass(frozen=True)
class SecuredCluster(Cluster):
    """A cluster whose Consul speaks TLS at `https` too, and shows a certificate in its checks."""

    tls: Tls = PLAIN
    https: int = field(default_factory=free_port)

    def _agents(self) -> tuple[Agent, Agent]:
        consul, nomad = super()._agents()
        said = (
            f'ports {{ https = {self.https} }} ca_file = "{self.tls.ca}" '
            f'cert_file = "{self.tls.certificate}" key_file = "{self.tls.key}" '
            "enable_agent_tls_for_checks = true"
        )
        return replace(consul, command=(*consul.command, f"-hcl={said}")), nomad

    def run_job(self, job: str) -> None:
        """Submit a job as an operator would, with the variables of TLS."""
        told = self.variables(job) | {"tls": "mutual"}
        if job == "redis":
            told["command"] = "redis-server"
        else:
            told |= {"consul": f"127.0.0.1:{self.https}", "consul_tls": "true"}
        self.nomad.run(JOBS / f"{job}.nomad.hcl", told, JOB_S)


def _do_as_told(cluster: Cluster, folder: Path) -> None:
    """Carry out what README.md says about TLS; Consul has an authority of its own."""
    text = (JOBS / "README.md").read_text()
    [adding] = re.findall(r"^```\n(add\(\) .*?)^```", text, re.MULTILINE | re.DOTALL)
    told = text.partition("### TLS\n")[2].partition("\n### ")[0]
    blocks = re.findall(r"^```\n(.*?)^```", told, re.MULTILINE | re.DOTALL)
    ours = (
        "cat ca.pem consul-ca.pem > both.pem\n"
        "add nomad/jobs TLS_CA=@both.pem CONSUL_CA=@consul-ca.pem\n"
    )
    done = subprocess.run(
        ["bash", "-euc", "".join([adding, *blocks, ours])],
        cwd=folder,
        env=environment(cluster),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[SecuredCluster]:
    """A cluster with TLS at every door but Nomad's own."""
    if agents.lacking():
        pytest.skip(f"not on the path: {agents.lacking()}")
    with ExitStack() as stack:
        plain = stack.enter_context(agents.cluster())
        authority = Authority(tmp_path, "consul-ca")
        made = SecuredCluster(
            state=plain.state,
            consul_port=plain.consul_port,
            nomad_port=plain.nomad_port,
            tls=authority.issue("consul"),
        )
        made.start_agents()
        made.nomad.put_secrets({"FNQ_TOKEN": TOKEN, "REDIS_PASSWORD": "another"})
        _do_as_told(made, tmp_path)
        with ThreadPoolExecutor() as pool:
            list(pool.map(made.run_job, ("redis", "server", "consumer")))
        yield made


def test_a_function_is_called_with_tls_from_end_to_end(
    secured: SecuredCluster, tmp_path: Path
) -> None:
    """Each end shows a certificate, Consul in its checks too; without one nobody is let in."""
    trusting = {
        "FNQ_ADDR": f"consul://127.0.0.1:{secured.https}",
        "FNQ_TOKEN": TOKEN,
        "CONSUL_HTTP_SSL": "true",
        "CONSUL_CACERT": secured.tls.ca,
        "FNQ_TLS_CA": f"{tmp_path}/ca.pem",
    }
    shown = {"FNQ_TLS_CERT": f"{tmp_path}/worker.pem", "FNQ_TLS_KEY": f"{tmp_path}/worker.key"}
    assert run(secured, "double.py", **trusting, **shown) == "42\n"
    with pytest.raises(AssertionError, match=r"TlsError: .* it wants a certificate of this end"):
        run(secured, "double.py", **trusting)
    (place,) = Consul(secured.consul.address).healthy("fnq-server")
    with pytest.raises(AssertionError, match=rf"TlsError: .*{place}: it speaks TLS"):
        run(secured, "double.py", FNQ_ADDR=place)
