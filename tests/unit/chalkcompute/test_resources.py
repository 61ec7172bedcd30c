"""Resource hints as numbers."""

from __future__ import annotations

import pytest

from chalkcompute.resources import parse_cpu, parse_gpu, parse_memory


@pytest.mark.parametrize(
    ("value", "millis"), [(2, 2000), (0.5, 500), ("500m", 500), ("2", 2000), ("1.5", 1500)]
)
def test_cores_are_read(value: object, millis: int) -> None:
    """Numbers are cores, "500m" is thousandths."""
    assert parse_cpu(value) == millis


@pytest.mark.parametrize("value", ["", "2 cores", "-1", -1, 0, "0m", float("nan"), "1e3", 10**9])
def test_bad_cores_are_refused(value: object) -> None:
    """A wrong text or number is a ValueError that names the argument and the value."""
    with pytest.raises(ValueError, match=r"cpu: expected cores") as problem:
        parse_cpu(value)
    assert repr(value) in str(problem.value)


@pytest.mark.parametrize("value", [True, None, [2], b"2"])
def test_cores_of_another_type_are_refused(value: object) -> None:
    """A value that is neither number nor text is a TypeError."""
    with pytest.raises(TypeError, match="cpu: expected cores"):
        parse_cpu(value)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("512Mi", 512 << 20),
        ("4Gi", 4 << 30),
        ("1.5Gi", 3 << 29),
        ("2G", 2 * 10**9),
        (1 << 30, 1 << 30),
        ("1073741824", 1 << 30),
    ],
)
def test_memory_is_read(value: object, size: int) -> None:
    """Binary and decimal units and plain bytes are understood."""
    assert parse_memory(value) == size


@pytest.mark.parametrize("value", ["8gb", "", "Gi", "-4Gi", 4, 0, -1, "4", "5000Ti"])
def test_bad_memory_is_refused(value: object) -> None:
    """A wrong unit, and a size that must be a slip of the unit, are ValueErrors."""
    with pytest.raises(ValueError, match="memory: expected"):
        parse_memory(value)


@pytest.mark.parametrize("value", [4.0, True, None])
def test_memory_of_another_type_is_refused(value: object) -> None:
    """A value that is neither whole number nor text is a TypeError."""
    with pytest.raises(TypeError, match="memory: expected"):
        parse_memory(value)


@pytest.mark.parametrize(
    ("value", "gpu"),
    [
        ("nvidia-l4", ("nvidia-l4", 1, 0)),
        ("nvidia-l4:2", ("nvidia-l4", 2, 0)),
        ("2:nvidia-a100", ("nvidia-a100", 2, 0)),
        ("NVIDIA-L4", ("nvidia-l4", 1, 0)),
        ("nvidia:24Gi", ("nvidia", 1, 24 << 30)),
        ("2:nvidia-a100:80Gi", ("nvidia-a100", 2, 80 << 30)),
        ("nvidia-a100:80Gi:2", ("nvidia-a100", 2, 80 << 30)),
    ],
)
def test_gpus_are_read(value: object, gpu: tuple[str, int, int]) -> None:
    """Number and memory stand on either side of the name."""
    assert parse_gpu(value) == (gpu,)


def test_a_list_of_gpus_keeps_its_order() -> None:
    """First choice first; one that is named twice counts once."""
    found = parse_gpu(["nvidia-l4:2", "nvidia-a100", "2:nvidia-l4"])
    assert found == (("nvidia-l4", 2, 0), ("nvidia-a100", 1, 0))
    assert list(map(str, found)) == ["nvidia-l4:2", "nvidia-a100"]


@pytest.mark.parametrize(
    "value",
    ["", "2", ":2", "nvidia-l4:", "nvidia-l4:0", "a:b", "1:l4:2", "l 4", "24Gi", "l4:1Gi:2Gi", []],
)
def test_bad_gpus_are_refused(value: object) -> None:
    """What is not a name with a number is a ValueError."""
    with pytest.raises(ValueError, match="gpu: expected"):
        parse_gpu(value)


def test_a_gpu_of_another_type_is_refused() -> None:
    """A number alone names no GPU."""
    with pytest.raises(TypeError, match="gpu: expected"):
        parse_gpu(1)
    with pytest.raises(TypeError, match="gpu: expected"):
        parse_gpu(["nvidia-l4", 2])


@pytest.mark.parametrize("value", ["nvidia:1Ki", "nvidia:5K", "nvidia:2000Ti"])
def test_memory_of_a_gpu_that_none_has_is_no_fault_of_the_functions_memory(value: str) -> None:
    """The error names the argument that it stands in."""
    with pytest.raises(ValueError, match=r"^gpu: expected .*, not"):
        parse_gpu(value)
