"""Whether who calls a function by name can go on so when its version changes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fnq.v1 import spec_pb2
from fnq_server.compatibility import change_warning, incompatible
from fnq_wire.signature import Signature


def _body(head: str) -> Any:
    """Return a function with this head."""
    names: dict[str, Any] = {}
    exec(f"from __future__ import annotations\ndef f{head}: ...", names)  # noqa: S102 - ours
    return names["f"]


def _spec(head: str, kind: str = "function") -> spec_pb2.FunctionSpec:
    """Return the spec of a def with this head: types are as they are written."""
    body = _body(head)
    spec = spec_pb2.FunctionSpec(name="f", kind=kind)
    hints = body.__annotations__
    spec.returns = hints.get("return", "any")
    for each in Signature.of(body).parameters:
        spec.parameters.add(
            name=each.name,
            kind=each.kind,
            required=each.required,
            type=hints.get(each.name, "any"),
        )
    return spec


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("()", "()", None),
        ("(a)", "(a)", None),
        ("(a)", "(a, b=1)", None),
        ("(a)", "(a=1)", None),
        ("(a)", "(a, *rest, **more)", None),
        ("(a, b)", "(a, *, b)", "'b' is no longer there to be given by its place"),
        ("(a)", "(b)", "'a' is no longer there to be named"),
        ("(a, b)", "(a)", "'b' is no longer there to be named"),
        ("(a, b)", "(b, a)", "'b' is where 'a' was"),
        ("(a)", "(b=1, a=2)", "'b' is where 'a' was"),
        ("(a)", "(a, b)", "'b' must be given now"),
        ("(a=1)", "(a)", "'a' must be given now"),
        ("(*, a=1)", "(*, a)", "'a' must be given now"),
        ("(a, /)", "(b, /)", None),
        ("(a, /)", "(b)", None),
        ("(a)", "(a, /)", "'a' is no longer there to be named"),
        ("(a, /)", "(a)", None),
        ("(a)", "(*rest, a)", "'a' is no longer there to be given by its place"),
        ("(a, /)", "(x=0, *, a)", "'a' must be given now"),
        ("(a, b, /)", "(*rest)", None),
        ("(a, /, *, b)", "(b, **more)", "'b' is where 'a' was"),
        ("(*, a)", "(a, /, **more)", "'a' must be given now"),
        ("(*rest, a)", "(a, *rest)", "'a' is where more could be given before"),
        ("(*rest)", "()", "it takes no *rest any more"),
        ("(**more)", "(a=1)", "it takes no **more any more"),
        ("(*, a)", "(**more)", None),
        ("(a: int64)", "(a: string)", "the type of 'a' is string, and was int64"),
        ("(a)", "(a: int64)", "the type of 'a' is int64, and was any"),
        ("(a: int64)", "(a)", None),
        ("() -> int64", "() -> string", "it returns string, and returned int64"),
        ("() -> int64", "()", None),
    ],
)
def test_a_change_that_breaks_a_call_is_named(old: str, new: str, reason: str | None) -> None:
    """The first that is found; one that breaks none is fine."""
    assert incompatible(_spec(old), _spec(new)) == reason


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("function", "coroutine", None),
        ("generator", "async_generator", None),
        ("function", "generator", "it yields now"),
        ("async_generator", "function", "it yields no more"),
    ],
)
def test_who_gets_a_value_does_not_get_a_stream(old: str, new: str, reason: str | None) -> None:
    """Whether it is async is its own affair."""
    assert incompatible(_spec("()", old), _spec("()", new)) == reason


def test_a_warning_has_both_signatures_and_the_calls_that_wait() -> None:
    """One sentence; none where nothing breaks."""
    old, new = _spec("(a: int64)"), _spec("(b: int64)")
    assert change_warning(old, new, 3) == (
        "f changes from f(a: int64) to f(b: int64): 'a' is no longer there to be named; 3 calls "
        "wait and will run on the old version, and whoever calls it by name must change, too"
    )
    assert "; 1 call waits and" in str(change_warning(old, new, 1))
    assert change_warning(old, old, 3) is None


_NAMES = st.permutations(["a", "b", "c"])


@st.composite
def heads(draw: st.DrawFn) -> str:
    """Heads with up to three parameters of all kinds."""
    names = draw(_NAMES)[: draw(st.integers(0, 3))]
    words: list[str] = []
    at = draw(st.integers(0, len(names)))
    optional = False
    for each in names[:at]:
        optional = optional or draw(st.booleans())
        words.append(f"{each}=0" if optional else each)
    if draw(st.booleans()) and words:
        words.insert(draw(st.integers(1, len(words))), "/")
    rest = draw(st.booleans())
    if rest or names[at:]:
        words.append("*rest" if rest else "*")
    words += [f"{each}=0" if draw(st.booleans()) else each for each in names[at:]]
    if draw(st.booleans()):
        words.append("**more")
    return f"({', '.join(words)})"


@given(heads(), heads(), st.integers(0, 3), st.sets(st.sampled_from("abc")))
def test_a_call_that_fits_goes_on_to_fit(old: str, new: str, places: int, named: set[str]) -> None:
    """Where nothing is said to break, whatever could be called can be called."""
    if incompatible(_spec(old), _spec(new)) is not None:
        return
    args, kwargs = (0,) * places, dict.fromkeys(named, 0)
    try:
        _body(old)(*args, **kwargs)
    except TypeError:
        return
    _body(new)(*args, **kwargs)
