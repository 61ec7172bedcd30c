"""What jobs/README.md tells an operator to type, typed on a machine that has nothing yet.

Runs in namespaces of its own for mounts and network, so that the usual ports and the
paths that the document names are free: `unshare --mount --net python -m tests.cluster.readme`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from jobs.agent import own_environment
from jobs.cluster import JOBS, Cluster
from tests.guarded import guarded
from tests.guardedconsul import guarded_consul
from tests.house import source

__all__ = ["Block", "blocks", "main"]

README = JOBS / "README.md"
#: The ports of both agents where nobody says others.
CONSUL_PORT, NOMAD_PORT = 8500, 4646
#: Under this heading all is ended again.
LAST = "Stopping"
#: What is only typed where it holds: a driver, and whether there are ACLs.
DRIVER, ACLS = "raw_exec", "acl"
#: The specification's examples.
EXAMPLES = "tests/spec/test_examples.py"
_HEADING = re.compile(r"#+ (?:\d+\. )?(.*)")
_TO_NOMAD = re.compile(r"\bnomad (?:acl|job|var) ")
_FENCE = re.compile(r"```(.*)")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines between fences, what stands after the first one, and the heading above."""

    heading: str
    words: tuple[str, ...]
    text: str


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a document."""
    found: list[Block] = []
    heading, words, lines = "", None, list[str]()
    for line in text.splitlines():
        fence = _FENCE.fullmatch(line)
        if fence and words is None:
            words, lines = tuple(fence[1].split()), []
        elif fence and words is not None:
            found.append(Block(heading, words, "\n".join(lines)))
            words = None
        elif words is not None:
            lines.append(line)
        elif title := _HEADING.fullmatch(line):
            heading = title[1]
    return found


@dataclass
class Terminal:
    """A shell in which one block after the other is typed."""

    env: dict[str, str] = field(default_factory=own_environment)

    def type(self, block: Block) -> None:
        """Run a block; what it exports stays. Raises CalledProcessError where a line fails."""
        print(f"--- {block.heading}\n{block.text}", flush=True)
        if block.words[0] == "python":
            subprocess.run([sys.executable, "-c", block.text], env=self.env, check=True)
            return
        with tempfile.NamedTemporaryFile() as kept:
            text = f"set -euo pipefail\n{block.text}\nenv -0 > {kept.name}"
            subprocess.run(["bash", "-c", text], cwd=source.ROOT, env=self.env, check=True)
            pairs = kept.read().decode().split("\0")[:-1]
        self.env = {name: value for name, _, value in (each.partition("=") for each in pairs)}

    def spec(self) -> None:
        """Have the specification's examples answer."""
        with tempfile.TemporaryDirectory() as folder:
            options = ("-q", "-p", "no:cacheprovider", f"--basetemp={folder}/spec", EXAMPLES)
            words = [sys.executable, "-m", "pytest", *options]
            subprocess.run(words, cwd=source.ROOT, env=self.env, check=True)


@contextmanager
def _plain(terminal: Terminal) -> Iterator[None]:
    """Give both agents, without ACLs."""
    with tempfile.TemporaryDirectory(prefix="r-") as folder:
        cluster = Cluster(Path(folder) / "s", CONSUL_PORT, NOMAD_PORT)
        try:
            cluster.start_agents()
            yield
        finally:
            cluster.down()


@contextmanager
def _guarded_nomad(terminal: Terminal) -> Iterator[None]:
    """Give Nomad, with ACLs and the token of Consul that was made for it."""
    consul = f"127.0.0.1:{CONSUL_PORT}"
    token = terminal.env["CONSUL_TOKEN_OF_NOMAD"]
    with guarded(NOMAD_PORT, consul, token) as nomad:
        terminal.env["NOMAD_TOKEN"] = nomad.token
        yield


def _type_all(terminal: Terminal, wanted: list[Block]) -> None:
    """Type what there is to type; the examples answer before all is ended."""
    for block in (each for each in wanted if each.heading != LAST):
        terminal.type(block)
    terminal.spec()
    for block in (each for each in wanted if each.heading == LAST):
        terminal.type(block)


def _holds(block: Block, acls: bool) -> bool:
    """Whether a block is one to type, and holds here."""
    if block.words[:1] not in (("sh",), ("python",)):
        return False
    return set(block.words[1:]) <= {DRIVER, *([ACLS] if acls else [])}


def _furnish() -> None:
    """Have a network of one machine, and the folders that the document names."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for folder in ("/opt", "/srv"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], check=True)
    # As a node has it: from a wheel, with an index to install from.
    os.symlink(Path(sys.prefix), "/opt/fnq")


def main(acls: bool) -> None:
    """Type all, with ACLs or without."""
    _furnish()
    terminal = Terminal()
    wanted = [each for each in blocks(README.read_text()) if _holds(each, acls)]
    if not acls:
        with _plain(terminal):
            _type_all(terminal, wanted)
        return
    with guarded_consul(CONSUL_PORT) as consul:
        terminal.env["CONSUL_HTTP_TOKEN"] = consul.token
        while not _TO_NOMAD.search(wanted[0].text):
            terminal.type(wanted.pop(0))
        with _guarded_nomad(terminal):
            _type_all(terminal, wanted)


if __name__ == "__main__":
    main(acls=sys.argv[1:] == [ACLS])
