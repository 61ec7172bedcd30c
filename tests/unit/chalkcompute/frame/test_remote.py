"""What lies behind a URL is read and written as what lies on this machine."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pyarrow import fs

from chalkcompute.frame import place
from chalkcompute.frame.dataframe import DataFrame
from chalkcompute.frame.expression import columns as _
from chalkcompute.frame.source import Files


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Return the address of an object store."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


@pytest.fixture(params=["memory", "s3"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Return how URLs of a new folder begin, and how they end."""
    name = uuid.uuid4().hex
    if request.param == "memory":
        return f"memory://{name}", ""
    address = request.getfixturevalue("s3")
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    options = f"?region=us-east-1&scheme=http&endpoint_override={address}"
    filesystem, path = place.opened(f"s3://{name}{options}&allow_bucket_creation=true")
    filesystem.create_dir(path)
    return f"s3://{name}/in", options


def _put(base: tuple[str, str], name: str, data: bytes) -> None:
    filesystem, path = place.opened(base[0] + "/" + name + base[1])
    filesystem.create_dir(path.rpartition("/")[0])
    with filesystem.open_output_stream(path) as stream:
        stream.write(data)


def test_a_url_is_read_and_written(base: tuple[str, str]) -> None:
    """Files, globs, directories and lists work as they do locally."""
    begin, end = base
    _put(base, "a.csv", b"n\n1\n")
    _put(base, "b.csv", b"n\n2\n")
    _put(base, "year=2024/c.csv", b"n\n3\n")
    _put(base, "year=2024/c.txt", b"no")
    for where, numbers in (
        (f"{begin}/a.csv{end}", [1]),
        (f"{begin}/*.csv{end}", [1, 2]),
        (f"{begin}/**/*.csv{end}", [1, 2, 3]),
        (f"{begin}{end}", [1, 2, 3]),
        ([f"{begin}/b.csv{end}", f"{begin}/year=*/*.csv{end}"], [2, 3]),
    ):
        assert DataFrame.scan(where).select("n").collect().to_pydict() == {"n": numbers}
    whole = DataFrame.scan(f"{begin}{end}")
    assert whole.filter(_.year == 2024).count() == 1
    assert whole.write_parquet(f"{begin}/out/all.parquet{end}") == 3
    assert DataFrame.scan(f"{begin}/out/all.parquet{end}").to_arrow() == whole.to_arrow()
    assert DataFrame.scan(f"{begin}/out/all.parquet{end}").count() == 3


def test_nothing_is_left_of_a_file_that_could_not_be_written(base: tuple[str, str]) -> None:
    """What was there stays what it was, and nothing lies beside it."""
    begin, end = base
    _put(base, "x.parquet", b"as it was")
    frame = DataFrame.from_pydict({"n": [1, 0]}).project(m=1 // _.n)
    with pytest.raises(ValueError, match="divided by zero"):
        frame.write_parquet(f"{begin}/x.parquet{end}")
    filesystem, path = place.opened(begin + end)
    infos = filesystem.get_file_info(fs.FileSelector(path))
    assert [info.base_name for info in infos] == ["x.parquet"]
    with filesystem.open_input_stream(f"{path}/x.parquet") as stream:
        assert stream.read() == b"as it was"


def test_a_frame_of_what_lies_far_away_is_shown_without_rows(
    base: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and types are known already; nothing more is read."""
    begin, end = base
    _put(base, "a.csv", b"n\n1\n")
    frame = DataFrame.scan(f"{begin}/a.csv{end}")

    def refuse(*_args: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(Files, "_read", refuse)
    assert repr(frame) == f"DataFrame of {begin}/a.csv{end}\n  n  int64"
    assert frame._repr_html_().count("<tr>") == 1


def test_what_is_not_there_is_told(base: tuple[str, str]) -> None:
    """The error names the URL."""
    begin, end = base
    _put(base, "a.csv", b"n\n1\n")
    for name, text in (("b.csv", "no such file or directory"), ("*.pq", "no file matches")):
        with pytest.raises(FileNotFoundError) as raised:
            DataFrame.scan(f"{begin}/{name}{end}")
        assert str(raised.value).startswith(f"{begin}/{name}{end}: {text}")
