"""The context of a build is the same bytes for the same files."""

from __future__ import annotations

import io
import tarfile

from fnq_server.image.docker.context import pack
from fnq_server.image.docker.layer import Layer
from fnq_wire.archive import Member


def test_equal_files_are_equal_bytes() -> None:
    """In whatever order they come."""
    first = {"a": Member(b"1"), "b/c": Member(b"2", may_run=True), "d": Member(link="a")}
    assert pack("FROM x\n", first) == pack("FROM x\n", dict(reversed(first.items())))


def test_files_folders_links_and_the_right_to_run_are_in_it() -> None:
    """They belong to nobody in particular, and have no time."""
    members = {"b/c": Member(b"2", may_run=True), "d": Member(link="b/c"), "e/": Member()}
    packed = pack("FROM x\n", members)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        heads = {head.name: head for head in archive}
        assert [*heads] == ["Dockerfile", "b/c", "d", "e"]
        assert (heads["Dockerfile"].mode, heads["b/c"].mode) == (0o644, 0o755)
        assert heads["e"].isdir()
        assert (heads["d"].linkname, heads["b/c"].mtime, heads["b/c"].uid) == ("b/c", 0, 0)


def test_the_layer_has_the_code_of_runners_and_of_nothing_else() -> None:
    """No service, and no stub."""
    members = Layer().members()
    packages = {path.split("/")[2] for path in members if path.startswith("fnq/code/")}
    assert packages == {"chalkcompute", "fnq_runner", "fnq_wire"}
    assert {"fnq/install.py", "fnq/start.py"} < members.keys()
    assert not [path for path in members if "agent" in path or "work" in path.rpartition("/")[2]]


def test_a_layer_with_an_agent_keeps_it_apart_and_is_another_image() -> None:
    """Runners do not look where its code and its packages are; one command starts it."""
    layer = Layer(agent=True)
    members = layer.members()
    packages = {path.split("/")[3] for path in members if path.startswith("fnq/agent/code/")}
    assert packages == {"fnq", "fnq_core", "fnq_worker"}
    assert members["fnq/work"].may_run
    assert members["fnq/work"].data.startswith(b"#!/bin/sh\n")
    *_, install = layer.dockerfile("x", "").splitlines()
    assert "install.py --agent 'grpcio>=" in install
    assert "redis[hiredis]" in install
    assert "pyarrow" not in install
    assert layer.identity != Layer().identity == Layer().identity


def test_the_layer_leaves_the_user_of_an_image_as_it_is() -> None:
    """It is added by root, who alone may write there."""
    assert Layer().dockerfile("x", "").startswith("FROM x\nCOPY ")
    lines = Layer().dockerfile("x", "joe:staff").splitlines()
    assert (lines[1], lines[-1]) == ("USER 0", 'USER "joe:staff"')
