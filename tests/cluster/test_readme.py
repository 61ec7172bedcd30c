"""From an empty cluster to the specification's examples, by the commands of jobs/README.md."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import agents
from tests.cluster.readme import ACLS
from tests.house import source

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(agents.lacking()), reason=f"not on the path: {agents.lacking()}"),
    pytest.mark.skipif(os.getuid() != 0, reason="only root may have ports and paths of its own"),
]


@pytest.mark.parametrize("acls", [(), (ACLS,)], ids=["without ACLs", "with ACLs"])
def test_an_operator_who_types_what_is_written_has_the_examples_answer(
    acls: tuple[str, ...], tmp_path: Path
) -> None:
    """And ends all of it again; found through Consul, by tokens that have the least rights."""
    log = tmp_path / "typed"
    words = ["unshare", "--mount", "--net", sys.executable, "-m", "tests.cluster.readme", *acls]
    with log.open("wb") as out:
        done = subprocess.run(words, cwd=source.ROOT, stdout=out, stderr=out, check=False)
    typed = log.read_text(errors="replace")
    print(typed[-20_000:])
    assert done.returncode == 0
    assert "\n8\n" in typed
