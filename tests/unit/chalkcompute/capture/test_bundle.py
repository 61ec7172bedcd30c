"""The zip that a bundle is."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from chalkcompute.capture.bundle import Cargo
from fnq_wire.error import DeployError
from fnq_wire.limits import MAX_BUNDLE


def test_the_bytes_depend_on_the_members_alone() -> None:
    """Not on the order in which they came, the clock, or a compressor."""
    one, two = Cargo(), Cargo()
    one.add("b/x", b"1")
    one.add("a", b"2", executable=True)
    two.add("a", b"2", executable=True)
    two.add("b/x", b"1")
    digest, data = one.pack()
    assert (digest, data) == two.pack()
    assert digest == hashlib.sha256(data).hexdigest()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["a", "b/x"]
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
        assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_the_bytes_are_those_of_every_version() -> None:
    """A change here makes a new version of every function that is deployed."""
    cargo = Cargo()
    cargo.add("pkg/data/", b"")
    cargo.add("pkg/__init__.py", "é".encode())
    cargo.add("ü.py", b"", executable=True)
    assert cargo.pack()[0] == "6ace2ccdf79c81da026fbac586fe09ee4d240b03521096c86f5c774695105961"


def test_a_member_is_taken_once() -> None:
    """The first one stays."""
    cargo = Cargo()
    cargo.add("a", b"1")
    cargo.add("a", b"2")
    with zipfile.ZipFile(io.BytesIO(cargo.pack()[1])) as archive:
        assert archive.read("a") == b"1"


def test_too_much_is_refused_with_the_largest_members() -> None:
    """By the title that people know them by."""
    cargo = Cargo()
    cargo.add("values/1", bytes(MAX_BUNDLE), title="the variable 'X'")
    with pytest.raises(DeployError, match=r"the variable 'X' \(64\.0 MiB\), a \(0\.0 MiB\)"):
        cargo.add("a", b"1")
