"""What may be shown of a build."""

from __future__ import annotations

import pytest

from fnq_server.image.masking import mask


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Looking in https://me:s3cr3t@pypi.example/simple", "https://***@pypi.example/simple"),
        ("http://me:p@s3cr3t@pypi.example/simple", "http://***@pypi.example/simple"),
        ("git+ssh://git@example.org/x", "git+ssh://***@example.org/x"),
        ("--index-url=http://token@h:8080/", "--index-url=http://***@h:8080/"),
        (
            "https://pypi.org/simple and me@example.org",
            "https://pypi.org/simple and me@example.org",
        ),
        ("cowsay @ https://example.org/cowsay.whl", "cowsay @ https://example.org/cowsay.whl"),
    ],
)
def test_urls_are_shown_without_user_and_password(text: str, shown: str) -> None:
    """All else stays as it is."""
    assert mask(text).endswith(shown)
    assert "s3cr3t" not in mask(text)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("piece", ["x", "://", "://x", "a+b."])
def test_a_line_without_end_is_searched_once(piece: str) -> None:
    """What a command prints is searched by the server's loop, which all callers share."""
    assert mask(piece * 300_000) == piece * 300_000
