"""References to volumes."""

from __future__ import annotations

import pytest

from chalkcompute import Volume


def test_a_volume_is_its_name() -> None:
    """Two references of one name are equal."""
    assert Volume("model-cache") == Volume("model-cache")


@pytest.mark.parametrize("name", ["", "/models", "a b", "x" * 129])
def test_a_bad_name_is_refused(name: str) -> None:
    """A name goes into paths, so it has none of their signs."""
    with pytest.raises(ValueError, match="Volume: expected a name"):
        Volume(name)


def test_a_name_of_another_type_is_refused() -> None:
    """A name is text."""
    with pytest.raises(TypeError, match="Volume: expected a name"):
        Volume(None)  # type: ignore[arg-type]
