"""Functions inside functions, and those that another one has replaced."""

from __future__ import annotations

import sys

import pytest

from chalkcompute.capture import capture
from fnq_wire.error import DeployError
from tests.unit.chalkcompute.capture.workshop import Workshop


def test_a_function_in_a_function_travels_with_what_it_closes_over(workshop: Workshop) -> None:
    """Its cells and defaults are values, its globals follow the four rules."""
    workshop.run("""
        import fake, re
        PAT = re.compile("a+")
        def make(n, tags):
            local = 10
            @fake.function(cpu=local)
            def f(x, y=n * 2, *, z=[local]):
                '''Doc.'''
                import json
                return x + n + y, sorted(tags), z, PAT.findall("aab"), json.dumps(n)
            return f
        f = make(3, {"b", "a"})
        g = make(4, set())
    """)
    bodies = [workshop.body(name) for name in "fg"]
    bundle = capture(bodies)
    root = workshop.unpacked(bundle)
    assert [bundle.where[each][1] for each in bodies] == ["make.<locals>.f", "make.<locals>.f#2"]
    first, second = (workshop.interpreter.call(root, bundle.where[each], 1) for each in bodies)
    assert first == (10, ["a", "b"], [10], ["aa"], "3")
    assert second[0] == 13


def test_it_may_call_itself(workshop: Workshop) -> None:
    """Through its own name it finds what the decorator made of it."""
    workshop.run("""
        import fake
        def make():
            @fake.function
            def f(n): return type(f).__name__ if n else f.__qualname__
            return f
        f = make()
    """)
    assert workshop.call(1) == "Handle"
    assert workshop.call(0) == "make.<locals>.f"


@pytest.mark.parametrize("wraps", ["@functools.wraps(inner)", ""])
def test_a_decorator_above_the_remote_one_stays_at_the_caller(
    workshop: Workshop, wraps: str
) -> None:
    """It wraps the handle; in the worker it would make the call anew, without an end."""
    workshop.run(f"""
        import fake, functools
        seen = []
        def timed(inner):
            {wraps}
            def wrapper(*args):
                return "timed", inner(*args)
            seen.append(inner)
            return wrapper
        @timed
        @fake.function
        def f(x): return x + 1
    """)
    (handle,) = workshop.namespace["seen"]
    bundle = capture([handle.body])
    root = workshop.unpacked(bundle)
    assert workshop.interpreter.call(root, bundle.where[handle.body], 1) == 2


@pytest.mark.parametrize(
    ("inside", "outside", "why"),
    [
        ("return helper()", "def helper(): pass", "closes over 'helper', of type function"),
        ("return lock", "lock = object()", "closes over 'lock', of type object"),
        ("return unset", "if 0: unset = 1", "closes over 'unset', which is unset"),
        ("return f", "cpu = 2", "calls itself"),
    ],
)
def test_a_closure_over_what_cannot_travel_is_refused(
    workshop: Workshop, inside: str, outside: str, why: str
) -> None:
    """Cells are values or an error, which has the line."""
    cpu = "cpu=cpu" if "cpu" in outside else ""
    workshop.run(
        f"import fake\ndef make():\n  {outside}\n  @fake.function({cpu})\n  def f():\n"
        f"    {inside}\n  return f\nf = make()\n"
    )
    with pytest.raises(DeployError, match=rf"script\.py:5: .*{why}"):
        workshop.capture()


def test_a_default_that_cannot_travel_is_refused(workshop: Workshop) -> None:
    """Also when only the function around it could have made it."""
    workshop.run("""
        import fake
        def make():
            @fake.function
            def f(x=object()): return x
            return f
        f = make()
    """)
    with pytest.raises(DeployError, match=r"script\.py:5: the default of 'x'"):
        workshop.capture()


def test_a_replaced_function_keeps_its_own_source(workshop: Workshop) -> None:
    """A handle that was made before its name was bound anew is what it was."""
    workshop.run("""
        import fake
        LIMIT = 5
        @fake.function
        def f(n=LIMIT): return "old", n, type(f).__name__
        old = f
        @fake.function
        def f(): return "new"
    """)
    old, new = workshop.body("old"), workshop.body("f")
    bundle = capture([new, old])
    root = workshop.unpacked(bundle)
    assert bundle.where[new] == ("__main__", "f")
    assert workshop.interpreter.call(root, bundle.where[old]) == ("old", 5, "Handle")
    assert workshop.interpreter.call(root, bundle.where[new]) == "new"


def test_one_in_a_module_is_made_in_that_module(workshop: Workshop) -> None:
    """The module is shipped whole, and gives the globals."""
    workshop.write(
        "tasks.py",
        """
        import fake
        LOCK = object()
        def make(n):
            @fake.function
            def f(): return n, type(LOCK).__name__, __name__
            return f
        """,
    )
    import tasks  # type: ignore[import-not-found,unused-ignore]

    body = tasks.make(7).body
    bundle = capture([body])
    assert bundle.where[body] == ("tasks", "make.<locals>.f")
    assert workshop.interpreter.call(workshop.unpacked(bundle), bundle.where[body]) == (
        7, "object", "tasks",
    )  # fmt: skip
    assert "tasks" in sys.modules
