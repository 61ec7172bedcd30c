"""The four rules by which the globals of a script are shipped."""

from __future__ import annotations

import pytest

from fnq_wire.error import DeployError
from tests.unit.chalkcompute.capture.workshop import Workshop


def test_a_value_travels_as_it_is_when_captured(workshop: Workshop) -> None:
    """Rule 1: a global that the wire can carry is a snapshot, not its assignment."""
    workshop.run("""
        import fake
        TABLE = {"a": [1, (2, 3)], "b": None}
        TABLE["c"] = {1, 2}
        WORDS = []
        WORDS += ["x"]
        @fake.function
        def f(): return TABLE, WORDS
        TABLE["d"] = "late"
    """)
    assert workshop.call() == ({"a": [1, (2, 3)], "b": None, "c": {1, 2}, "d": "late"}, ["x"])
    assert "TABLE = " not in workshop.kept(workshop.capture())


def test_a_value_counts_before_an_import(workshop: Workshop) -> None:
    """Rule 1 goes before rule 3: what an import brought travels as a value if it can."""
    workshop.run("""
        import fake
        from math import pi
        @fake.function
        def f(): return pi
    """)
    assert workshop.call() == pytest.approx(3.14159, abs=1e-5)
    assert "math" not in workshop.kept(workshop.capture())


def test_a_def_travels_with_decorators_bases_and_defaults(workshop: Workshop) -> None:
    """Rule 2: whatever a definition names is shipped too, transitively."""
    workshop.run("""
        import fake, functools
        def loud(function):
            @functools.wraps(function)
            def inner(*args): return function(*args).upper()
            return inner
        class Base:
            def name(self): return NAME
        class Meta(type): pass
        class Child(Base, metaclass=Meta): pass
        NAME = "kid"
        SUFFIX = "!"
        @loud
        def helper(end=SUFFIX): return Child().name() + end
        @fake.function(cpu=2)
        def f(): return helper()
        def unused(): return NAME
    """)
    assert workshop.call() == "KID!"
    kept = workshop.kept(workshop.capture())
    assert "@fake.function(cpu=2)" in kept
    assert "unused" not in kept


def test_an_import_travels(workshop: Workshop) -> None:
    """Rule 3: the import statement is shipped, of modules and of what is in them."""
    workshop.run("""
        import fake
        import os.path as path, json
        from collections import OrderedDict as Ordered
        import xml.dom
        import xml.sax
        @fake.function
        def f(): return path.basename("/a/b"), json.dumps(Ordered(a=1)), xml.sax.__name__
    """)
    assert workshop.call() == ("b", '{"a": 1}', "xml.sax")


def test_a_plain_block_around_an_import_travels_whole(workshop: Workshop) -> None:
    """Rule 3: a `try` or `if` of imports, assignments and defs is decided by the worker."""
    workshop.run("""
        import sys
        from typing import TYPE_CHECKING
        import fake
        try:
            import surely_missing
            HAVE = True
        except ImportError:
            surely_missing = None
            HAVE = False
        if sys.version_info >= (3, 11):
            from json import dumps
        else:
            dumps = None
        if TYPE_CHECKING:
            from surely_missing import Thing
        @fake.function
        def f(x: "Thing" = None) -> "Thing": return surely_missing, HAVE, dumps([1])
    """)
    assert workshop.call() == (None, False, "[1]")
    kept = workshop.kept(workshop.capture())
    assert "except ImportError:" in kept
    assert "HAVE = True" in kept
    assert "    from surely_missing import Thing" in kept


def test_the_worker_decides_what_an_optional_import_brings(workshop: Workshop) -> None:
    """A package that only the worker has is there, though the caller saw None."""
    workshop.run("""
        import fake
        try:
            import later
        except ImportError:
            later = None
        @fake.function
        def f(): return later.VALUE
    """)
    bundle = workshop.capture()
    root = workshop.unpacked(bundle)
    (root / "later.py").write_text("VALUE = 7")
    assert workshop.interpreter.call(root, ("__main__", "f")) == 7


def test_an_import_in_a_block_that_does_more_travels_alone(workshop: Workshop) -> None:
    """Rule 3: a block with expression statements is never shipped, its import is."""
    workshop.run("""
        import fake
        try:
            import json
            print("found")
        except ImportError:
            import surely_missing as json
        @fake.function
        def f(): return json.dumps([])
    """)
    assert workshop.call() == "[]"
    kept = workshop.kept(workshop.capture())
    assert "print" not in kept
    assert "surely_missing" not in kept


def test_another_assignment_is_run_again(workshop: Workshop) -> None:
    """Rule 4: what cannot travel is made anew by its assignment."""
    workshop.run("""
        import fake, logging, re, threading
        from collections import namedtuple
        WORD = "a+"
        PAT = re.compile(WORD)
        log = logging.getLogger(__name__)
        A, (B, *C) = object(), (threading.Lock(), 1, 2)
        Point = namedtuple("Point", "x y")
        square = lambda x: x * x
        if (FOUND := re.match("b", "b")): pass
        @fake.function
        def f():
            with B:
                return PAT.findall("aab"), log.name, C, Point(1, 2).y, square(3), bool(FOUND)
    """)
    assert workshop.call() == (["aa"], "__main__", [1, 2], 2, 9, True)


def test_an_assignment_that_reaches_a_handle_is_refused(workshop: Workshop) -> None:
    """Rule 4 never runs a remote call again; the error has the line, however far it reaches."""
    workshop.run("""
        import fake
        @fake.function
        def g(): return 1
        def indirect(): return g
        MADE = [indirect()]
        @fake.function
        def f(): return MADE
    """)
    with pytest.raises(DeployError, match=r"script\.py:6: 'MADE'.*script\.py:8.*'g'"):
        workshop.capture()


def test_a_handle_made_elsewhere_may_be_looked_up_again(workshop: Workshop) -> None:
    """An assignment that makes a handle, and calls none, is run again."""
    workshop.run("""
        import fake
        def body(): return 1
        other = fake.function(body)
        @fake.function
        def f(): return type(other).__name__
    """)
    assert workshop.call() == "Handle"


def test_functions_of_a_set_know_each_other(workshop: Workshop) -> None:
    """A handle that is reached is shipped by rule 2: in a worker it is a handle again."""
    workshop.run("""
        import fake
        @fake.function
        async def g(x): return f
        @fake.function
        def f(): return type(g).__name__, type(f).__name__
    """)
    bundle = workshop.capture("f", "g")
    assert set(bundle.where.values()) == {("__main__", "f"), ("__main__", "g")}
    assert workshop.call() == ("Handle", "Handle")


def test_arguments_of_a_decorator_are_reached(workshop: Workshop) -> None:
    """An image, a policy, a number: each by the rule that fits it."""
    workshop.run("""
        import fake
        class Image:
            def run(self, command): return self
        IMAGE = Image().run("pip install x")
        CPU = 3
        @fake.function(image=IMAGE, cpu=CPU)
        def f(): return f.settings["cpu"], type(f.settings["image"]).__name__
    """)
    assert workshop.call() == (3, "Image")


def test_nothing_else_of_a_script_runs_in_the_worker(workshop: Workshop) -> None:
    """Expression statements and `if __name__` blocks are not even in the bundle."""
    workshop.run("""
        import fake
        print("top")
        @fake.function
        def f(): return 1
        def main(): print("main")
        if __name__ == "__main__":
            main()
            print("guard")
        print(f.body())
    """)
    kept = workshop.kept(workshop.capture())
    assert "print" not in kept
    assert "main" not in kept
    assert workshop.call() == 1


@pytest.mark.parametrize(
    ("binding", "line", "why"),
    [
        ("for LOCK in [threading.Lock()]: pass", 3, "bound by a loop"),
        ("with threading.Lock() as HELD: LOCK = object()", 3, "bound by a loop"),
        ("globals()['LOCK'] = object()", 5, "no def, import or assignment"),
        ("if __name__ == '__main__': LOCK = object()", 3, "`if __name__`"),
        ("def make(): global LOCK; LOCK = object()\nmake()", 6, "no def, import or assignment"),
        ("LOCK = {}\nLOCK.update(a=print)", 4, "changes 'LOCK'"),
        ("LOCK = {}\nfor i in [1]: LOCK[i] = print", 4, "changes 'LOCK'"),
    ],
)
def test_what_cannot_be_shipped_is_refused_with_the_line(
    workshop: Workshop, binding: str, line: int, why: str
) -> None:
    """A name without a rule fails the deploy, and says where and why."""
    source = f"import fake\nimport threading\n{binding}\n@fake.function\ndef f(): return LOCK\n"
    workshop.run(source)
    with pytest.raises(DeployError, match=rf"script\.py:{line}: .*{why}"):
        workshop.capture()


def test_names_that_do_not_exist_are_left_to_python(workshop: Workshop) -> None:
    """Builtins and names that are nowhere bound do not fail the deploy."""
    workshop.run("""
        import fake
        @fake.function
        def f(x: "Nowhere") -> "list[Nowhere]":
            try:
                return nowhere
            except NameError:
                return len(__name__), __doc__
    """)
    assert workshop.call(1) == (8, None)


def test_a_helper_further_down_is_seen(workshop: Workshop) -> None:
    """What is defined after the function is shipped, also if it has not run yet."""
    workshop.run("""
        import fake
        @fake.function
        def f(): return helper(), later()
        def helper(): return 1
        if __name__ != "__main__":
            def later(): return 2
    """)
    assert workshop.call() == (1, 2)


@pytest.mark.timeout(10)
def test_what_only_annotations_name_is_tried_once(workshop: Workshop) -> None:
    """A class that cannot be shipped and names itself does not keep the deploy from ending."""
    workshop.run("""
        from __future__ import annotations
        import fake, threading
        for lock in [threading.Lock()]: pass
        class A:
            other: A
            held = lock
        class B:
            first: A
        @fake.function
        def f(v: A = None, w: B = None): return 7
    """)
    assert workshop.call() == 7
    kept = workshop.kept(workshop.capture())
    assert "class B" in kept
    assert "class A" not in kept


def test_a_class_that_is_not_shipped_brings_nothing_along(workshop: Workshop) -> None:
    """What only its annotations name stays behind with it."""
    workshop.run("""
        from __future__ import annotations
        import fake, threading
        for lock in [threading.Lock()]: pass
        class Friend: pass
        class A:
            friend: Friend
            held = lock
        @fake.function
        def f(v: A = None): return 7
    """)
    assert workshop.call() == 7
    assert "Friend" not in workshop.kept(workshop.capture())
