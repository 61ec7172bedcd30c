"""What paths, globs, directories and URLs stand for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from chalkcompute.frame import place


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory, with some files."""
    for name in (
        "b.csv",
        "a.csv",
        "c[1].csv",
        "_SUCCESS",
        "year=2024/month=1/x.csv",
        "year=2025/y.csv",
        "year=2025/.hidden",
    ):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("n\n1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("in/a.csv", ["a.csv"]),
        (Path("in") / "a.csv", ["a.csv"]),
        (["in/b.csv", "in/a.csv"], ["b.csv", "a.csv"]),
        ("in/?.csv", ["a.csv", "b.csv"]),
        ("in/c[1].csv", ["c[1].csv"]),
        ("in/*/*.csv", ["year=2025/y.csv"]),
        ("in/**/[xy].csv", ["year=2024/month=1/x.csv", "year=2025/y.csv"]),
        (
            "in",
            ["a.csv", "b.csv", "c[1].csv", "year=2024/month=1/x.csv", "year=2025/y.csv"],
        ),
        (["in/b.csv", "in/year=*/*.csv"], ["b.csv", "year=2025/y.csv"]),
    ],
)
def test_files_come_in_order(folder: Path, where: Any, names: list[str]) -> None:
    """Those of a list as they are listed, those of a glob or directory by path."""
    files = place.found(where).files
    assert [str(Path(file.path).relative_to(folder / "in")) for file in files] == names


def test_directories_of_hive_are_keys(folder: Path) -> None:
    """What lies below the directory or glob that was asked for has keys, nothing above it."""
    assert [file.keys for file in place.found("in").files[3:]] == [
        (("year", "2024"), ("month", "1")),
        (("year", "2025"),),
    ]
    assert [file.keys for file in place.found("in/year=2025").files] == [()]
    assert [file.keys for file in place.found("in/year=*/y.csv").files] == [(("year", "2025"),)]


def test_a_url_of_a_file_is_a_path(folder: Path) -> None:
    """file:// names what lies on this machine, with what URLs quote."""
    (folder / "a b.csv").write_text("n\n1\n")
    [file] = place.found(f"file://{folder}/a%20b.csv").files
    assert (file.path, file.local) == (str(folder / "a b.csv"), True)


@pytest.mark.parametrize(
    ("where", "kind", "text"),
    [
        ("in/none.csv", FileNotFoundError, "in/none.csv: no such file or directory (looked in {})"),
        ("/none/x.csv", FileNotFoundError, "/none/x.csv: no such file or directory"),
        (
            "in/*.parquet",
            FileNotFoundError,
            "in/*.parquet: no file matches the pattern (looked in {})",
        ),
        (
            "empty",
            FileNotFoundError,
            (
                "empty: the directory has no files (names that begin with _ or . do not count) "
                "(looked in {})"
            ),
        ),
        ([], ValueError, "scan: the list of files is empty: name at least one"),
        ("", ValueError, "scan: the path is empty"),
        (["a.csv", ""], ValueError, "scan: the path is empty"),
        (5, TypeError, "scan: expected a path, a URL or a list of these, not 5"),
        (b"x.csv", TypeError, "scan: expected a path, a URL or a list of these, not b'x.csv'"),
        (["a.csv", 5], TypeError, "scan: expected a path, a URL or a list of these, not 5"),
        ("nope://x/y", ValueError, "nope://x/y: neither pyarrow nor fsspec knows nope://"),
    ],
)
def test_what_is_not_there_is_told(
    folder: Path, where: Any, kind: type[Exception], text: str
) -> None:
    """The error names what was looked for, and where."""
    (folder / "empty").mkdir()
    with pytest.raises(kind) as raised:
        place.found(where)
    assert str(raised.value) == text.format(folder)


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a/*.csv", ["a/x.csv", "a/.csv"], ["a/b/x.csv", "a/xcsv"]),
        ("a/**/x", ["a/x", "a/b/x", "a/b/c/x"], ["b/x", "a/bx"]),
        ("a/?[!0-4].csv", ["a/x5.csv"], ["a/x3.csv", "a/5.csv"]),
    ],
)
def test_a_remote_glob_matches_as_a_local_one(pattern: str, yes: list[str], no: list[str]) -> None:
    """A star stays within a directory, two do not."""
    expression = place._expression(pattern)
    assert [bool(expression.fullmatch(path)) for path in yes + no] == [True] * len(yes) + [
        False
    ] * len(no)


def test_a_url_of_an_object_store_may_have_options_and_a_pattern() -> None:
    """What follows the question mark is for the file system, what is before it is the path."""
    filesystem, path = place.opened("s3://bucket/a b/*.parquet?region=eu-west-1")
    assert isinstance(filesystem, fs.S3FileSystem)
    assert (filesystem.region, path) == ("eu-west-1", "bucket/a b/*.parquet")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("s3://ID:PASS@bucket/a@b.parquet", "s3://***@bucket/a@b.parquet"),
        (
            "abfs://c@a/x?sas_token=PASS&x=1&client_secret=PASS",
            "abfs://***@a/x?sas_token=***&x=1&client_secret=***",
        ),
        ("in/a@b.csv", "in/a@b.csv"),
    ],
)
def test_secrets_of_a_url_are_not_shown(url: str, told: str) -> None:
    """Of who asks nothing is left, in what is shown and in errors."""
    assert place.public(url) == told


@pytest.mark.parametrize("url", ["s3://ID:PASS@bucket/x?no=1", "xyz://ID:PASS@host/x"])
def test_an_error_of_a_url_has_no_secret(url: str) -> None:
    """Whoever it is that does not know it."""
    with pytest.raises(ValueError, match=r"\*\*\*@") as raised:
        place.found(url)
    assert "PASS" not in str(raised.value)
